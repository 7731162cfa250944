"""Edits of the shape of objects: each on the window of one after the other, all of them as one step.

An object that would vanish stays as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.restore_points import restore_point
from segstudio.labels.shapes import Mask, distance_to, hull, pieces, shrunk, smoothed, without_holes
from segstudio.labels.transaction import Transaction

#: Pixels in the window around an object, at most: what is larger was not meant to be worked on as one.
LARGEST: Final = 4096 * 4096


class _OfMany:
    """What these edits have in common."""

    ids: tuple[int, ...]
    name: ClassVar[str]
    slow: ClassVar[bool] = True

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it changes many."""
        return restore_point(f"{self.name}: {len(self.ids)} objects", len(self.ids))


@dataclass(frozen=True)
class FillHoles(_OfMany):
    """What the objects surround given to them; with `protect`, objects in a hole stay.

    Attributes
    ----------
    filled
        Objects that have got pixels, once it was applied.
    """

    ids: tuple[int, ...]
    protect: bool = True
    filled: set[int] = field(default_factory=set, init=False, compare=False)
    name: ClassVar[str] = "Fill holes"

    def apply(self, tx: Transaction) -> None:
        """Fill them."""
        self.filled.clear()
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, 0):
                if _give(tx, object_id, window, values, without_holes(values == object_id), self.protect):
                    self.filled.add(object_id)


@dataclass(frozen=True)
class Smooth(_OfMany):
    """Outlines smoothed by a median filter, a disc of `radius` pixels."""

    ids: tuple[int, ...]
    radius: float = 2.0
    protect: bool = True
    name: ClassVar[str] = "Smooth outline"

    def apply(self, tx: Transaction) -> None:
        """Smooth them."""
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, int(self.radius) + 1):
                _give(tx, object_id, window, values, smoothed(values == object_id, self.radius), self.protect)


@dataclass(frozen=True)
class ConvexHull(_OfMany):
    """Objects filled up to their convex hull, all parts of one in the same."""

    ids: tuple[int, ...]
    protect: bool = True
    name: ClassVar[str] = "Convex hull"

    def apply(self, tx: Transaction) -> None:
        """Fill them up."""
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, 0):
                _give(tx, object_id, window, values, hull(values == object_id), self.protect)


@dataclass(frozen=True)
class Grow(_OfMany):
    """Objects made larger on all sides; where two of them meet, each keeps what is nearer to it.

    `spacing` is the height and the width of a pixel, in the unit of `by`.
    """

    ids: tuple[int, ...]
    by: float = 1.0
    protect: bool = True
    spacing: tuple[float, float] = (1.0, 1.0)
    name: ClassVar[str] = "Grow object"

    def apply(self, tx: Transaction) -> None:
        """Grow them from what they were before."""
        chosen, before = set(self.ids), tx.planes.labels.snapshot()
        reach = int(np.ceil(self.by / min(self.spacing))) + 1
        with tx.together():
            for object_id, window, old in _each(tx, self.ids, reach, before):
                own = distance_to(old == object_id, self.spacing)
                rivals = _any_of(old, chosen - {object_id})
                near = (own <= self.by) & (own <= distance_to(rivals, self.spacing)) & ~rivals
                values = tx.read("labels", window)
                near &= (values == old) | (values == object_id)  # not what another has got by now
                _give(tx, object_id, window, values, near | (values == object_id), self.protect)


@dataclass(frozen=True)
class Shrink(_OfMany):
    """Objects made smaller on all sides, but not at the edge of the image; `spacing` as for `Grow`."""

    ids: tuple[int, ...]
    by: float = 1.0
    spacing: tuple[float, float] = (1.0, 1.0)
    name: ClassVar[str] = "Shrink object"

    def apply(self, tx: Transaction) -> None:
        """Shrink them."""
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, 1):
                _give(tx, object_id, window, values, shrunk(values == object_id, self.by, self.spacing), True)


