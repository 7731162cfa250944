"""Connected pixels become objects; small ones go, holes are filled."""

from typing import Literal

import cc3d
import fastremap
import fill_voids
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def components(values: NDArray[np.generic], connectivity: Literal[4, 8] = 8) -> NDArray[np.int32]:
    """Return the connected regions of equal non-zero value in `values` ``(H, W)``, numbered from 1."""
    plain = values.view(np.uint8) if values.dtype == bool else values
    found = cc3d.connected_components(np.ascontiguousarray(plain), connectivity=connectivity)
    return found.astype(np.int32, copy=False)


def drop_small(labels: NDArray[np.int32], min_size: int) -> NDArray[np.int32]:
    """Remove objects of `labels` ``(H, W)`` with fewer than `min_size` pixels and number the rest 1..n.

    The result may be `labels` itself.
    """
    if labels.size == 0:
        return labels
    counts = np.bincount(labels.ravel())
    keep = counts >= max(1, min_size)
    keep[0] = False
    if keep[1:].all():
        return labels
    numbers = np.zeros(len(counts), np.int32)
    numbers[keep] = np.arange(1, keep.sum() + 1, dtype=np.int32)
    return numbers[labels]


def fill_holes(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give each hole of `labels` ``(H, W)`` to the object around it, where only one object surrounds it.

    A hole is background that does not touch the image's edge. A gap between several objects stays background.
    """
    if not labels.any():
        return labels
    closed = fill_voids.fill(labels > 0)
    holes = closed & (labels == 0)
    if not holes.any():
        return labels
    numbers, count = ndimage.label(holes)
    ys, xs = np.nonzero(holes)
    hole = numbers[ys, xs]
    low = np.full(count + 1, np.iinfo(np.int32).max, np.int32)
    high = np.zeros(count + 1, np.int32)
    for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        # A hole never touches the image's edge, so its neighbours exist.
        near = labels[ys + dy, xs + dx]
        np.maximum.at(high, hole, near)
        np.minimum.at(low, hole, np.where(near > 0, near, np.iinfo(np.int32).max))
    owner = np.where(low == high, high, 0).astype(np.int32)
    filled = labels.copy()
    filled[ys, xs] = owner[hole]
    return filled


def tidy(labels: NDArray[np.int32], min_size: int) -> NDArray[np.int32]:
    """Fill holes of `labels` ``(H, W)``, drop objects of fewer than `min_size` pixels, number the rest 1..n."""
    kept = drop_small(fill_holes(labels), min_size)
    numbered: NDArray[np.int32] = fastremap.renumber(kept, preserve_zero=True)[0]
    return numbered.astype(np.int32, copy=False)
