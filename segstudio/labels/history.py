"""The annotation of one image, and records of what gestures changed in it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import zstandard
from numpy.typing import NDArray

from segstudio.core.stack_shape import planes_of
from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.label_page import LabelPage
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.over_threads import over_threads

Plane = Literal["labels", "regions"]
PLANES: tuple[Plane, ...] = ("labels", "regions")


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


@dataclass(frozen=True, slots=True, eq=False)
class Unpacked:
    """What a record makes of one state of an annotation.

    Attributes
    ----------
    tiles
        What its tiles become, in its order; ``None`` for all 0.
    objects
        The whole object table afterwards.
    """

    tiles: Sequence[NDArray[Any] | None]
    objects: ObjectTable


@dataclass
class Planes:
    """The annotation of one image: of all its planes, or of one (`page`)."""

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

    def page(self, plane: int) -> "Planes":
        """Return the annotation of one plane of a stack; the table of objects is that of all."""
        if planes_of(self.shape) == 1:
            return self
        return Planes(LabelPage(self.labels, plane), LabelPage(self.regions, plane), self.objects)

    @property
    def blank(self) -> bool:
        """Whether nothing is drawn, and nothing stated."""
        return not len(self.objects) and self.labels.blank and self.regions.blank

    def snapshot(self) -> "Planes":
        """Return the planes as they are now, for another thread, which may change them; shares all tiles."""
        return Planes(self.labels.snapshot(), self.regions.snapshot(), self.objects.copy())

    def plane(self, name: Plane) -> LabelMap:
        """Return the plane called `name`."""
        return self.labels if name == "labels" else self.regions

    def apply(self, record: EditRecord, unpacked: Unpacked | None = None, *, back: bool = False) -> None:
        """Do what `record` says; its `inverse` undoes it, and so does `back`.

        The planes must be in the state it starts from, or ends with.

        Parameters
        ----------
        unpacked
            What `unpacking` returned for this record, this way and this state; unpacked here when ``None``.
        """
        made = self._unpacked(self._steps(record), over_threads) if unpacked is None else unpacked.tiles
        for delta, tile in zip(record.tiles, made, strict=True):
            self.plane(delta.plane).exchange(delta.key, tile)
        if unpacked is None:
            _change(self.objects, record, back=back)
        else:
            self.objects.become(unpacked.objects)

    def unpacking(self, record: EditRecord, *, back: bool = False) -> Callable[[], Unpacked]:
        """Return the slow part of `apply`, for one other thread: what becomes of the planes as they are now."""
        steps, objects = self._steps(record), self.objects.copy()

        def unpack() -> Unpacked:
            _change(objects, record, back=back)
            return Unpacked(self._unpacked(steps, map), objects)

        return unpack

    def _steps(self, record: EditRecord) -> "list[_Same]":
        return [_Same.of(self.plane(delta.plane), delta) for delta in record.tiles]

    @staticmethod
    def _unpacked(
        steps: "list[_Same]", each: "Callable[[Callable[[_Same], Any], list[_Same]], Iterable[Any]]"
    ) -> list[NDArray[Any] | None]:
        # Filled tiles share one array: what the same change makes of them is one array again.
        once = {step.key: step for step in steps}
        made = dict(zip(once, each(_Same.made, list(once.values())), strict=True))
        return [made[step.key] for step in steps]


def _change(objects: ObjectTable, record: EditRecord, *, back: bool) -> None:
    for change in record.objects:
        objects.set(change.id, change.before if back else change.after)


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A step that is the same for tiles that share one array; it holds the array, so that no other gets its id."""

    key: tuple[int, bytes, tuple[int, int]]
    tile: NDArray[Any] | None
    delta: TileDelta
    plane: LabelMap

    @classmethod
    def of(cls, plane: LabelMap, delta: TileDelta) -> "_Same":
        tile = plane.share(delta.key)
        return cls((id(tile), delta.xor, plane.grid.tile_shape(delta.key)), tile, delta, plane)

    def made(self) -> NDArray[Any] | None:
        after = apply_delta(self.tile, self.delta, self.plane)
        after.flags.writeable = False
        return after if after.any() else None


def apply_delta(tile: NDArray[Any] | None, delta: TileDelta, plane: LabelMap) -> NDArray[Any]:
    """Return a new tile, which may be read-only: `tile` (``None``: all 0) after `delta`."""
    shape = plane.grid.window(delta.key).shape
    size = shape[0] * shape[1] * plane.dtype.itemsize
    raw = zstandard.ZstdDecompressor().decompress(delta.xor, max_output_size=size)
    # A bytes object is read-only and stays so: a plane copies a tile that it may not write.
    change = np.frombuffer(raw, plane.dtype.newbyteorder("<")).reshape(shape)
    return change.astype(plane.dtype, copy=False) if tile is None else tile ^ change
