"""The weight map of the U-Net paper: pixels between objects that nearly touch count more."""

from collections.abc import Iterator

import cv2
import edt  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: The weight is below 1 % of its peak beyond this many sigma between two objects.
_REACH = 3.0
#: How far the gap spreads in the paper, pixels.
SIGMA_PX = 5.0


def gap_weight(labels: NDArray[np.int32], sigma: float = SIGMA_PX) -> NDArray[np.float32]:
    """Return ``(1, H, W)`` in 0..1: 1 where two objects touch, falling with the distance between them.

    ``exp(-(d1 + d2)**2 / (2 sigma**2))`` of Ronneberger et al. (2015), with d1 and d2 the distances to the outlines of
    the nearest and the second nearest object; a pixel of an object is d1 away from its own outline. The paper's map
    is 1 plus ten times this.

    Parameters
    ----------
    labels
        ``(H, W)`` int32: object ids, 0 = background, -1 = not known, where the map is 0.
    sigma
        Pixels.
    """
    objects = np.maximum(labels, 0)
    shape = objects.shape
    # Beyond the reach the exact distance does not matter any more.
    far = _REACH * sigma + 1
    nearest, second = np.full(shape, far, np.float32), np.full(shape, far, np.float32)
    for window, distance in _distances(objects, far):
        first = nearest[window]
        second[window] = np.minimum(second[window], np.maximum(first, distance))
        nearest[window] = np.minimum(first, distance)
    depth = edt.edt(np.ascontiguousarray(objects), black_border=False)
    total = np.where(objects > 0, np.minimum(depth, far), nearest) + second
    # Neighbours are one pixel apart from centre to centre: where two objects touch, both distances are 1.
    weight = np.exp(-(np.maximum(total - 2, 0) ** 2) / (2 * sigma**2))
    weight[(second >= far) | (labels < 0)] = 0
    return weight.astype(np.float32)[None]


def _distances(objects: NDArray[np.int32], far: float) -> Iterator[tuple[tuple[slice, ...], NDArray[np.float32]]]:
    """Yield for each object a window around it and the distance to it there, 0 inside."""
    margin = int(np.ceil(far))
    ids = np.unique(objects)
    compact = np.searchsorted(ids, objects) if ids[0] == 0 else np.searchsorted(ids, objects) + 1
    for number, box in enumerate(ndimage.find_objects(compact), start=1):
        if box is None:
            continue
        window = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)
        outside = (compact[window] != number).astype(np.uint8)
        yield window, np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
