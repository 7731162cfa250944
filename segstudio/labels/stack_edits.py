"""Edits that know of the other planes of a stack: objects copied from one, and drawn between two."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window, plane_window
from segstudio.labels.history import Planes
from segstudio.labels.transaction import Transaction

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class CopyFromPlane:
    """Objects of another plane of the stack, at the same place and with the same ids, where nothing is yet.

    Parameters
    ----------
    source
        Number of the other plane.
    ids
        Which objects; ``None`` for all of that plane.
    """

    source: int
    ids: frozenset[int] | None = None
    name: ClassVar[str] = "Copy from another plane"
    slow: ClassVar[bool] = True

    def apply(self, tx: Transaction) -> None:
        """Copy them."""
        page = tx.other_page(self.source).labels
        wanted = page.values() if self.ids is None else set(self.ids)
        with tx.together():
            for key in page.tiles_with_any(wanted):
                window = page.grid.window(key)
                theirs, here = page.read(window), tx.read("labels", window)
                take = (here == 0) & np.isin(theirs, sorted(wanted))
                if take.any():
                    tx.write("labels", window, np.where(take, theirs, here))


@dataclass(frozen=True)
class Interpolate:
    """Objects drawn on some planes of a stack, drawn on those between as well, where nothing is yet.

    The outline between two planes is where the mean of their distances to the outline, weighed by how near each is,
    is 0; both are moved so that their centres follow a straight line.

    Parameters
    ----------
    planes
        Numbers of the planes along one axis of the stack, in order.
    ids
        Which objects.

    Notes
    -----
    Shape-based interpolation: S. P. Raya and J. K. Udupa, IEEE Trans. Med. Imaging 9 (1990) 32-42; with the centres
    moved: G. T. Herman, J. Zheng and C. A. Bucholtz, IEEE Comput. Graph. Appl. 12 (1992) 69-79.
    """

    planes: tuple[int, ...]
    ids: frozenset[int]
    name: ClassVar[str] = "Draw between planes"
    of_stack: ClassVar[bool] = True
    slow: ClassVar[bool] = True

    def apply(self, tx: Transaction) -> None:
        """Draw them; `tx` is of all planes."""
        with tx.together():
            for object_id in sorted(self.ids):
                for before, after in gaps(tx.planes, self.planes, object_id):
                    self._between(tx, object_id, before, after)

    def _between(self, tx: Transaction, object_id: int, before: int, after: int) -> None:
        first, last = self.planes[before], self.planes[after]
        one, two = (_Shape.of(tx.planes.page(plane), object_id) for plane in (first, last))
        for place in range(before + 1, after):
            share = (place - before) / (after - before)
            plane = self.planes[place]
            window, mask = one.towards(two, share)
            there = plane_window(tx.shape, plane)
            part = window.shift(there.y0, 0).intersect(there)
            if part.empty:
                continue
            inside = mask[part.shift(-there.y0 - window.y0, -window.x0).slices]
            here = tx.read("labels", part)
            take = inside & (here == 0)
            if take.any():
                tx.write("labels", part, np.where(take, np.int32(object_id), here))


def gaps(stack: Planes, planes: Iterable[int], object_id: int) -> list[tuple[int, int]]:
    """Return between which places in `planes` an object is missing, each as the last before and the first after."""
    held = [place for place, plane in enumerate(planes) if stack.page(plane).labels.tiles_with(object_id)]
    return [(one, two) for one, two in pairwise(held) if two > one + 1]


def planes_along(sizes: tuple[int, ...], plane: int, axis: int) -> tuple[int, ...]:
    """Return the numbers of the planes that lie along one axis of a stack through `plane`.

    Examples
    --------
    >>> planes_along((2, 3), 4, 0), planes_along((2, 3), 4, 1)
    ((1, 4), (3, 4, 5))
    """
    place = [int(at) for at in np.unravel_index(plane, sizes)]
    found = []
    for at in range(sizes[axis]):
        place[axis] = at
        found.append(int(np.ravel_multi_index(place, sizes)))
    return tuple(found)


@dataclass(frozen=True)
class _Shape:
    """One object on one plane: where its centre is, and how far each pixel lies inside (positive) or outside."""

    centre: tuple[float, float]
    origin: tuple[int, int]
    depth: NDArray[np.float32]

    @classmethod
    def of(cls, page: Planes, object_id: int) -> "_Shape":
        window = page.labels.window_of(object_id)
        if window is None:
            raise ValueError(f"object {object_id} is not on this plane")
        margin = max(window.height, window.width) // 2 + 2
        area = window.grow(margin)
        mask = np.zeros(area.shape, np.bool_)
        mask[margin:-margin, margin:-margin] = page.labels.read(window) == object_id
        ys, xs = np.nonzero(mask)
        return cls((float(ys.mean()) + area.y0, float(xs.mean()) + area.x0), (area.y0, area.x0), _depth(mask))

    def towards(self, other: "_Shape", share: float) -> tuple[Window, Mask]:
        """Return the object at a share of the way to `other`, as a window of the plane and a mask of it."""
        y, x = (one + share * (two - one) for one, two in zip(self.centre, other.centre, strict=True))
        reach = [
            max(abs(item.origin[axis] - item.centre[axis]) + item.depth.shape[axis] for item in (self, other))
            for axis in (0, 1)
        ]
        window = Window(
            *(round(at - size) for at, size in zip((y, x), reach, strict=True)),
            *(round(at + size) for at, size in zip((y, x), reach, strict=True)),
        )
        mixed = (1 - share) * self._placed(window, (y, x)) + share * other._placed(window, (y, x))
        return window, mixed > 0

    def _placed(self, window: Window, centre: tuple[float, float]) -> NDArray[np.float32]:
        """Return the depth in a window of the plane when the centre lies elsewhere; far outside it is far away."""
        y, x = (round(origin + at - own) for origin, at, own in zip(self.origin, centre, self.centre, strict=True))
        out = np.full(window.shape, -float(max(window.shape)), np.float32)
        height, width = self.depth.shape
        area = Window(y, x, y + height, x + width)
        part = area.intersect(window)
        if not part.empty:
            out[part.shift(-window.y0, -window.x0).slices] = self.depth[part.shift(-y, -x).slices]
        return out


def _depth(mask: Mask) -> NDArray[np.float32]:
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # The outline lies half a pixel from either.
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside), np.float32)
