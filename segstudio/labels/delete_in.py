"""Objects in a drawn region removed."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete
from segstudio.labels.label_map import LabelMap
from segstudio.labels.raster import polygon
from segstudio.labels.transaction import Transaction


@dataclass(frozen=True, eq=False)
class DeleteIn:
    """All objects with a pixel inside of a closed ring ``(N, 2)`` xy removed, also what of them lies outside.

    Attributes
    ----------
    found
        The objects, once it was applied.
    """

    ring: ArrayLike
    found: set[int] = field(default_factory=set, init=False)
    name: ClassVar[str] = "Delete in a region"
    slow: ClassVar[bool] = True

    @property
    def removed(self) -> tuple[int, ...]:
        """Objects that are gone afterwards."""
        return tuple(sorted(self.found))

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it has removed many."""
        return Delete(self.removed).restore_point

    def apply(self, tx: Transaction) -> None:
        """Find the objects and remove them."""
        self.found.clear()
        self.found.update(objects_in(tx.planes.labels, self.ring))
        Delete(self.removed).apply(tx)


def objects_in(labels: LabelMap, ring: ArrayLike) -> set[int]:
    """Return the objects with a pixel inside of a closed ring ``(N, 2)`` xy, looked for tile by tile."""
    points = np.asarray(ring, float).reshape(-1, 2)
    found: set[int] = set()
    if len(points) < 3:
        return found
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    around = Window(int(low[1]), int(low[0]), int(high[1]), int(high[0]))
    for key in labels.grid.keys(around):
        if not labels.values_in(key) - found:
            continue
        area = labels.grid.window(key)
        window, mask = polygon([points - (area.x0, area.y0)], area.shape)
        if mask.any():
            values = labels.read(window.shift(area.y0, area.x0))
            found.update(value for value in np.unique(values[mask]).tolist() if value > 0)
    return found
