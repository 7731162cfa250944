"""Gestures as records: what a transaction changed, and undo and redo of it, exact for pixels and object table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import zstandard
from numpy.typing import NDArray

from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable

Plane = Literal["labels", "regions"]
PLANES: tuple[Plane, ...] = ("labels", "regions")

_NOWHERE = Window(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class TileDelta:
    """How one tile changed: the exclusive or of before and after, and a digest of either.

    `xor` holds the bytes of the whole tile (little-endian, row by row), compressed with zstandard.
    """

    plane: Plane
    key: TileKey
    xor: bytes
    before: bytes
    after: bytes

    @property
    def inverse(self) -> "TileDelta":
        """The way back."""
        return TileDelta(self.plane, self.key, self.xor, self.after, self.before)


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """How one row of the object table changed; ``None`` stands for "not in the table"."""

    id: int
    before: ObjectInfo | None
    after: ObjectInfo | None

    @property
    def inverse(self) -> "ObjectChange":
        """The way back."""
        return ObjectChange(self.id, self.after, self.before)


@dataclass(frozen=True, slots=True)
class EditRecord:
    """Everything that one gesture changed; `window` holds all changed pixels and is empty when none did."""

    name: str
    tiles: tuple[TileDelta, ...]
    objects: tuple[ObjectChange, ...]
    window: Window

    @property
    def inverse(self) -> "EditRecord":
        """The record that undoes this one."""
        tiles = tuple(delta.inverse for delta in self.tiles)
        return EditRecord(self.name, tiles, tuple(change.inverse for change in self.objects), self.window)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return sum(len(delta.xor) + 200 for delta in self.tiles) + 200 * (1 + len(self.objects))


@dataclass
class Planes:
    """The whole annotation of one image."""

    labels: LabelMap
    regions: LabelMap
    objects: ObjectTable = field(default_factory=ObjectTable)

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> "Planes":
        """Return the annotation of an image of `shape` ``(rows, columns)`` on which nothing is drawn."""
        return cls(LabelMap(shape, np.int32), LabelMap(shape, np.uint8))

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, columns)``."""
        return self.labels.shape

    def plane(self, name: Plane) -> LabelMap:
        """Return the plane called `name`."""
        return self.labels if name == "labels" else self.regions

    def apply(self, record: EditRecord) -> None:
        """Do what `record` says; its `inverse` undoes it. The planes must be in the state it starts from."""
        for delta in record.tiles:
            plane = self.plane(delta.plane)
            plane.set_tile(delta.key, apply_delta(plane.tile(delta.key), delta, plane))
        for change in record.objects:
            self.objects.set(change.id, change.after)