@dataclass(frozen=True)
class SplitByShape(_OfMany):
    """Objects cut where they are narrow, and into their parts: the largest piece keeps the id, the others get new ones.

    See `pieces`.
    """

    ids: tuple[int, ...]
    name: ClassVar[str] = "Split by shape"

    def apply(self, tx: Transaction) -> None:
        """Cut them."""
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, 0):
                info = tx.planes.objects.get(object_id)
                found = pieces(values == object_id)
                sizes = np.bincount(found.ravel())
                sizes[0] = 0
                if info is None or np.count_nonzero(sizes) < 2:
                    continue
                for piece in np.argsort(-sizes, kind="stable")[1 : np.count_nonzero(sizes)].tolist():
                    new_id = tx.next_id()
                    tx.set_object(new_id, replace(info, source="hand"))
                    values[found == piece] = new_id
                tx.write("labels", window, values)


@dataclass(frozen=True)
class Duplicate(_OfMany):
    """Copies of objects beside them, all moved by the same way, where nothing is yet.

    Raises
    ------
    UserError
        On `apply`: on no side of them is there room for the copies.
    """

    ids: tuple[int, ...]
    name: ClassVar[str] = "Duplicate objects"

    def apply(self, tx: Transaction) -> None:
        """Copy them."""
        before = tx.planes.labels.snapshot()
        windows = [window for object_id in self.ids if (window := before.window_of(object_id)) is not None]
        if not windows:
            return
        down, right = beside(reduce(Window.union, windows), tx.shape)
        with tx.together():
            for object_id, window, values in _each(tx, self.ids, 0, before):
                info = tx.planes.objects.get(object_id)
                there = window.shift(down, right)
                here = tx.read("labels", there)
                take = (values == object_id) & (here == 0)
                if info is not None and take.any():
                    new_id = tx.next_id()
                    tx.set_object(new_id, replace(info, source="hand"))
                    tx.write("labels", there, np.where(take, np.int32(new_id), here))


def beside(around: Window, shape: tuple[int, int]) -> tuple[int, int]:
    """Return the way ``(down, right)`` from a window to one of its size beside it that lies in the image."""
    across, down = around.width + 1, around.height + 1
    for way in ((0, across), (down, 0), (0, -across), (-down, 0)):
        there = around.shift(*way)
        if there == there.clip(shape):
            return way
    raise UserError(
        "There is no room for copies beside the selected objects.",
        hint="Select fewer objects, or such as lie closer together.",
        code="no-room-beside",
    )


def _each(
    tx: Transaction, ids: tuple[int, ...], margin: int, labels: LabelMap | None = None
) -> Iterator[tuple[int, Window, NDArray[Any]]]:
    """Yield objects that have pixels, with a window that reaches so far around each, and the pixels of it.

    Raises
    ------
    UserError
        The window of an object has more than `LARGEST` pixels.
    """
    for object_id in ids:
        found = (labels or tx.planes.labels).window_of(object_id)
        if found is None:
            continue
        window = found.grow(margin).clip(tx.shape)
        if window.height * window.width > LARGEST:
            raise UserError(
                f"Object {object_id} reaches over {found.width:,} × {found.height:,} pixels: too far for this.",
                hint="Cut it into smaller objects first, or select others.",
                code="object-too-large",
            )
        yield object_id, window, (labels or tx.planes.labels).read(window)


def _give(tx: Transaction, object_id: int, window: Window, values: NDArray[Any], new: Mask, protect: bool) -> bool:
    """Make `new` the pixels of an object in a window, without those of others when they are protected.

    Returns whether that changed something.
    """
    old = values == object_id
    if protect:
        new = new & (old | (values == 0))
    if not new.any() or (new == old).all():
        return False
    values[old] = 0
    values[new] = object_id
    tx.write("labels", window, values)
    return True


def _any_of(values: NDArray[Any], ids: set[int]) -> Mask:
    here = [value for value in np.unique(values).tolist() if value in ids]
    return np.isin(values, here)
