"""Objects out of the maps of a detector: pixels that point to the same box are one object.

The maps are those of `segstudio.engine.detectors.found`. Neighbouring tiles see an object a little differently; what
they see of it are two boxes that all but coincide.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

#: Boxes that overlap by this much (IoU) are one; those of two objects are further apart after their detection.
_SAME = 0.6
#: How far apart the centres of such boxes can be, as a share of their side.
_APART = 0.25
_MAPS = 5
_SURE = 4


@dataclass(frozen=True)
class Boxed:
    """Pixels and boxes of the objects.

    Attributes
    ----------
    labels
        ``(H, W)`` int32, numbered from 1.
    boxes
        ``(n, 4)`` y0, x0, y1, x1 in pixel-corner coordinates.
    scores
        ``(n,)`` how sure, 0..1.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


def group_by_box(maps: NDArray[np.float32], threshold: float) -> Boxed:
    """Return the objects in `maps` ``(5 or more, H, W)`` that are at least as sure as `threshold`."""
    labels = np.zeros(maps.shape[1:], np.int32)
    pixels = np.flatnonzero(maps[_SURE] >= max(threshold, 1e-3))
    if not pixels.size:
        return Boxed(labels, np.zeros((0, 4)), np.zeros(0))
    sure = maps[_SURE].ravel()[pixels]
    values = maps[: _MAPS - 1].reshape(_MAPS - 1, -1)[:, pixels] / sure
    values[0] += pixels // maps.shape[2] + np.float32(0.5)
    values[1] += pixels % maps.shape[2] + np.float32(0.5)
    bins, group = _bins(values)
    count = len(bins)
    weight = np.bincount(group, minlength=count)
    cy, cx, height, width = (np.bincount(group, row, count) / weight for row in values)
    boxes = np.stack([cy - height / 2, cx - width / 2, cy + height / 2, cx + width / 2], axis=1)
    roots = _roots(boxes, weight)
    kept, number = np.unique(roots, return_inverse=True)
    labels.ravel()[pixels] = number[group] + 1
    total = np.bincount(number, weight)
    boxes = np.stack([np.bincount(number, column * weight) / total for column in boxes.T], axis=1)
    scores = np.bincount(number, np.bincount(group, sure, count)) / total
    return Boxed(labels, boxes, np.clip(scores, 0, 1).reshape(len(kept)))


def _bins(values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the boxes met, each rounded to whole pixels and packed into one number, and that of each pixel."""
    rounded = np.rint(np.nan_to_num(values)).astype(np.int64)
    rounded -= rounded.min(axis=1, keepdims=True)
    key = np.zeros(rounded.shape[1], np.int64)
    for row in rounded:
        key = key * (int(row.max()) + 1) + row
    bins, group = np.unique(key, return_inverse=True)
    return bins, group


def _roots(boxes: NDArray[np.float64], weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each box the one with the most pixels that it coincides with, perhaps itself."""
    rank = np.empty(len(boxes), np.int64)
    rank[np.argsort(-weight, kind="stable")] = np.arange(len(boxes))
    middle, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
    # One radius for all, since few boxes of any size lie so near each other.
    radius = float(np.clip(_APART * np.median(side), 2, 32))
    pairs = cKDTree(middle).query_pairs(radius, output_type="ndarray")
    pairs = pairs[_iou(boxes[pairs[:, 0]], boxes[pairs[:, 1]]) >= _SAME]
    # The box of more pixels comes first, and the pairs in the order of their first.
    swap = rank[pairs[:, 0]] > rank[pairs[:, 1]]
    pairs[swap] = pairs[swap][:, ::-1]
    pairs = pairs[np.lexsort((rank[pairs[:, 1]], rank[pairs[:, 0]]))]
    root = list(range(len(boxes)))
    for one, other in pairs.tolist():
        if root[one] == one and root[other] == other:
            root[other] = one
    return np.array(root, np.int64)


def _iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    shared = (high - low).clip(0).prod(axis=1)
    areas = (one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1)
    return np.asarray(shared / np.maximum(areas - shared, 1e-9), np.float64)
