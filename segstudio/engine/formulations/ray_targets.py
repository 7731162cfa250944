"""Lengths of rays from each pixel of an object to the object's outline, in directions all round."""

import numpy as np
from numpy.typing import NDArray

from segstudio.engine.orientation import turn, turn_vector

#: What lies beyond the image, in a label image framed for the rays.
_BEYOND = -1


def ray_lengths(labels: NDArray[np.int32], rays: int) -> NDArray[np.float32]:
    """Return ``(rays, H, W)``: pixels from each pixel's centre to where a ray leaves its object; 0 outside objects.

    Parameters
    ----------
    labels
        ``(H, W)`` int32 object ids, 0 background, -1 not known.
    rays
        How many, a multiple of 4. Ray k runs along ``(sin a, cos a)`` as (rows, columns) with ``a = 2 pi k / rays``.

    Notes
    -----
    The rays are those of StarDist (Schmidt et al., 2018). A ray that ends at the image's edge or at an unknown pixel
    has a *negative* length: the object may go on, so that its true length is at least the number's amount.

    A ray steps from row to row (or column to column, whichever it crosses faster) along a line of pixels that it
    shares with all pixels on that line. So the rest of a ray is the ray of its second pixel, and one pass over the
    rows gives a direction at all pixels of an image, however large the objects.
    """
    lengths = np.zeros((rays, labels.size), np.float32)
    places = np.arange(labels.size).reshape(1, *labels.shape)
    for quarter in range(4):
        turned = turn(labels[None], quarter, mirror=False)[0]
        walk = _Walk(turned)
        home = turn(places, quarter, mirror=False)[0][turned > 0]
        for ray in range(rays):
            angle = 2 * np.pi * ray / rays
            dy, dx = turn_vector(np.sin(angle), np.cos(angle), quarter, mirror=False)
            if dy < abs(dx) - 1e-9 or abs(dx - dy) < 1e-9:
                continue  # it points down in another quarter turn
            steps = walk.down(dx / dy)
            length = ((steps >> 1) + np.float32(0.5)) * np.float32(1 / dy)
            np.negative(length, out=length, where=(steps & 1) > 0)
            lengths[ray][home] = length
    return lengths.reshape(rays, *labels.shape)


class _Walk:
    """Counts the rows that rays go down in the objects of one label image ``(H, W)``."""

    def __init__(self, labels: NDArray[np.int32]) -> None:
        height, width = labels.shape
        self._labels = np.full((height + 1, width + 2), _BEYOND, np.int32)
        self._labels[:-1, 1:-1] = labels
        self._inside = np.flatnonzero(self._labels > 0)
        self._unknown = (self._labels < 0).astype(np.int32)
        # One scratch plane for all directions: fresh memory costs more time than the walk.
        self._steps = np.zeros((height + 1, width + 2), np.int32)

    def down(self, slope: float) -> NDArray[np.int32]:
        """Return for each pixel of objects, row by row, twice the rows that its ray goes down, plus 1 where it is cut.

        `slope` is the columns that a ray crosses in a row, -1..1.
        """
        height, width = self._labels.shape[0] - 1, self._labels.shape[1] - 2
        shifts = _shifts(slope, height)
        steps, other = self._steps, np.empty(width, bool)
        for y in range(height - 1, -1, -1):
            below = slice(1 + shifts[y], 1 + shifts[y] + width)
            here = steps[y, 1:-1]
            np.add(steps[y + 1, below], 2, out=here)
            np.not_equal(self._labels[y + 1, below], self._labels[y, 1:-1], out=other)
            np.copyto(here, self._unknown[y + 1, below], where=other)
        return steps.ravel()[self._inside]


def _shifts(slope: float, height: int) -> list[int]:
    """Return the columns that a line crosses from each row to the next one, at most 1."""
    if abs(slope) > 1 - 1e-9:
        return [round(slope)] * height
    # Counted from the middle, so that the lines of a turned image are the turned lines.
    places = np.rint(slope * (np.arange(height + 1) - (height - 1) / 2))
    return [int(step) for step in np.diff(places)]


def turn_rays(lengths: NDArray[np.float32], quarter_turns: int, mirror: bool) -> NDArray[np.float32]:
    """Return the rays ``(rays, H, W)`` of a turned and then mirrored image; see `orientation.turn`."""
    rays = len(lengths)
    source = (np.arange(rays) + quarter_turns * rays // 4) % rays
    if mirror:
        source = source[(rays // 2 - np.arange(rays)) % rays]
    return turn(lengths, quarter_turns, mirror)[source]
