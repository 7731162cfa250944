"""Random changes of shape: one map of coordinates moves the image and its label ids by the same numbers.

cv2 carries the image: it is a dependency already, frees the interpreter while it works and takes under a millisecond a
patch; the ids are picked with the same map, so that none is ever mixed and every int32 is exact.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.config.augmentation import AugmentationConfig

#: Elastic points lie at least this far apart, pixels, and so many times their largest shift: the map never folds.
_SPACING_PX, _SPACING_SHIFTS = 24, 6


@dataclass(frozen=True)
class Warp:
    """Where the pixels of a square patch come from.

    Attributes
    ----------
    offsets
        ``(2, S, S)`` float32: (row, column) in the source, from the point that the patch is centred on.
    factor
        How many times as large as in the source the patch shows things.
    """

    offsets: NDArray[np.float32]
    factor: float = 1.0

    def centre(self, wanted: tuple[float, float], size: tuple[int, ...], margin: int = 0) -> tuple[float, float]:
        """Return the point nearest to `wanted` around which the patch without `margin` lies in an image of `size`.

        Where that is not possible, it is the middle of the image.
        """
        inner = slice(margin, self.offsets.shape[1] - margin)
        points = []
        for axis, point, length in zip(self.offsets[:, inner, inner], wanted, size, strict=True):
            low, high = -float(axis.min()), length - 1 - float(axis.max())
            points.append(min(max(point, low), high) if low <= high else float(np.rint((low + high) / 2)))
        return points[0], points[1]


def unwarped(side: int) -> Warp:
    """Return the map of a patch of `side` pixels that is shown as it is."""
    steps = np.arange(side, dtype=np.float32) - side // 2
    return Warp(np.stack(np.meshgrid(steps, steps, indexing="ij")))


def draw_warp(side: int, config: AugmentationConfig, rng: np.random.Generator) -> Warp:
    """Draw rotation, magnification and elastic shifts for a patch of `side` pixels."""
    rows, columns = unwarped(side).offsets
    if config.elastic > 0:
        rows, columns = (axis + _smooth_field(side, config.elastic, rng) for axis in (rows, columns))
    angle, factor = 0.0, 1.0
    if config.rotation > 0:
        angle = np.deg2rad(rng.uniform(-config.rotation, config.rotation))
    if config.scale > 0:
        factor = float(np.exp(rng.uniform(np.log(1 - config.scale), np.log(1 + config.scale))))
    cosine, sine = np.cos(angle) / factor, np.sin(angle) / factor
    turned = np.stack([cosine * rows + sine * columns, cosine * columns - sine * rows])
    return Warp(turned.astype(np.float32), factor)


def apply_warp(
    image: NDArray[np.float32], labels: NDArray[np.int32], warp: Warp, centre: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the patch around `centre` (row, column) that `warp` shows.

    Parameters
    ----------
    image
        ``(C, H, W)``. Beyond its edge it is continued as in a mirror.
    labels
        ``(H, W)``: ids, 0 background, -1 not known. Nothing is known beyond the edge.

    Returns
    -------
    image, labels
        ``(C, S, S)`` float32 and ``(S, S)`` int32.
    """
    rows, columns = warp.offsets[0] + np.float32(centre[0]), warp.offsets[1] + np.float32(centre[1])
    near_rows, near_columns = np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)
    height, width = labels.shape
    inside = (near_rows >= 0) & (near_rows < height) & (near_columns >= 0) & (near_columns < width)
    picked = labels[near_rows.clip(0, height - 1), near_columns.clip(0, width - 1)]
    ids = np.where(inside, picked, -1).astype(np.int32)
    return _pick_image(image, rows, columns, warp.factor), ids


def _pick_image(
    image: NDArray[np.float32], rows: NDArray[np.float32], columns: NDArray[np.float32], factor: float
) -> NDArray[np.float32]:
    # Only the part that is seen, with room for the interpolation and the blur, is brought to memory.
    room = 4 + int(np.ceil(3 / factor))
    windows = []
    for axis, length in ((rows, image.shape[1]), (columns, image.shape[2])):
        start = int(np.clip(np.floor(axis.min()) - room, 0, length - 1))
        windows.append(slice(start, int(np.clip(np.ceil(axis.max()) + room, start, length - 1)) + 1))
    seen = np.ascontiguousarray(image[:, windows[0], windows[1]])
    if factor < 1:  # what becomes smaller than a pixel would flicker
        sigma = 0.5 * np.sqrt(factor**-2 - 1)
        seen = np.stack([cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.05)) for plane in seen])
    maps = columns - np.float32(windows[1].start), rows - np.float32(windows[0].start)
    planes = [cv2.remap(plane, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for plane in seen]
    return np.stack(planes).astype(np.float32, copy=False)


def _smooth_field(side: int, strength: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw shifts ``(side, side)`` of up to about `strength` pixels that change slowly."""
    spacing = max(_SPACING_PX, _SPACING_SHIFTS * strength)
    points = int(np.ceil(side / spacing)) + 3
    coarse = rng.uniform(-strength, strength, (points, points)).astype(np.float32)
    start = float(rng.uniform(0.5, 1.5))
    steps = (start + np.arange(side) / spacing).astype(np.float32)
    columns, rows = np.meshgrid(steps, steps)
    smooth = cv2.GaussianBlur(coarse, (0, 0), 0.6)
    field = cv2.remap(smooth, columns, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(field, np.float32)
