"""Small pictures of images for lists."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.io.pyramid import overview
from segstudio.io.sources import open_image
from segstudio.session.display.channels import default_display
from segstudio.session.display.shading import histograms, rendering, shaded


def thumbnail(path: Path, size: int, plane: int = 0) -> NDArray[np.uint8]:
    """Return an image as the window shows it at first, scaled to fit `size`.

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
    found = histograms(pixels.reshape(-1, *pixels.shape[2:]), info)
    light = shaded(pixels, rendering(default_display(info), found, info))
    small = cv2.resize(light, shape, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2))
