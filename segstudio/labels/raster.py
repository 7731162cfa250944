"""Shapes to pixels: a pixel belongs to a shape when its centre lies inside. Points are ``(x, y)``, pixel-corner."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.tiles import Window

#: A long segment is drawn in pieces, so that a diagonal one does not take the square of its length.
_PIECE = 64.0
#: Below this diameter the path is moved by a hair, so that a line along pixel edges is one pixel thick, not two.
_THIN = 2.0


def segment(
    start: tuple[float, float], end: tuple[float, float], diameter: float, *, square: bool = False
) -> Iterator[tuple[Window, NDArray[np.bool_]]]:
    """Yield windows and masks that together are what a disc, or an upright square, covers from `start` to `end`.

    There are no gaps however long the segment is, and the pixels under both ends always belong to it, also
    when the disc is smaller than a pixel. Windows may reach outside of the image.
    """
    radius = max(diameter, 1.0) / 2
    nudge = 1e-6 if square or diameter < _THIN else 0.0
    a, b = np.asarray(start, float) + nudge, np.asarray(end, float) + nudge
    pieces = max(1, int(np.ceil(np.hypot(*(b - a)) / max(_PIECE, 2 * radius))))
    stops = a + np.linspace(0, 1, pieces + 1)[:, None] * (b - a)
    for first, last in pairwise(stops):
        yield (_swept_square if square else _capsule)(first, last, radius)


def _swept_square(a: NDArray[np.float64], b: NDArray[np.float64], radius: float) -> tuple[Window, NDArray[np.bool_]]:
    """Return the pixels whose centres a square passes over: for each, when it does so in either direction."""
    low, high = np.floor(np.minimum(a, b) - radius), np.floor(np.maximum(a, b) + radius) + 1
    window = Window(int(low[1]), int(low[0]), int(high[1]), int(high[0]))
    x = _passing(np.arange(window.x0, window.x1) + 0.5 - a[0], b[0] - a[0], radius)
    y = _passing(np.arange(window.y0, window.y1) + 0.5 - a[1], b[1] - a[1], radius)
    mask = np.maximum(x[0], y[0][:, None]) <= np.minimum(x[1], y[1][:, None])
    for px, py in (a, b):
        mask[int(np.floor(py)) - window.y0, int(np.floor(px)) - window.x0] = True
    return window, mask


def _passing(away: NDArray[np.float64], way: float, radius: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return from when to when, 0 to 1, something of a radius that goes so far covers each place."""
    if abs(way) < 1e-12:
        outside = np.abs(away) > radius
        return np.where(outside, 2.0, 0.0), np.ones(away.shape)
    first, last = np.sort([(away - radius) / way, (away + radius) / way], axis=0)
    return np.maximum(first, 0.0), np.minimum(last, 1.0)


def _capsule(a: NDArray[np.float64], b: NDArray[np.float64], radius: float) -> tuple[Window, NDArray[np.bool_]]:
    low, high = np.floor(np.minimum(a, b) - radius), np.floor(np.maximum(a, b) + radius) + 1
    window = Window(int(low[1]), int(low[0]), int(high[1]), int(high[0]))
    dx = np.arange(window.x0, window.x1) + 0.5 - a[0]
    dy = (np.arange(window.y0, window.y1) + 0.5 - a[1])[:, None]
    vx, vy = b - a
    along = (dx * vx + dy * vy) / max(vx * vx + vy * vy, 1e-30)
    np.clip(along, 0.0, 1.0, out=along)
    mask = (dx - along * vx) ** 2 + (dy - along * vy) ** 2 <= radius * radius
    for x, y in (a, b):
        mask[int(np.floor(y)) - window.y0, int(np.floor(x)) - window.x0] = True
    return window, mask


def polygon(rings: Sequence[ArrayLike], shape: tuple[int, int]) -> tuple[Window, NDArray[np.bool_]]:
    """Return the window and mask of the pixels inside of closed rings, clipped to an image of `shape`.

    Parameters
    ----------
    rings
        Each ``(N, 2)`` xy; the last point joins the first. A ring that turns the other way inside of another one
        is a hole; a ring that crosses itself fills everything it goes around (non-zero winding rule).
    shape
        ``(rows, columns)``.

    Notes
    -----
    Works on all edges at once: each edge marks, per pixel row it crosses, the first pixel to its right with its
    direction; the running sum along the row is the winding number.

    Examples
    --------
    >>> window, mask = polygon([[(1, 1), (4, 1), (4, 3), (1, 3)]], (5, 5))
    >>> window, int(mask.sum())
    (Window(y0=1, x0=1, y1=3, x1=4), 6)
    """
    closed = [np.asarray(ring, float).reshape(-1, 2) for ring in rings]
    closed = [ring for ring in closed if len(ring) >= 3]
    if not closed:
        return Window(0, 0, 0, 0), np.zeros((0, 0), bool)
    points = np.concatenate(closed)
    follow = np.concatenate([np.roll(ring, -1, axis=0) for ring in closed])
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    window = Window(int(low[1]), int(low[0]), int(high[1]), int(high[0])).clip(shape)
    if window.empty:
        return window, np.zeros(window.shape, bool)
    return window, _winding(points, follow, window) != 0


def _winding(points: NDArray[np.float64], follow: NDArray[np.float64], window: Window) -> NDArray[np.int64]:
    # An edge crosses the rows r with low <= r + 0.5 < high.
    low, high = np.minimum(points[:, 1], follow[:, 1]), np.maximum(points[:, 1], follow[:, 1])
    first = np.clip(np.ceil(low - 0.5), window.y0, window.y1).astype(np.int64)
    count = np.maximum(np.clip(np.ceil(high - 0.5), window.y0, window.y1).astype(np.int64) - first, 0)
    edge = np.repeat(np.arange(len(points)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    (x0, y0), (x1, y1) = points[edge].T, follow[edge].T
    x = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    column = np.clip(np.ceil(x - 0.5) - window.x0, 0, window.width).astype(np.int64)
    width = window.width + 1
    steps = np.bincount((row - window.y0) * width + column, np.sign(y1 - y0), window.height * width)
    return np.cumsum(steps.reshape(window.height, width).astype(np.int64), axis=1)[:, :-1]
