"""A whole plane cleaned up: small objects and those at the border removed, holes filled, as one step."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete
from segstudio.labels.label_map import LabelMap
from segstudio.labels.restore_points import restore_point
from segstudio.labels.shape_edits import FillHoles
from segstudio.labels.transaction import Transaction


@dataclass
class Found:
    """What a `CleanUp` has found, once it was applied: ids of objects."""

    small: set[int] = field(default_factory=set)
    at_border: set[int] = field(default_factory=set)
    with_holes: set[int] = field(default_factory=set)

    @property
    def removed(self) -> set[int]:
        """Objects that are gone."""
        return self.small | self.at_border

    @property
    def changed(self) -> set[int]:
        """All objects that are gone or have got more pixels."""
        return self.removed | self.with_holes


@dataclass(frozen=True, eq=False)
class CleanUp:
    """Objects of fewer pixels than `smallest` removed, those `at_border`, and the `holes` of all others filled.

    With `protect`, objects in a hole stay.
    """

    smallest: int = 0
    at_border: bool = False
    holes: bool = False
    protect: bool = True
    found: Found = field(default_factory=Found, init=False)
    name: ClassVar[str] = "Clean up"
    slow: ClassVar[bool] = True

    @property
    def removed(self) -> tuple[int, ...]:
        """Objects that are gone afterwards."""
        return tuple(sorted(self.found.removed))

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it has changed many."""
        return restore_point(f"Clean up: {len(self.found.changed)} objects", len(self.found.changed))

    def apply(self, tx: Transaction) -> None:
        """Remove, then fill."""
        labels, found = tx.planes.labels, self.found
        found.small = {number for number, area in areas(labels).items() if area < self.smallest}
        found.at_border = border_objects(labels) if self.at_border else set()
        with tx.together():
            Delete(self.removed).apply(tx)
            fill = FillHoles(tuple(sorted(labels.values())) if self.holes else (), self.protect)
            fill.apply(tx)
        found.with_holes = fill.filled


def areas(labels: LabelMap) -> dict[int, int]:
    """Return the number of pixels of each object, counted tile by tile."""
    import fastremap  # late: the window starts without it

    found: dict[int, int] = {}
    for key in labels.keys():  # noqa: SIM118 - a method of the map, no mapping
        tile = labels.tile(key)
        if tile is not None:
            for number, count in zip(
                *(part.tolist() for part in fastremap.unique(tile, return_counts=True)), strict=True
            ):
                if number > 0:
                    found[number] = found.get(number, 0) + count
    return found


def border_objects(labels: LabelMap) -> set[int]:
    """Return the objects with a pixel at the edge of the plane."""
    height, width = labels.shape
    edges = (
        Window(0, 0, 1, width),
        Window(height - 1, 0, height, width),
        Window(0, 0, height, 1),
        Window(0, width - 1, height, width),
    )
    return {number for edge in edges for number in np.unique(labels.read(edge)).tolist() if number > 0}
