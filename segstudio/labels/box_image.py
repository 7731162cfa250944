"""Boxes, upright or rotated, as a label image: what a detector tells, in the form in which everything else is told."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segstudio.labels.boxes import BoxColumns, box_columns
from segstudio.labels.contours import trace

#: Tells how far from the middle of a box, by its number, pixels lie, 1 being the border; of rows and columns.
_Distance = Callable[[int, NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
#: How far outside a rotated box, in pixels and in half sides, what counts as its border goes: rounding.
_OUTSIDE = 1e-6


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
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2

    def distance(number: int, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
        down = np.abs(rows - middle[number, 0]) / half[number, 0]
        across = np.abs(columns - middle[number, 1]) / half[number, 1]
        return np.asarray(np.maximum(down, across), np.float64)

    # Every pixel between the ends is inside, also one on the border.
    return _paint(boxes, shape, distance, np.inf)


def paint_rotated_boxes(boxes: BoxColumns, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return ``(rows, columns)`` int32: the id of the box in which each pixel lies whole; else 0.

    The box around an object comes back as it was from the pixels painted for it, since all of the object's lie whole in
    it. Where boxes overlap a pixel belongs to the one in whose middle it lies most.

    Parameters
    ----------
    boxes
        Their ids are positive. Parts outside the image are left out.

    Examples
    --------
    >>> labels = np.array([[0, 4, 0, 0], [4, 0, 0, 0], [0, 0, 0, 4], [0, 0, 4, 0]])
    >>> paint_rotated_boxes(box_columns(trace(labels)), (4, 4)).tolist()
    [[0, 4, 0, 0], [4, 4, 4, 0], [0, 4, 4, 4], [0, 0, 4, 0]]
    """
    turn = np.deg2rad(boxes.angle)
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = boxes.centre.reshape(-1, 2).T
    half = np.stack([boxes.length, boxes.width]) / 2
    # From a pixel's centre to the corner that lies furthest along, or across.
    corner = (np.abs(cos) + np.abs(sin)) / 2
    across = np.abs(cos) * half[0] + np.abs(sin) * half[1]
    down = np.abs(sin) * half[0] + np.abs(cos) * half[1]
    bounds = np.stack([y - down, x - across, y + down, x + across], axis=1) + np.array([-1, -1, 1, 1]) * _OUTSIDE

    def distance(number: int, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
        dy, dx = rows - y[number], columns - x[number]
        along = (np.abs(dx * cos[number] + dy * sin[number]) + corner[number]) / half[0, number]
        aside = (np.abs(dy * cos[number] - dx * sin[number]) + corner[number]) / half[1, number]
        return np.asarray(np.maximum(along, aside), np.float64)

    ids = np.concatenate([[0], boxes.ids]).astype(np.int32)
    return ids[_paint(bounds, shape, distance, 1 + _OUTSIDE)]


def _paint(
    bounds: NDArray[np.floating[Any]], shape: tuple[int, int], distance: _Distance, limit: float
) -> NDArray[np.int32]:
    """Return the number, from 1, of the box to which each pixel is nearest, of those from which it is up to `limit`."""
    labels = np.zeros(shape, np.int32)
    nearest = np.full(shape, np.inf, np.float32)
    low = np.ceil(bounds[:, :2] - 0.5).clip(0, shape).astype(np.int64)
    high = np.ceil(bounds[:, 2:] - 0.5).clip(0, shape).astype(np.int64)
    for number in np.flatnonzero((high > low).all(axis=1)).tolist():
        window = tuple(slice(*ends) for ends in zip(low[number], high[number], strict=True))
        rows, columns = (np.arange(part.start, part.stop) + 0.5 for part in window)
        far = distance(number, rows[:, None], columns[None]).astype(np.float32)
        mine = (far < nearest[window]) & (far <= limit)
        labels[window][mine] = number + 1
        nearest[window][mine] = far[mine]
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
    return _with_unknown(np.concatenate([[0], ids[start:]]).astype(np.int32)[painted], labels)


def rotated_boxes_around(labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return `labels` with the rotated box of each object in its place, by the same id; negative pixels stay.

    Examples
    --------
    >>> rotated_boxes_around(np.array([[0, 5, 0, 0], [5, 0, 0, -1], [0, 0, 0, 5], [0, 0, 5, 0]])).tolist()
    [[0, 5, 0, 0], [5, 5, 5, -1], [0, 5, 5, 5], [0, 0, 5, 0]]
    """
    return _with_unknown(paint_rotated_boxes(box_columns(trace(labels)), labels.shape), labels)


def _with_unknown(painted: NDArray[np.int32], labels: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    return np.where((painted == 0) & (labels < 0), labels, painted).astype(np.int32)
