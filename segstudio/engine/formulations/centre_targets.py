"""Where the middle of each pixel's object lies."""

import numpy as np
from numpy.typing import NDArray


def vector_to_centre(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(2, H, W)`` vectors (dy, dx), pixels, to the mean position of the pixels of the object; 0 outside.

    `labels` ``(H, W)`` int32 are object ids; values below 1 are outside.
    """
    rows, columns, owner, count = _inside(labels)
    vectors = np.zeros((2, *labels.shape), np.float32)
    for plane, places in zip(vectors, (rows, columns), strict=True):
        plane[rows, columns] = (np.bincount(owner, places) / count)[owner] - places
    return vectors


def heat_of_centres(labels: NDArray[np.int32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: a bell around the middle of each object, 1 at the pixel nearest to it, 0 outside.

    The bell's standard deviation is a third of the radius of a disc of the object's area, at least a pixel.
    """
    rows, columns, owner, count = _inside(labels)
    square = (vectors[:, rows, columns] ** 2).sum(axis=0)
    least = np.full(len(count), np.inf)
    np.minimum.at(least, owner, square)
    spread = np.maximum(np.sqrt(count / np.pi) / 3, 1)
    heat = np.zeros((1, *labels.shape), np.float32)
    heat[0, rows, columns] = np.exp(-(square - least[owner]) / (2 * spread[owner] ** 2))
    return heat


def _inside(
    labels: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of pixels of objects, the number of the object of each, and its pixels."""
    rows, columns = np.nonzero(labels > 0)
    ids = labels[rows, columns]
    numbers = np.zeros(int(ids.max(initial=0)) + 1, np.int64)
    count = np.bincount(ids, minlength=1)
    present = np.flatnonzero(count)
    numbers[present] = np.arange(len(present))
    return rows, columns, numbers[ids], count[present]
