"""Small pictures of images for lists."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.io.coarse_cache import small_picture
from segstudio.io.read_as import open_as
from segstudio.session.display.channels import default_display
from segstudio.session.display.shading import histograms, rendering, shaded


def thumbnail(path: Path, size: int, plane: int = 0, axes: str = "") -> NDArray[np.uint8]:
    """Return an image as the window shows it at first, scaled to fit `size`.

    Parameters
    ----------
    path
        Any image that the program reads.
    size
        Longest side of the result, pixels.
    plane
        Plane of a stack.
    axes
        What its axes mean, as `read_as` takes it.

    Returns
    -------
    ndarray
        (rows, columns, 3) uint8.

    Raises
    ------
    BadInput
        The image cannot be read.
    """
    source = open_as(path, axes)
    try:
        pixels, info = small_picture(source, plane), source.info
    finally:
        source.close()
    return picture_of(pixels, info, size)


def picture_of(pixels: NDArray[Any], info: ImageInfo, size: int) -> NDArray[np.uint8]:
    """Return pixels of an image as `thumbnail` does."""
    scale = size / max(pixels.shape[:2])
    shape = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    found = histograms(pixels.reshape(-1, *pixels.shape[2:]), info)
    light = shaded(pixels, rendering(default_display(info), found, info))
    small = cv2.resize(light, shape, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2))
