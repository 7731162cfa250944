"""Unit vectors that lead each pixel of an object to the object's centre, without leaving the object."""

import cc3d
import cv2
import fastremap
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Sides of the square frames in which objects diffuse together; larger objects are halved until they fit.
_FRAMES = (12, 18, 26, 36, 50, 66)
#: Numbers that one batch of frames holds: it stays in the processor's cache.
_BATCH = 48_000


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
    size diffuse together in frames laid end to end, so that each step is a few passes over one flat array.
    Disconnected parts of one id are objects of their own.
    """
    parts = cc3d.connected_components(np.maximum(labels, 0), connectivity=8).astype(np.int32)
    parts = fastremap.renumber(parts, preserve_zero=True)[0].astype(np.int32)
    flow = np.zeros((2, *labels.shape), np.float32)
    boxes = ndimage.find_objects(parts)
    groups: dict[tuple[int, int], list[int]] = {}
    for index, box in enumerate(boxes):
        side = max(box[0].stop - box[0].start, box[1].stop - box[1].start)
        factor = 1
        while -(-side // factor) + 2 > _FRAMES[-1]:
            factor *= 2
        frame = next(size for size in _FRAMES if -(-side // factor) + 2 <= size)
        groups.setdefault((frame, factor), []).append(index)
    for (frame, factor), members in groups.items():
        step = max(1, _BATCH // (frame * frame))
        for start in range(0, len(members), step):
            chosen = [(index + 1, boxes[index]) for index in members[start : start + step]]
            _write_flows(flow, parts, chosen, frame, factor)
    return flow


def _write_flows(
    flow: NDArray[np.float32],
    parts: NDArray[np.int32],
    chosen: list[tuple[int, tuple[slice, ...]]],
    frame: int,
    factor: int,
) -> None:
    masks = np.zeros((len(chosen), frame, frame), bool)
    for place, (number, box) in enumerate(chosen):
        small = _shrink(parts[box] == number, factor)
        masks[place, 1 : small.shape[0] + 1, 1 : small.shape[1] + 1] = small
    heat = _diffuse(masks)
    for place, (number, box) in enumerate(chosen):
        inside = parts[box] == number
        gradient = _gradient(heat[place], inside, factor)
        for axis in (0, 1):
            flow[axis][box][inside] = gradient[axis][inside]


def _shrink(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Keep a coarse pixel if any of its fine ones is inside, so that thin bridges hold."""
    if factor == 1:
        return mask
    height, width = (-(-side // factor) for side in mask.shape)
    padded = np.zeros((height * factor, width * factor), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(padded.reshape(height, factor, width, factor).any(axis=(1, 3)), bool)


def _diffuse(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Let heat spread from each mask's centre through ``(K, S, S)`` masks, whose frame is empty."""
    count, side, _ = masks.shape
    sources = np.array([index * side * side + _centre(mask) for index, mask in enumerate(masks)])
    weight = masks.ravel() / 9.0
    heat = np.zeros(masks.size)
    rows = np.zeros(masks.size)
    # The empty frames catch what the flat shifts carry from one row, or object, to the next.
    for _ in range(4 * side):
        heat[sources] += 1
        rows[1:-1] = heat[1:-1]
        rows[1:-1] += heat[:-2]
        rows[1:-1] += heat[2:]
        heat[side:-side] = rows[side:-side]
        heat[side:-side] += rows[: -2 * side]
        heat[side:-side] += rows[2 * side :]
        heat *= weight
    return heat.reshape(count, side, side)


def _centre(mask: NDArray[np.bool_]) -> int:
    """Return the flat index of the mask's pixel that is nearest to its centroid."""
    ys, xs = np.nonzero(mask)
    nearest = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
    return int(ys[nearest] * mask.shape[1] + xs[nearest])


def _gradient(heat: NDArray[np.float64], inside: NDArray[np.bool_], factor: int) -> NDArray[np.float64]:
    """Return the unit gradient ``(2, h, w)`` of a frame's heat on the pixels of the object's box."""
    height, width = inside.shape
    if factor > 1:
        # Heat falls off exponentially: only its logarithm can be interpolated.
        log_heat = np.log(np.maximum(heat, 1e-300))
        size = (heat.shape[1] * factor, heat.shape[0] * factor)
        fine = cv2.resize(log_heat, size, interpolation=cv2.INTER_LINEAR)
        field = fine[factor - 1 : factor + height + 1, factor - 1 : factor + width + 1]
    else:
        field = heat[: height + 2, : width + 2]
    dy = field[2:, 1:-1] - field[:-2, 1:-1]
    dx = field[1:-1, 2:] - field[1:-1, :-2]
    length = np.hypot(dy, dx)
    length[length == 0] = 1
    return np.stack([dy / length, dx / length])
