"""Small pictures of images for lists."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.io.pyramid import overview
from segstudio.io.sources import open_image
from segstudio.session.display.channels import default_display
from segstudio.session.display.shading import histograms, rendering, shaded


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
        pixels, info = overview(source, plane), source.info
    finally:
        source.close()
    scale = size / max(pixels.shape[:2])
    shape = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    light = _added(pixels, info) if info.kind == "channels" else _stretched(pixels)
    small = cv2.resize(255 - light if info.inverted else light, shape, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2))


def _added(pixels: NDArray[np.generic], info: ImageInfo) -> NDArray[np.uint8]:
    """Return the channels added up as at first in the window."""
    found = histograms(pixels.reshape(-1, info.channels), info)
    return shaded(pixels, rendering(default_display(info), found, info))


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
