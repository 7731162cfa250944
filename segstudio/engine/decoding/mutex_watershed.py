"""Objects from edges: the surest edges first either join two parts or forbid for good that they are joined."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segstudio.engine.decoding.components import drop_small
from segstudio.engine.decoding.watershed import grow_seeds

Offsets = Sequence[tuple[int, int]]


def mutex_watershed(
    affinities: NDArray[np.float32],
    offsets: Offsets,
    near: int,
    mask: NDArray[np.bool_],
    joins_above: float,
    splits_below: float,
) -> NDArray[np.int32]:
    """Return the objects in `mask`, with ids above 0 that may have gaps.

    Parameters
    ----------
    affinities
        ``(E, H, W)`` in 0..1: how sure the pixel and the one at the offset are to belong to one object.
    offsets
        ``(rows, columns)`` from a pixel to the other end of each of its edges.
    near
        So many of the offsets, the first ones, reach the next pixel: only their edges can join.
    mask
        ``(H, W)`` pixels that belong to any object.
    joins_above
        Near edges join when their affinity is above, and split below.
    splits_below
        Far edges split when their affinity is below.

    Notes
    -----
    The mutex watershed of Wolf et al. (2018): no number of objects, no seeds and no shape is assumed. The work is
    done by the library bioimage-cpp, of which nothing else is known outside this function.
    """
    labels = np.zeros(mask.shape, np.int32)
    if not mask.any():
        return labels
    from bioimage_cpp.segmentation import mutex_watershed as run

    # A near edge is there twice, to join with its excess and to split with its lack: the larger is met first.
    excess = affinities[:near] - np.float32(joins_above)
    weights = np.concatenate([excess, -excess, np.float32(splits_below) - affinities[near:]])
    steps = [*offsets[:near], *offsets[:near], *offsets[near:]]
    found = run(np.ascontiguousarray(weights, np.float32), steps, near, mask=mask)
    labels[mask] = found[mask]
    return labels


def absorb_fragments(
    labels: NDArray[np.int32], height: NDArray[np.float32], mask: NDArray[np.bool_], fragment: int
) -> NDArray[np.int32]:
    """Give parts of `labels` with fewer than `fragment` pixels to their neighbours, highest `height` first.

    All arrays are ``(H, W)``. Small parts that touch nothing larger stay objects.
    """
    return grow_seeds(drop_small(labels, fragment), height, mask)