def apply_delta(tile: NDArray[Any] | None, delta: TileDelta, plane: LabelMap) -> NDArray[Any]:
    """Return a new tile: `tile` (``None``: all 0) after `delta`."""
    shape = plane.grid.window(delta.key).shape
    size = shape[0] * shape[1] * plane.dtype.itemsize
    raw = zstandard.ZstdDecompressor().decompress(delta.xor, max_output_size=size)
    # A bytes object is read-only and stays so: what results from it has to be an array of its own.
    change = np.frombuffer(raw, plane.dtype.newbyteorder("<")).reshape(shape)
    return change.astype(plane.dtype) if tile is None else tile ^ change


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
    """

    def __init__(
        self,
        planes: Planes,
        name: str,
        on_write: Callable[[Window], None] = lambda window: None,
        on_commit: Callable[[EditRecord], None] = lambda record: None,
    ) -> None:
        self.planes = planes
        self.name = name
        self._on_write = on_write
        self._on_commit = on_commit
        self._open = True
        self._tiles: dict[tuple[Plane, TileKey], NDArray[Any] | None] = {}
        self._digests: dict[tuple[Plane, TileKey], bytes] = {}
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
        shared: dict[tuple[int, int], NDArray[Any]] = {}
        for key in target.grid.keys(part):
            area = target.grid.window(key)
            inside = area.intersect(part)
            self._remember(plane, key, inside)
            if inside == area:
                tile = shared.setdefault(area.shape, np.full(area.shape, value, target.dtype))
                tile.flags.writeable = False
                target.set_tile(key, tile)
            else:
                target.write(inside, np.full(inside.shape, value, target.dtype))
        if not part.empty:
            self._on_write(part)

    def set_object(self, object_id: int, info: ObjectInfo | None) -> None:
        """Change a row of the object table; ``None`` removes it."""
        self._check_open()
        self._objects.setdefault(object_id, self.planes.objects.get(object_id))
        self.planes.objects.set(object_id, info)

    def next_id(self) -> int:
        """Return an id that was never used in this image."""
        return self.planes.objects.next_id()

    def commit(self) -> EditRecord | None:
        """End the gesture; return its record, or ``None`` when nothing changed.

        Objects that lost their last pixel leave the table, and so does a row without any pixel that the gesture
        itself added.
        """
        self._check_open()
        deltas, window, lost, gained = self._changes()
        candidates = ((lost | self._added()) - gained) & self.planes.objects.keys()
        for object_id in sorted(self._without_pixels(candidates)):
            self.set_object(object_id, None)
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
            self.planes.plane(plane).set_tile(key, before)
            window = window.union(self._dirty[plane, key])
        for object_id, info in self._objects.items():
            self.planes.objects.set(object_id, info)
        if not window.empty:
            self._on_write(window)

    def _check_open(self) -> None:
        if not self._open:
            raise RuntimeError(f"The edit {self.name!r} has ended.")

    def _remember(self, plane: Plane, key: TileKey, inside: Window) -> None:
        at = plane, key
        if at not in self._tiles:
            target = self.planes.plane(plane)
            self._digests[at] = target.digest(key)
            self._tiles[at] = target.share(key)
        self._dirty[at] = self._dirty.get(at, _NOWHERE).union(inside)

    def _changes(self) -> tuple[list[TileDelta], Window, set[int], set[int]]:
        """Return the deltas, the window of all changed pixels, and the ids that lost and gained pixels."""
        compressor = zstandard.ZstdCompressor(level=1)
        deltas: list[TileDelta] = []
        window = _NOWHERE
        lost: set[int] = set()
        gained: set[int] = set()
        for (plane, key), before in self._tiles.items():
            target = self.planes.plane(plane)
            area, dirty = target.grid.window(key), self._dirty[plane, key]
            part = dirty.shift(-area.y0, -area.x0).slices
            old, new = _part(before, part, dirty, target), _part(target.tile(key), part, dirty, target)
            different = old != new
            if not different.any():
                continue
            window = window.union(_bounds(different).shift(dirty.y0, dirty.x0))
            if plane == "labels":
                lost.update(np.unique(old[different]).tolist())
                gained.update(np.unique(new[different]).tolist())
            xor = np.zeros(area.shape, target.dtype.newbyteorder("<"))
            xor[part] = old ^ new
            packed = compressor.compress(xor.tobytes())
            deltas.append(TileDelta(plane, key, packed, self._digests[plane, key], target.digest(key)))
        return deltas, window, {i for i in lost if i > 0}, gained

    def _added(self) -> set[int]:
        return {object_id for object_id, before in self._objects.items() if before is None}

    def _without_pixels(self, candidates: set[int]) -> set[int]:
        """Return the objects that have no pixel left; looks at the touched tiles before it asks for the others."""
        labels = self.planes.labels
        for plane, key in self._tiles if candidates else ():
            if plane == "labels":
                candidates = candidates - labels.values_in(key)
        return {object_id for object_id in candidates if not labels.tiles_with(object_id)}


class History:
    """Undo and redo of one image, without a limit on their number: a record takes about a kilobyte.

    Parameters
    ----------
    done
        Records of earlier, oldest first, that can be undone; as read from a journal.
    undone
        Records that can be redone, in the order in which they were undone.
    """

    def __init__(self, done: Iterable[EditRecord] = (), undone: Iterable[EditRecord] = ()) -> None:
        self._done = list(done)
        self._undone = list(undone)

    def push(self, record: EditRecord) -> None:
        """Add what was just done; what was undone before can no longer be redone."""
        self._done.append(record)
        self._undone.clear()

    def undo(self, planes: Planes) -> EditRecord | None:
        """Take the last record back; return it, or ``None`` when there is none."""
        if not self._done:
            return None
        record = self._done.pop()
        planes.apply(record.inverse)
        self._undone.append(record)
        return record

    def redo(self, planes: Planes) -> EditRecord | None:
        """Do again what was undone last; return its record, or ``None`` when there is none."""
        if not self._undone:
            return None
        record = self._undone.pop()
        planes.apply(record)
        self._done.append(record)
        return record

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    @property
    def undo_name(self) -> str:
        """Name of what `undo` would take back; empty when there is nothing."""
        return self._done[-1].name if self._done else ""

    @property
    def redo_name(self) -> str:
        """Name of what `redo` would do again; empty when there is nothing."""
        return self._undone[-1].name if self._undone else ""

    def entries(self) -> tuple[EditRecord, ...]:
        """Return the records that can be undone, oldest first."""
        return tuple(self._done)

    def undone(self) -> tuple[EditRecord, ...]:
        """Return the records that can be redone, in the order in which they were undone."""
        return tuple(self._undone)

    @property
    def nbytes(self) -> int:
        """About how much memory the records take."""
        return sum(record.nbytes for record in (*self._done, *self._undone))


def _part(tile: NDArray[Any] | None, part: tuple[slice, slice], window: Window, plane: LabelMap) -> NDArray[Any]:
    return np.zeros(window.shape, plane.dtype) if tile is None else tile[part]


def _bounds(mask: NDArray[np.bool_]) -> Window:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
