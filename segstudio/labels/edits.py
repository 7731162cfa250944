"""What can be done to an annotation: frozen values that write on a transaction."""

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from segstudio.core.tiles import Window
from segstudio.labels.cutting import cut, line_mask
from segstudio.labels.flood import connected
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.painting import Brush, Painter, Point, follow, write_masked
from segstudio.labels.paste import PasteLabels
from segstudio.labels.raster import polygon
from segstudio.labels.region_edits import RegionFill, RegionStroke
from segstudio.labels.restore_points import restore_point
from segstudio.labels.transaction import FEW_WRITES, Transaction

__all__ = [
    "Brush",
    "Delete",
    "Edit",
    "EraseStroke",
    "Fill",
    "Merge",
    "Painter",
    "PasteLabels",
    "Polygon",
    "RegionFill",
    "RegionStroke",
    "Relabel",
    "Split",
    "Stroke",
    "add_object",
]


class Edit(Protocol):
    """One change; `name` is what the undo menu calls it.

    One that replaces much also says what the history calls it: `restore_point`, see `restore_points`.
    """

    @property
    def name(self) -> str:
        """What the undo menu calls it."""

    def apply(self, tx: Transaction) -> None:
        """Write the change."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """A brush stroke that adds to `object_id`, which it makes when it is not there; ``object_id`` 0 erases.

    `points` is ``(N, 2)`` xy. With `protect`, pixels of other objects stay as they are.
    """

    points: ArrayLike
    diameter: float
    object_id: int
    class_id: int = 1
    protect: bool = True
    name: ClassVar[str] = "Brush stroke"

    def apply(self, tx: Transaction) -> None:
        """Paint the stroke."""
        if self.object_id == 0:
            EraseStroke(self.points, self.diameter).apply(tx)
        elif follow(tx, self.points, Brush(self.object_id, self.diameter, (0,) if self.protect else None)):
            add_object(tx, self.object_id, self.class_id)


@dataclass(frozen=True, eq=False)
class EraseStroke:
    """A stroke that clears all objects under it, or `only` one."""

    points: ArrayLike
    diameter: float
    only: int | None = None
    name: ClassVar[str] = "Erase"

    def apply(self, tx: Transaction) -> None:
        """Erase along the stroke."""
        follow(tx, self.points, Brush(0, self.diameter, None if self.only is None else (self.only,)))


@dataclass(frozen=True)
class Fill:
    """The connected area of equal pixels around `point` (sharing edges), given to `object_id`; 0 clears it.

    With `protect` only empty areas are filled (or, when `object_id` is 0, parts of objects cleared).

    Raises
    ------
    UserError
        On `apply`: the area covers more than half of the image or `FILL_LIMIT` pixels, so no outline encloses it.
    """

    point: Point
    object_id: int
    class_id: int = 1
    protect: bool = True
    name: ClassVar[str] = "Fill"

    def apply(self, tx: Transaction) -> None:
        """Fill the area."""
        y, x = int(np.floor(self.point[1])), int(np.floor(self.point[0]))
        if not (0 <= y < tx.shape[0] and 0 <= x < tx.shape[1]):
            return
        here = tx.planes.labels.value(y, x)
        if here == self.object_id or (self.protect and here != 0 and self.object_id != 0):
            return
        window, mask = connected(tx, y, x, here)
        write_masked(tx, Brush(self.object_id, 1.0), window, mask)
        if self.object_id:
            add_object(tx, self.object_id, self.class_id)


@dataclass(frozen=True, eq=False)
class Polygon:
    """The inside of a closed ring ``(N, 2)`` xy as one object; ``object_id`` ``None`` makes a new one.

    With `protect` the object takes only empty pixels, even when neighbours then cut it into parts.
    """

    ring: ArrayLike
    object_id: int | None = None
    class_id: int = 1
    protect: bool = True
    name: ClassVar[str] = "Outline object"

    def apply(self, tx: Transaction) -> None:
        """Fill the ring."""
        object_id = tx.next_id() if self.object_id is None else self.object_id
        window, mask = polygon([self.ring], tx.shape)
        brush = Brush(object_id, 1.0, (0,) if self.protect and object_id else None)
        if write_masked(tx, brush, window, mask) and object_id:
            add_object(tx, object_id, self.class_id)


@dataclass(frozen=True)
class Merge:
    """Several objects made one: the first id stays, with its class."""

    ids: tuple[int, ...]
    name: ClassVar[str] = "Merge objects"

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it joins many."""
        return restore_point(f"Merge {len(self.ids)} objects", len(self.ids))

    @property
    def slow(self) -> bool:
        """Whether the window would wait for it: each object may lie in tiles of its own."""
        return len(self.ids) > FEW_WRITES

    def apply(self, tx: Transaction) -> None:
        """Give all pixels to the first object."""
        _replace(tx, set(self.ids[1:]) - {self.ids[0]}, self.ids[0])


