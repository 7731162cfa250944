"""Objects moved on their plane, and copies of objects of any plane put down."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.restore_points import restore_point
from segstudio.labels.shape_edits import beside
from segstudio.labels.shapes import Mask
from segstudio.labels.transaction import Transaction

#: Copies lie beside their originals when less than this share of them is free where they were.
_LEAST_FREE = 0.5


@dataclass(frozen=True)
class MoveObjects:
    """Objects moved by whole pixels, as far as all of them stay inside of the image.

    With `protect`, other objects keep their pixels, and what would lie on them is cut off.

    Raises
    ------
    UserError
        On `apply`: of an object nothing would be left.
    """

    ids: tuple[int, ...]
    down: int
    right: int
    protect: bool = True
    name: ClassVar[str] = "Move objects"
    slow: ClassVar[bool] = True

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it moves many."""
        return restore_point(f"{self.name}: {len(self.ids)} objects", len(self.ids))

    def apply(self, tx: Transaction) -> None:
        """Lift all of them, then put them down."""
        before = tx.planes.labels.snapshot()
        windows = _windows(before, self.ids)
        if not windows:
            return
        down, right = _held_inside(reduce(Window.union, windows.values()), tx.shape, self.down, self.right)
        if not (down or right):
            return
        with tx.together():
            for object_id, window, mask in _masks(before, windows):
                here = tx.read("labels", window)
                tx.write("labels", window, np.where(mask & (here == object_id), 0, here))
            for object_id, window, mask in _masks(before, windows):
                there = window.shift(down, right)
                here = tx.read("labels", there)
                take = mask & (here == 0) if self.protect else mask
                if not take.any():
                    raise _no_room(f"Object {object_id} would lie wholly on others.")
                tx.write("labels", there, np.where(take, np.int32(object_id), here))


@dataclass(frozen=True, eq=False)
class PutDown:
    """Copies of objects with new ids, where nothing is yet.

    They lie where the originals did or, when that is taken or outside of this image, beside it or at its edge.

    Parameters
    ----------
    source
        The plane on which the originals are; it may not change any more.
    infos
        The originals by id, with what is known of them.

    Raises
    ------
    UserError
        On `apply`: there is no room.
    """

    source: LabelMap
    infos: Mapping[int, ObjectInfo]
    name: ClassVar[str] = "Paste objects"
    slow: ClassVar[bool] = True

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it adds many."""
        return restore_point(f"{self.name}: {len(self.infos)} objects", len(self.infos))

    def apply(self, tx: Transaction) -> None:
        """Put them down."""
        windows = _windows(self.source, self.infos)
        if not windows:
            return
        around = reduce(Window.union, windows.values())
        if around.height > tx.shape[0] or around.width > tx.shape[1]:
            raise _no_room("The copied objects reach further than this image.")
        down, right = _held_inside(around, tx.shape, 0, 0)
        if self._free(tx, windows, down, right) < _LEAST_FREE:
            aside = beside(around.shift(down, right), tx.shape)
            down, right = down + aside[0], right + aside[1]
        with tx.together():
            for object_id, window, mask in _masks(self.source, windows):
                there = window.shift(down, right)
                here = tx.read("labels", there)
                take = mask & (here == 0)
                if take.any():
                    new_id = tx.next_id()
                    tx.set_object(new_id, replace(self.infos[object_id], source="hand"))
                    tx.write("labels", there, np.where(take, np.int32(new_id), here))

    def with_classes(self, known: Collection[int], otherwise: int) -> "PutDown":
        """Return the same with a class of its own only where that is `known`: it may be gone, or of another project."""
        infos = {
            number: info if info.class_id in known else replace(info, class_id=otherwise)
            for number, info in self.infos.items()
        }
        return PutDown(self.source, infos)

    def _free(self, tx: Transaction, windows: Mapping[int, Window], down: int, right: int) -> float:
        free = size = 0
        for _, window, mask in _masks(self.source, windows):
            free += int(np.count_nonzero(mask & (tx.read("labels", window.shift(down, right)) == 0)))
            size += int(np.count_nonzero(mask))
        return free / size


def _windows(labels: LabelMap, ids: Iterable[int]) -> dict[int, Window]:
    return {object_id: window for object_id in ids if (window := labels.window_of(object_id)) is not None}


def _masks(labels: LabelMap, windows: Mapping[int, Window]) -> Iterator[tuple[int, Window, Mask]]:
    for object_id, window in windows.items():
        yield object_id, window, labels.read(window) == object_id


def _held_inside(around: Window, shape: tuple[int, int], down: int, right: int) -> tuple[int, int]:
    """Return a way as far as it leaves `around` inside of an image of `shape`."""
    return (
        min(max(down, -around.y0), shape[0] - around.y1),
        min(max(right, -around.x0), shape[1] - around.x1),
    )


def _no_room(message: str) -> UserError:
    return UserError(message, hint="Choose a place with room for them.", code="no-room")
