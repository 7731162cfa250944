"""Edits of the region plane: which parts are completely labelled, and which are to be ignored."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.painting import Brush, follow
from segstudio.labels.regions import IGNORE
from segstudio.labels.transaction import Transaction


@dataclass(frozen=True, eq=False)
class RegionStroke:
    """A stroke on the region plane: 0 not stated, 1 completely labelled, 2 ignore."""

    points: ArrayLike
    diameter: float
    value: int
    name: ClassVar[str] = "Mark region"

    def apply(self, tx: Transaction) -> None:
        """Mark along the stroke."""
        follow(tx, self.points, Brush(self.value, self.diameter, None, "regions"))


@dataclass(frozen=True)
class RegionFill:
    """A rectangle of the region plane, or with ``None`` all of it, set to `value`.

    With `keep_ignored`, for the whole plane only, what is to be ignored stays so.
    """

    window: Window | None
    value: int
    keep_ignored: bool = False
    name: ClassVar[str] = "Mark region"

    def apply(self, tx: Transaction) -> None:
        """Set the rectangle."""
        ignored = _ignored(tx.planes.regions) if self.keep_ignored and self.window is None else {}
        tx.fill("regions", self.window or Window.whole(tx.shape), self.value)
        for window, mask in ignored.items():
            tx.write("regions", window, np.where(mask, IGNORE, self.value).astype(np.uint8))


def _ignored(plane: LabelMap) -> dict[Window, NDArray[np.bool_]]:
    """Return where each tile with ignored pixels has them; tiles that share an array are looked at once."""
    masks: dict[int, NDArray[np.bool_]] = {}
    found = {}
    for key in plane.keys():  # noqa: SIM118 - a method of the map, no mapping
        kept, tile = plane.stored(key), plane.tile(key)
        if tile is not None:
            mask = masks.get(id(kept))
            if mask is None:
                mask = tile == IGNORE
                mask = masks[id(kept)] = mask if mask.any() else mask[:0]
            if mask.size:
                found[plane.grid.window(key)] = mask
    return found
