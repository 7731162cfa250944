"""One gesture on an annotation: it writes at once, and ends as one record or as if it had never begun."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.stack_shape import plane_start
from segstudio.core.tiles import TileKey, Window
from segstudio.labels.history import EditRecord, ObjectChange, Plane, Planes, TileDelta
from segstudio.labels.label_map import TILE
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.tile_difference import Difference, difference

#: More writes than these are told of as one by `Transaction.together`.
FEW_WRITES = 16
_NOWHERE = Window(0, 0, 0, 0)


class Transaction:
    """One gesture: writes go through at once, `commit` makes one record of them, `abort` takes them back.

    Parameters
    ----------
    planes
        What is edited. Only one transaction may be open on it.
    name
        What the undo menu calls it.
    on_write
        Called after each write with the window that changed, to repaint it.
    on_commit
        Called with the record, at the end of a `commit` that changed something.
    plane
        Which plane of a stack is edited: all coordinates are of this one, but those of the record. ``None`` for all
        planes, one below the other (`StackShape`).

    Attributes
    ----------
    planes
        The plane that is edited.
    """

    def __init__(
        self,
        planes: Planes,
        name: str,
        on_write: Callable[[Window], None] = lambda window: None,
        on_commit: Callable[[EditRecord], None] = lambda record: None,
        plane: int | None = 0,
    ) -> None:
        self.planes = planes if plane is None else planes.page(plane)
        self.name = name
        self._stack = planes
        self._start = plane_start(planes.shape, plane or 0)
        self._on_write = on_write
        self._on_commit = on_commit
        self._open = True
        self._tiles: dict[tuple[Plane, TileKey], NDArray[Any] | None] = {}
        self._digests: dict[tuple[Plane, TileKey], bytes] = {}
        self._ids: dict[tuple[Plane, TileKey], frozenset[int] | None] = {}
        # The part of each tile that was written, in pixels of the tile.
        self._dirty: dict[tuple[Plane, TileKey], Window] = {}
        self._objects: dict[int, ObjectInfo | None] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, columns)`` of the planes."""
        return self.planes.shape

    @property
    def open(self) -> bool:
        """Whether it was neither committed nor aborted yet."""
        return self._open

    def read(self, plane: Plane, window: Window) -> NDArray[Any]:
        """Return a copy of the pixels of `window`, clipped to the plane."""
        return self.planes.plane(plane).read(window)

    def write(self, plane: Plane, window: Window, values: NDArray[Any]) -> None:
        """Set the pixels of `window`; what lies outside of the plane is dropped."""
        self._check_open()
        target = self.planes.plane(plane)
        part = window.clip(target.shape)
        if part.empty:
            return
        for key in target.grid.keys(part):
            inside = target.grid.window(key).intersect(part)
            self._remember(plane, key, inside)
        target.write(window, values)
        self._on_write(part)

    def fill(self, plane: Plane, window: Window, value: int) -> None:
        """Set all pixels of `window` to `value`; whole tiles share one array."""
        self._check_open()
        target = self.planes.plane(plane)
        part = window.clip(target.shape)
        whole = dict.fromkeys(target.grid.covered(part))
        for key in target.grid.keys(part):
            if key not in whole:
                inside = target.grid.window(key).intersect(part)
                self._remember(plane, key, inside)
                target.write(inside, np.full(inside.shape, value, target.dtype))
        self._remember_whole(plane, whole)
        target.fill(whole, value)
        if not part.empty:
            self._on_write(part)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Tell of the writes inside when all are done; many are told of as one, for each would be drawn at once."""
        tell, windows = self._on_write, list[Window]()
        self._on_write = windows.append
        try:
            yield
        finally:
            self._on_write = tell
            whole = reduce(Window.union, windows, _NOWHERE)
            for window in windows if len(windows) <= FEW_WRITES else (whole,):
                tell(window)

    def set_object(self, object_id: int, info: ObjectInfo | None) -> None:
        """Change a row of the object table; ``None`` removes it."""
        self._check_open()
        self._objects.setdefault(object_id, self.planes.objects.get(object_id))
        self.planes.objects.set(object_id, info)

    def other_page(self, plane: int) -> Planes:
        """Return another plane of the stack, to be read only."""
        return self._stack.page(plane)

    def elsewhere(self, object_ids: Iterable[int]) -> set[int]:
        """Return those of these objects that have pixels in other planes of the stack."""
        if self._stack is self.planes:
            return set()
        stack, page = self._stack.labels, self.planes.labels
        return {number for number in object_ids if len(stack.tiles_with(number)) > len(page.tiles_with(number))}

    def next_id(self, count: int = 1) -> int:
        """Return the first of so many ids in a row for new objects (`ObjectTable.free_id`)."""
        return self.planes.objects.free_id(count)

    def commit(self) -> EditRecord | None:
        """End the gesture; return its record, or ``None`` when nothing changed.

        Objects that lost their last pixel leave the table, and so does a row without any pixel that the gesture
        itself added. An object that was there before and gained or lost pixels has the source ``"hand"`` from now
        on, whoever made it.
        """
        self._check_open()
        deltas, window, changed, present = self._changes()
        deltas, window = [self._in_stack(delta) for delta in deltas] if self._start else deltas, self._placed(window)
        candidates = ((changed | self._added()) - present) & self.planes.objects.keys()
        for object_id in sorted(self._without_pixels(candidates)):
            self.set_object(object_id, None)
        self._correct(changed)
        self._open = False
        objects = tuple(
            ObjectChange(object_id, before, after)
            for object_id, before in self._objects.items()
            if (after := self.planes.objects.get(object_id)) != before
        )
        if not deltas and not objects:
            return None
        record = EditRecord(self.name, tuple(deltas), objects, window)
        self._on_commit(record)
        return record

    def abort(self) -> None:
        """Take everything back, as if the gesture had never begun."""
        self._check_open()
        self._open = False
        window = _NOWHERE
        for (plane, key), before in self._tiles.items():
            target = self.planes.plane(plane)
            target.set_tile(key, before)
            window = window.union(self._dirty[plane, key].shift(key[0] * TILE, key[1] * TILE))
        for object_id, info in self._objects.items():
            self.planes.objects.set(object_id, info)
        if not window.empty:
            self._on_write(window)

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError(f"The edit {self.name!r} has ended.")

    def _remember(self, plane: Plane, key: TileKey, inside: Window) -> None:
        at = plane, key
        target = self.planes.plane(plane)
        if at not in self._tiles:
            self._digests[at] = target.digest(key)
            self._tiles[at] = target.share(key)
        self._dirty[at] = self._dirty.get(at, _NOWHERE).union(inside.shift(-key[0] * TILE, -key[1] * TILE))

    def _remember_whole(self, plane: Plane, keys: Iterable[TileKey]) -> None:
        """Remember tiles of which every pixel will be written: an image of 65,536² pixels has 16,384 of them."""
        target = self.planes.plane(plane)
        windows: dict[tuple[int, int], Window] = {}
        for key in keys:
            at = plane, key
            shape = target.grid.tile_shape(key)
            if shape not in windows:
                windows[shape] = Window.whole(shape)
            if at not in self._tiles:
                self._digests[at] = target.digest(key)
                self._ids[at] = target.known_values(key)
                self._tiles[at] = target.share(key)
            self._dirty[at] = windows[shape]

    def _changes(self) -> tuple[list[TileDelta], Window, set[int], set[int]]:
        """Return the deltas, the window of all changed pixels, the ids that gained or lost some, and those there now.

        The latter are only those in the parts that were written.
        """
        deltas: list[TileDelta] = []
        changed: set[int] = set()
        present: set[int] = set()
        # Filled tiles share array and window: what was found for one holds for all that had the same before.
        known: dict[tuple[int, int, int], Difference | None] = {}
        places: dict[Window, list[TileKey]] = {}
        for (plane, key), before in self._tiles.items():
            target = self.planes.plane(plane)
            after = target.tile(key)
            part = self._dirty[plane, key]
            same = id(before), id(after), id(part)
            if same not in known:
                ids = self._ids.get((plane, key)) if after is None else None
                known[same] = difference(before, after, part, target.grid.tile_shape(key), ids)
            found = known[same]
            if found is None:
                continue
            places.setdefault(found.bounds, []).append(key)
            if plane == "labels":
                changed |= found.changed
                present |= found.present
            deltas.append(TileDelta(plane, key, found.xor, self._digests[plane, key], target.digest(key)))
        return deltas, _around(places), changed, present

    def _correct(self, changed: set[int]) -> None:
        """Call objects with other pixels than before hand-made; those that the gesture added keep their source."""
        objects = self.planes.objects
        for object_id in sorted((changed & objects.keys()) - self._added()):
            info = objects[object_id]
            if info.source != "hand":
                self.set_object(object_id, replace(info, source="hand"))

    def _added(self) -> set[int]:
        return {object_id for object_id, before in self._objects.items() if before is None}

    def _without_pixels(self, candidates: set[int]) -> set[int]:
        """Return the objects that have no pixel left; looks at the touched tiles before it asks for the others."""
        labels = self.planes.labels
        for plane, key in self._tiles if candidates else ():
            if plane == "labels":
                candidates = candidates - labels.values_in(key)
        stack = self._stack.labels
        return {object_id for object_id in candidates if not stack.tiles_with(object_id)}

    def _placed(self, window: Window) -> Window:
        return window if window.empty else window.shift(self._start, 0)

    def _in_stack(self, delta: TileDelta) -> TileDelta:
        return replace(delta, key=(delta.key[0] + self._start // TILE, delta.key[1]))


def _around(places: Mapping[Window, list[TileKey]]) -> Window:
    """Return the smallest window around windows, each given by its place in a tile, and the tiles it is in."""
    whole = _NOWHERE
    for part, keys in places.items():
        rows, columns = [row for row, _ in keys], [column for _, column in keys]
        first = part.shift(min(rows) * TILE, min(columns) * TILE)
        whole = whole.union(first).union(part.shift(max(rows) * TILE, max(columns) * TILE))
    return whole
