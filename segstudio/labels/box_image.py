"""Upright boxes as a label image: what a detector tells, in the form in which everything else is told."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def paint_boxes(boxes: NDArray[np.floating[Any]], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return ``(rows, columns)`` int32: the number of the box, from 1, in which each pixel's centre lies; else 0.

    Where boxes overlap a pixel belongs to the one in whose middle it lies most, so that the order does not matter.

    Parameters
    ----------
    boxes
        ``(n, 4)`` y0, x0, y1, x1 in pixel-corner coordinates. Parts outside the image are left out.

    Examples
    --------
    >>> paint_boxes(np.array([[0, 0, 1, 3], [0, 2, 1, 5]]), (1, 6)).tolist()
    [[1, 1, 1, 2, 2, 0]]
    """
    labels = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.inf, np.float32)
    low = np.ceil(boxes[:, :2] - 0.5).clip(0, shape).astype(np.int64)
    high = np.ceil(boxes[:, 2:] - 0.5).clip(0, shape).astype(np.int64)
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    for number in np.flatnonzero((high > low).all(axis=1)):
        window = tuple(slice(*ends) for ends in zip(low[number], high[number], strict=True))
        down, across = (
            np.abs(np.arange(part.start, part.stop) + 0.5 - at) / side
            for part, at, side in zip(window, middle[number], half[number], strict=True)
        )
        distance = np.maximum(down[:, None], across).astype(np.float32)
        mine = distance < nearest[window]
        labels[window][mine] = number + 1
        nearest[window][mine] = distance[mine]
    return labels


def boxes_around(labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return `labels` with the upright box of each object in its place, by the same id; negative pixels stay.

    Examples
    --------
    >>> boxes_around(np.array([[5, 0, 0], [0, 5, -1]])).tolist()
    [[5, 5, 0], [5, 5, -1]]
    """
    ids, numbers = np.unique(np.maximum(labels, 0), return_inverse=True)
    start = 1 if len(ids) and ids[0] == 0 else 0
    parts = ndimage.find_objects(numbers.reshape(labels.shape) + (1 - start))
    boxes = np.array([[y.start, x.start, y.stop, x.stop] for y, x in parts], np.float64).reshape(-1, 4)
    painted = paint_boxes(boxes, labels.shape)
    result = np.concatenate([[0], ids[start:]]).astype(np.int32)[painted]
    return np.where((painted == 0) & (labels < 0), labels, result).astype(np.int32)
