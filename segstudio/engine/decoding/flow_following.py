"""Objects as the pixels whose flow leads to the same place."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segstudio.engine.decoding.components import components
from segstudio.engine.decoding.watershed import flood

#: Steps walked between pixels, and pixels each; short ones do not overshoot a centre.
_STEPS = 30
_STEP = 0.6
#: Doublings of the way after those steps: 30 * 0.6 * 2**6 = 1152 pixels, more than any cell is long.
_DOUBLINGS = 6
#: Pixels that walk at once; bounds the memory.
_CHUNK = 1_000_000


def follow_flow(flow: NDArray[np.float32], mask: NDArray[np.bool_], merge_radius: float = 1.5) -> NDArray[np.int32]:
    """Return the objects in `mask`, numbered by the place to which their pixels flow.

    Parameters
    ----------
    flow
        ``(2, H, W)`` vectors (dy, dx) of length about 1 that point to object centres.
    mask
        ``(H, W)`` pixels that belong to any object.
    merge_radius
        Standard deviation in pixels of the blur that joins scattered ends of one object.

    Notes
    -----
    Each pixel walks some steps with bilinear look-up (Euler's method). From there on, the pixel reached knows the way:
    its own end is looked up, which doubles the distance each time, so that long cells cost no more than short ones.
    """
    labels = np.zeros(mask.shape, np.int32)
    pixels = np.flatnonzero(mask)
    if pixels.size == 0:
        return labels
    ends = _ends(flow, mask, pixels)
    hits = np.bincount(ends, minlength=pixels.size)
    sinks = _group_sinks(pixels, hits, mask.shape, merge_radius)
    labels.ravel()[pixels] = sinks.ravel()[pixels[ends]]
    return labels


def convergence(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``(H, W)`` how much unit vectors run together: above 0 around centres, below 0 where objects touch.

    Parameters
    ----------
    flow
        ``(2, H, W)`` vectors (dy, dx) of length about 1 that point to object centres; longer ones count as unit ones.

    Notes
    -----
    It is the negative divergence, by central differences.
    """
    unit = flow / np.maximum(np.hypot(flow[0], flow[1]), np.float32(1))
    apart = np.zeros(flow.shape[1:], np.float32)
    apart[1:-1] += unit[0, 2:] - unit[0, :-2]
    apart[:, 1:-1] += unit[1, :, 2:] - unit[1, :, :-2]
    return apart * np.float32(-0.5)


def _ends(flow: NDArray[np.float32], mask: NDArray[np.bool_], pixels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return for each of `pixels` (flat indices) the place, in `pixels`, of the pixel where its way ends."""
    width = mask.shape[1]
    # One complex number a pixel: a single look-up fetches both components. The rim lets walkers touch the edge.
    field = np.zeros((mask.shape[0] + 1, width + 1), np.complex64)
    field[:-1, :-1] = np.where(mask, (flow[0] + 1j * flow[1]) * np.float32(_STEP), 0)
    place = np.full(mask.size, -1, np.int32)
    place[pixels] = np.arange(pixels.size, dtype=np.int32)
    ends = np.empty(pixels.size, np.int32)
    for start in range(0, pixels.size, _CHUNK):
        part = pixels[start : start + _CHUNK]
        y, x = _walk(field, (part // width).astype(np.float32), (part % width).astype(np.float32))
        reached = place[np.rint(y).astype(np.int64) * width + np.rint(x).astype(np.int64)]
        beside = np.flatnonzero(reached < 0)
        reached[beside] = _nearest(place.reshape(mask.shape), y[beside], x[beside])
        own = np.arange(start, start + part.size, dtype=np.int32)
        # A walker that left the mask stays where it began, and is dropped as too small later.
        ends[start : start + _CHUNK] = np.where(reached < 0, own, reached)
    for _ in range(_DOUBLINGS):
        ends = ends[ends]
    return ends


def _nearest(place: NDArray[np.int32], y: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return what `place` ``(H, W)`` holds at the pixel nearest to points where that is not -1; -1 if none is near.

    In narrow necks walkers come to rest between pixels, and the one that they are rounded to may lie outside.
    """
    found = np.full(y.shape, -1, np.int32)
    nearest = np.full(y.shape, np.inf, np.float32)
    for dy, dx in np.ndindex(3, 3):
        row, column = np.rint(y).astype(np.int64) + dy - 1, np.rint(x).astype(np.int64) + dx - 1
        there = place[row.clip(0, place.shape[0] - 1), column.clip(0, place.shape[1] - 1)]
        away = (y - row) ** 2 + (x - column) ** 2
        nearer = (there >= 0) & (away < nearest)
        found[nearer], nearest[nearer] = there[nearer], away[nearer]
    return found


def _walk(
    field: NDArray[np.complex64], y: NDArray[np.float32], x: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    flat = field.ravel()
    width = field.shape[1]
    bottom, right = field.shape[0] - 2, field.shape[1] - 2
    for _ in range(_STEPS):
        row, column = y.astype(np.int32), x.astype(np.int32)
        down, across = y - row, x - column
        corner = row.astype(np.int64) * width + column
        upper = flat[corner]
        upper += (flat[corner + 1] - upper) * across
        corner += width
        lower = flat[corner]
        lower += (flat[corner + 1] - lower) * across
        upper += (lower - upper) * down
        y = np.clip(y + upper.real, 0, bottom).astype(np.float32, copy=False)
        x = np.clip(x + upper.imag, 0, right).astype(np.float32, copy=False)
    return y, x


def _group_sinks(
    pixels: NDArray[np.int64], hits: NDArray[np.int64], shape: tuple[int, int], radius: float
) -> NDArray[np.int32]:
    """Return the places where ways end, numbered: each peak of the blurred count of ends gathers those around it."""
    count = np.zeros(shape, np.float32)
    count.ravel()[pixels] = hits
    near = ndimage.gaussian_filter(count, radius, truncate=3) if radius > 0 else count
    ends = count > 0
    reach = ndimage.binary_dilation(ends, iterations=1)
    peaks = (ndimage.maximum_filter(near, size=2 * round(1.5 * radius) + 1) == near) & reach
    return flood(near, components(peaks), reach)
