"""Unit vectors that lead each pixel of an object to the object's centre, without leaving the object."""

from collections.abc import Iterator, Sequence

import cc3d
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: The network gives flow vectors of this length, so that their loss weighs as much as the others (as Cellpose does).
FLOW_LENGTH = 5.0
#: Sides of the square frames in which objects of like size diffuse together.
_FRAMES = (12, 18, 26, 36, 50, 66)
#: Numbers that one batch of frames holds: it stays in the processor's cache.
_BATCH = 48_000
#: Steps that correct the heat of a large object at each doubling of its resolution.
_REFINE = 24

#: Steps (rows, columns) to a pixel's neighbours, an eighth of a turn apart, from the right downwards.
_AROUND = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])

_Box = tuple[slice, ...]


def flow_to_centre(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(2, H, W)`` unit vectors (dy, dx), 0 outside objects and at their centres.

    Parameters
    ----------
    labels
        ``(H, W)`` int32 object ids; values below 1 are outside.

    Notes
    -----
    The idea is Cellpose's (Stringer et al., 2021): heat flows from the pixel nearest the centroid, is lost at the
    object's outline, and the vectors are its gradient, which has no peak but the source. Here objects of like
    size diffuse together in frames laid end to end, so that each step is a few passes over one flat array; large
    ones diffuse at half the resolution first. Disconnected parts of one id are objects of their own.
    """
    parts = np.pad(cc3d.connected_components(np.maximum(labels, 0), connectivity=8).astype(np.int32), 1)
    heat = np.zeros(parts.shape)
    groups: dict[int, list[tuple[int, _Box]]] = {}
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        side = max(part.stop - part.start for part in box) + 2
        frame = next((size for size in _FRAMES if side <= size), 0)
        groups.setdefault(frame, []).append((number, box))
    for number, box in groups.pop(0, []):
        inside = parts[box] == number
        framed = np.pad(inside, 1)
        heat[box][inside] = _large_heat(framed, _centres(framed))[1:-1, 1:-1][inside]
    for frame, members in groups.items():
        step = max(1, _BATCH // (frame * frame))
        for start in range(0, len(members), step):
            _heat_batch(heat, parts, members[start : start + step], frame)
    return _ascent(heat, parts)


def _heat_batch(
    heat: NDArray[np.float64], parts: NDArray[np.int32], members: list[tuple[int, _Box]], frame: int
) -> None:
    masks = np.zeros((len(members), frame, frame), bool)
    insides = [parts[box] == number for number, box in members]
    for mask, inside in zip(masks, insides, strict=True):
        mask[1 : inside.shape[0] + 1, 1 : inside.shape[1] + 1] = inside
    for found, (_, box), inside in zip(
        _diffuse(masks, [_centres(mask) for mask in masks]), members, insides, strict=True
    ):
        heat[box][inside] = found[1 : inside.shape[0] + 1, 1 : inside.shape[1] + 1][inside]


def _ascent(heat: NDArray[np.float64], parts: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the unit gradient ``(2, H, W)`` of the heat within each part; both planes have a frame of one pixel."""
    flat, numbers = heat.ravel(), parts.ravel()
    pixels = np.flatnonzero(numbers)
    around = _AROUND @ (parts.shape[1], 1)
    near = pixels[:, None] + around
    warmth = np.where(numbers[near] == numbers[pixels, None], flat[near], 0)
    gradient = warmth[:, ::2] @ _AROUND[::2].astype(np.float64)
    # At a corner of a narrow neck the way on is a diagonal one, and the only straight neighbour lies behind.
    towards = np.rint(np.arctan2(gradient[:, 0], gradient[:, 1]) / (np.pi / 4)).astype(np.int64) % 8
    behind = warmth[np.arange(len(pixels)), towards] <= flat[pixels]
    gradient[behind] = warmth[behind] @ (_AROUND / np.hypot(*_AROUND.T)[:, None])
    length = np.hypot(*gradient.T)
    gradient /= np.where(length > 0, length, 1)[:, None]
    flow = np.zeros((2, parts.size), np.float32)
    flow[:, pixels] = gradient.T
    return flow.reshape(2, *parts.shape)[:, 1:-1, 1:-1].copy()


def _diffuse(masks: NDArray[np.bool_], centres: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Let heat spread from each mask's centre through ``(K, S, S)`` masks, whose frame is empty."""
    side = masks.shape[1]
    heat = np.zeros(masks.shape)
    sources = np.concatenate([index * side * side + centre for index, centre in enumerate(centres)])
    flat = heat.reshape(-1)
    for _ in _spread(heat, masks, 4 * side):
        flat[sources] += 1
    return heat


def _spread(heat: NDArray[np.float64], masks: NDArray[np.bool_], steps: int) -> Iterator[None]:
    """Average `heat` over 3x3 pixels in place, `steps` times, losing what leaves `masks`; yields before each."""
    weight = masks.reshape(-1) / 9.0
    flat = heat.reshape(-1)
    rows = np.zeros(flat.size)
    side = masks.shape[-1]
    # The empty frames catch what the flat shifts carry from one row, or object, to the next.
    for _ in range(steps):
        yield
        rows[1:-1] = flat[1:-1]
        rows[1:-1] += flat[:-2]
        rows[1:-1] += flat[2:]
        flat[side:-side] = rows[side:-side]
        flat[side:-side] += rows[: -2 * side]
        flat[side:-side] += rows[2 * side :]
        flat *= weight


def _large_heat(mask: NDArray[np.bool_], centre: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the heat in one mask ``(h, w)`` of any size, whose frame is empty: coarse first, then corrected."""
    rows, columns = np.divmod(centre, mask.shape[1])
    if max(mask.shape) <= _FRAMES[-1]:
        side = max(mask.shape)
        square = np.zeros((1, side, side), bool)
        square[0, : mask.shape[0], : mask.shape[1]] = mask
        return _diffuse(square, [rows * side + columns])[0, : mask.shape[0], : mask.shape[1]]
    coarse = _halve(mask)
    below = _large_heat(coarse, np.unique((rows + 1) // 2 * coarse.shape[1] + (columns + 1) // 2))
    # Heat falls off exponentially: only its logarithm can be interpolated, and only from pixels inside.
    known = (below > 0).astype(np.float64)
    log_heat = np.log(np.where(below > 0, below, 1))
    share = _double(known, mask.shape)
    heat = np.exp(_double(log_heat * known, mask.shape) / np.maximum(share, 1e-6))
    heat *= mask & (share > 0)
    # A centre at a wall loses most of its heat: it must not be cooler than what was interpolated around it.
    flat, hottest = heat.reshape(-1), 9 * float(heat.max())
    for _ in _spread(heat, mask, _REFINE):
        flat[centre] = hottest
    flat[centre] = hottest
    lost = _lost(heat, mask, centre)
    flat[lost] = 0
    # Ways that a wall keeps apart were one at the coarse resolution: heat comes there anew, from the side that is open.
    for _ in range(max(mask.shape) if lost.size else 0):
        for _ in _spread(heat, mask, _REFINE):
            flat[centre] = hottest
        if flat[lost].all():
            break
    return heat


def _lost(heat: NDArray[np.float64], mask: NDArray[np.bool_], centre: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the flat indices of pixels of `mask`, whose frame is empty, from which no way uphill leads to `centre`."""
    flat = heat.ravel()
    pixels = np.flatnonzero(mask)
    near = pixels[:, None] + np.concatenate([[0], _AROUND @ (mask.shape[1], 1)])
    place = np.zeros(flat.size, np.int64)
    place[pixels] = np.arange(len(pixels))
    uphill = place[near[np.arange(len(pixels)), flat[near].argmax(axis=1)]]
    for _ in range(len(pixels).bit_length()):
        uphill = uphill[uphill]
    return pixels[~np.isin(uphill, place[centre])]


def _halve(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep a coarse pixel if any of its four is inside, so that thin bridges hold; frames stay one pixel."""
    height, width = (-(-(side - 2) // 2) for side in mask.shape)
    even = np.zeros((2 * height, 2 * width), bool)
    even[: mask.shape[0] - 2, : mask.shape[1] - 2] = mask[1:-1, 1:-1]
    return np.pad(even.reshape(height, 2, width, 2).any(axis=(1, 3)), 1)


def _double(coarse: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Interpolate from twice the pixel size to `shape`, both with a frame of one pixel."""
    size = (2 * coarse.shape[1], 2 * coarse.shape[0])
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(fine[1 : shape[0] + 1, 1 : shape[1] + 1], np.float64)


def _centres(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the flat indices of the mask's pixels nearest to its centroid: all that are equally near, up to four."""
    ys, xs = np.nonzero(mask)
    away = (ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2
    nearest = away <= away.min() + 1e-6
    return np.asarray(ys[nearest] * mask.shape[1] + xs[nearest], np.int64)