@dataclass(frozen=True)
class Delete:
    """Objects removed, their pixels empty."""

    ids: tuple[int, ...]
    name: ClassVar[str] = "Delete object"

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it removes many."""
        return restore_point(f"Delete {len(self.ids)} objects", len(self.ids))

    @property
    def removed(self) -> tuple[int, ...]:
        """Objects that are gone afterwards."""
        return self.ids

    def apply(self, tx: Transaction) -> None:
        """Clear the pixels; the table follows at the commit."""
        _replace(tx, set(self.ids), 0)
        stay = tx.elsewhere(self.ids)
        for object_id in self.ids:
            if object_id in tx.planes.objects and object_id not in stay:
                tx.set_object(object_id, None)


@dataclass(frozen=True)
class Relabel:
    """Another class for some objects; `why` names a reason for which the state before is kept in any case."""

    ids: tuple[int, ...]
    class_id: int
    why: str = ""
    name: ClassVar[str] = "Change class"

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it has a reason or changes many."""
        return self.why or restore_point(f"Change the class of {len(self.ids)} objects", len(self.ids))

    def apply(self, tx: Transaction) -> None:
        """Change the table; pixels stay."""
        for object_id in self.ids:
            info = tx.planes.objects.get(object_id)
            if info is not None:
                tx.set_object(object_id, replace(info, class_id=self.class_id))


@dataclass(frozen=True, eq=False)
class Split:
    """One object cut along a line ``(N, 2)`` xy: the largest piece keeps the id, the others get new ones.

    Each connected part of the object that the line crosses is cut; a line that does not cross one from edge
    to edge changes nothing. No pixel is lost: those under the line go to the nearest piece.
    """

    id: int
    line: ArrayLike
    name: ClassVar[str] = "Split object"

    def apply(self, tx: Transaction) -> None:
        """Cut the object."""
        window = tx.planes.labels.window_of(self.id)
        info = tx.planes.objects.get(self.id)
        if window is None or info is None:
            return
        values = tx.read("labels", window)
        pieces = cut(values == self.id, line_mask(self.line, window))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        if np.count_nonzero(sizes) < 2:
            return
        for piece in np.argsort(-sizes, kind="stable")[1 : np.count_nonzero(sizes)].tolist():
            new_id = tx.next_id()
            tx.set_object(new_id, replace(info, source="hand"))
            values[pieces == piece] = new_id
        tx.write("labels", window, values)


def add_object(tx: Transaction, object_id: int, class_id: int) -> None:
    """Put a hand-drawn object into the table unless it is there."""
    if object_id not in tx.planes.objects:
        tx.set_object(object_id, ObjectInfo(class_id=class_id))


def _replace(tx: Transaction, ids: set[int], value: int) -> None:
    """Write `value` over all pixels of some objects, tile by tile."""
    labels = tx.planes.labels
    keys = labels.tiles_with_any(ids)
    with tx.together():
        for key in keys:
            area, here = labels.grid.window(key), labels.values_in(key)
            if value == 0 and here <= ids and len(keys) > FEW_WRITES:
                tx.fill("labels", area, 0)
                continue
            values = tx.read("labels", area)
            mask = np.isin(values, np.array(sorted(here & ids), labels.dtype))
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            part = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
            values[mask] = value
            tx.write("labels", part.shift(area.y0, area.x0), values[part.slices])
