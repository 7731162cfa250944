"""Objects of another label image added to an annotation: what accepting a prediction and importing do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.positions import positions
from segstudio.labels.restore_points import restore_point
from segstudio.labels.transaction import Transaction


@dataclass(frozen=True, eq=False)
class PasteLabels:
    """Objects of another label image, each under a new id.

    Parameters
    ----------
    array
        ``(rows, columns)`` of `window`; 0 and negative values are nothing.
    infos
        Class, source and state by id in `array`; an id that is not there is left out.
    only_empty
        Leave all pixels of existing objects alone; otherwise they are overwritten.
    min_free
        With `only_empty`: leave objects out of which less than this fraction falls on empty pixels.
    """

    array: NDArray[np.integer]
    window: Window
    infos: Mapping[int, ObjectInfo]
    only_empty: bool = True
    min_free: float = 0.0
    name: str = "Add objects"

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it adds many."""
        return restore_point(self.name, len(self.infos))

    def apply(self, tx: Transaction) -> None:
        """Paste tile by tile."""
        import fastremap  # late: the window starts without it

        ids = np.array([i for i in fastremap.unique(self.array).tolist() if i > 0 and i in self.infos], np.int64)
        if not len(ids):
            return
        ids = ids[self._free(tx, ids)]
        first = tx.next_id(len(ids))
        # What is kept counts on from `first`; one more entry at the end stands for everything else.
        new_ids = np.append(np.arange(first, first + len(ids)), 0).astype(tx.planes.labels.dtype)
        for window, position, old in self._parts(tx, ids):
            new = np.take(new_ids, position)
            take = (new > 0) & (old == 0) if self.only_empty else new > 0
            if take.any():
                tx.write("labels", window, np.where(take, new, old))
        for object_id, source in zip(new_ids.tolist(), ids.tolist(), strict=False):
            tx.set_object(object_id, self.infos[source])

    def _parts(
        self, tx: Transaction, ids: NDArray[np.int64]
    ) -> Iterator[tuple[Window, NDArray[np.integer], NDArray[np.integer]]]:
        """Yield per tile its window, the position in `ids` of each pixel (``len(ids)``: none), and what is there."""
        grid = tx.planes.labels.grid
        position_of = positions(ids, int(self.array.max()))
        for key in grid.keys(self.window):
            part = grid.window(key).intersect(self.window)
            values = self.array[part.shift(-self.window.y0, -self.window.x0).slices]
            if not values.any():
                continue
            yield part, position_of(values), tx.read("labels", part)

    def _free(self, tx: Transaction, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which objects have enough pixels that would be written."""
        if not self.only_empty:
            return np.ones(len(ids), bool)
        area, free = np.zeros((2, len(ids) + 1))
        for _, position, old in self._parts(tx, ids):
            pixels = np.bincount(position.ravel(), minlength=len(ids) + 1)
            area += pixels
            free += np.bincount(position[old == 0], minlength=len(ids) + 1) if old.any() else pixels
        return (free[:-1] > 0) & (free[:-1] >= self.min_free * area[:-1])


def without_crumbs(mask: NDArray[np.bool_], smallest: float) -> NDArray[np.bool_]:
    """Return `mask` without its parts of less than `smallest` pixels; the largest part always stays.

    Parameters
    ----------
    mask
        ``(rows, columns)``; pixels that share an edge belong to one part.

    Examples
    --------
    >>> without_crumbs(np.array([[1, 1, 0, 1], [1, 1, 0, 0]], bool), 2).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 0, 0]])
    """
    _, parts, found, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    sizes = found[:, cv2.CC_STAT_AREA]
    if len(sizes) <= 2:
        return mask
    keep = sizes >= min(smallest, int(sizes[1:].max()))
    keep[0] = False
    kept: NDArray[np.bool_] = keep[parts]
    return kept


def surrounds(mask: NDArray[np.bool_], free: NDArray[np.bool_]) -> bool:
    """Whether what `free` leaves out of `mask` makes holes in it: something lies in its middle.

    Parameters
    ----------
    mask, free
        ``(rows, columns)``; `free` is a part of `mask`.
    """
    return _holes(free) > _holes(mask)


def _holes(mask: NDArray[np.bool_]) -> int:
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    return int(cv2.connectedComponents(outside, connectivity=8)[0]) - 2
