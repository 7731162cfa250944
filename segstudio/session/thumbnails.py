"""Small pictures of images for lists."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.io.pyramid import overview
from segstudio.io.sources import open_image


def thumbnail(path: Path, size: int, plane: int = 0) -> NDArray[np.uint8]:
    """Return an image stretched for viewing and scaled to fit `size`.

    Parameters
    ----------
    path
        Any image that the program reads.
    size
        Longest side of the result, pixels.
    plane
        Plane of a stack.

    Returns
    -------
    ndarray
        (rows, columns, 3) uint8.

    Raises
    ------
    BadInput
        The image cannot be read.
    """
    source = open_image(path)
    try:
        pixels, inverted = overview(source, plane), source.info.inverted
    finally:
        source.close()
    colour = pixels[..., :3] if pixels.ndim == 3 and pixels.shape[-1] >= 3 else pixels
    colour = colour[..., 0] if colour.ndim == 3 and colour.shape[-1] < 3 else colour
    scale = size / max(colour.shape[:2])
    shape = max(1, round(colour.shape[1] * scale)), max(1, round(colour.shape[0] * scale))
    shades = _stretched(colour)
    small = cv2.resize(255 - shades if inverted else shades, shape, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2))


def _stretched(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8 and pixels.ndim == 3:
        return pixels.astype(np.uint8)
    values = pixels.astype(np.float64 if pixels.dtype == np.float64 else np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, (1, 99.8))
    stretched = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-12)
    return np.asarray(np.clip(stretched, 0, 1) * 255, dtype=np.uint8)
