"""A small picture of one object: its surroundings darker, its outline drawn."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window

#: Image pixels around an object, as a share of its longer side, and the least and the largest side of what is shown.
_AROUND, _LEAST, _MOST = 0.15, 24, 2048
#: What lies outside of the object is this bright.
_OUTSIDE = 0.6


def surroundings(window: Window) -> Window:
    """Return the square around an object that its picture shows; it may reach beyond the image.

    Of an object of thousands of pixels a side it is the middle.

    Examples
    --------
    >>> surroundings(Window(0, 0, 40, 20))
    Window(y0=-6, x0=-16, y1=46, x1=36)
    """
    side = min(max(max(window.height, window.width) * (1 + 2 * _AROUND), _LEAST), _MOST)
    half = round(side / 2)
    y, x = (window.y0 + window.y1) // 2, (window.x0 + window.x1) // 2
    return Window(y - half, x - half, y + half, x + half)


def crop_picture(
    light: NDArray[np.uint8], mask: NDArray[np.bool_], side: int, outline: tuple[int, int, int] = (255, 255, 255)
) -> NDArray[np.uint8]:
    """Return the picture of an object.

    Parameters
    ----------
    light
        ``(h, w, 3)`` of its surroundings, as they are displayed.
    mask
        ``(h, w)``, which pixels are the object.
    side
        Of the picture, pixels.

    Returns
    -------
    ``(side, side, 3)`` uint8.
    """
    way = cv2.INTER_AREA if light.shape[0] > side else cv2.INTER_NEAREST
    shown = np.asarray(cv2.resize(light, (side, side), interpolation=way))
    inside = cv2.resize(mask.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    shown = np.where(inside[..., None] > 0, shown, (shown * _OUTSIDE).astype(np.uint8))
    rim = cv2.dilate(inside, np.ones((3, 3), np.uint8)) != inside
    shown[rim] = outline
    return np.ascontiguousarray(shown)
