"""The connected area around a pixel whose intensities are like its own."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.labels.shapes import Mask, without_holes

#: Intensities are compared after a median filter of so many pixels a side: single pixels are noisy.
_MEDIAN = 5
#: What counts as the range of intensities, in percent; every so many pixels in each direction are looked at.
_RANGE, _EVERY = (0.5, 99.5), 4
#: Sides of the window that an area reaches when it is ground.
_GROUND = 3
#: Tolerances of which the best is taken, the fewest pixels that an area then has, and the one where none is better.
_TRIED, _FEWEST, _USUAL = np.linspace(0.03, 0.6, 24), 12, 0.1


def unlikeness(pixels: NDArray[Any], row: int, column: int) -> NDArray[np.float32]:
    """Return how far each pixel is from the one given, as a share of the range of intensities.

    Parameters
    ----------
    pixels
        ``(rows, columns)`` or ``(rows, columns, channels)``; of channels the one that differs most counts.

    Returns
    -------
    ``(rows, columns)``; infinite where a value is no number.
    """
    values = np.abs(pixels) if np.iscomplexobj(pixels) else pixels
    values = np.atleast_3d(values).astype(np.float32)
    known = np.isfinite(values).all(axis=2)
    out = np.zeros(known.shape, np.float32)
    for channel in range(values.shape[2]):
        plane = cv2.medianBlur(np.where(known, values[..., channel], 0), _MEDIAN)
        seen = plane[::_EVERY, ::_EVERY][known[::_EVERY, ::_EVERY]]
        low, high = np.percentile(seen, _RANGE) if len(seen) else (0.0, 0.0)
        if high > low:
            np.maximum(out, np.abs(plane - plane[row, column]) / np.float32(high - low), out=out)
    out[~known | ~known[row, column]] = np.inf
    return out


def similar(unlike: NDArray[np.float32], row: int, column: int, tolerance: float, free: Mask) -> Mask:
    """Return the pixels that are joined by edges to the one given and at most `tolerance` unlike.

    Holes are filled, but not those of an area that reaches three sides: it is ground, and what is in it are cells.

    Parameters
    ----------
    free
        Where the area may be.
    """
    image = ((unlike <= tolerance) & free).astype(np.uint8)
    if not image[row, column]:
        return np.zeros(image.shape, np.bool_)
    cv2.floodFill(image, None, (column, row), (2.0,), flags=4)
    area = image == 2
    sides = sum(bool(side.any()) for side in (area[0], area[-1], area[:, 0], area[:, -1]))
    return area if sides >= _GROUND else without_holes(area) & free


def best_tolerance(unlike: NDArray[np.float32], row: int, column: int, free: Mask) -> float:
    """Return the tolerance whose area has the sharpest outline, the largest of several.

    Sharp is an outline with a high mean gradient. Areas of more than half of the pixels count as ground.
    """
    steps = cv2.morphologyEx(np.minimum(unlike, 1), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    best, sharpest = _USUAL, 0.0
    for tolerance in _TRIED.tolist():
        area = similar(unlike, row, column, tolerance, free)
        size = np.count_nonzero(area)
        if 2 * size > area.size:
            break
        if size >= _FEWEST:
            inner = cv2.erode(area.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            sharp = float(steps[area & ~inner].mean())
            if sharp > 0 and sharp >= sharpest:
                best, sharpest = tolerance, sharp
    return best
