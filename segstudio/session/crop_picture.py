"""A small picture of one object: its surroundings darker, its outline drawn."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window

#: Image pixels around an object, as a share of its longer side, and the least and the largest side of what is shown.
_AROUND, _LEAST, _MOST = 0.15, 24, 2048
#: What lies outside of the object is this bright.
_OUTSIDE = 0.6
_PERCENTILES = (1, 99.8)


@dataclass(frozen=True)
class Light:
    """How pixel values become light: stretched between two values in each channel, the same in all pictures.

    Attributes
    ----------
    low, high
        ``(channels,)``; shown black and white.
    inverted
        Whether low values are bright.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    inverted: bool = False

    @classmethod
    def of(cls, overview: NDArray[Any], *, inverted: bool = False) -> "Light":
        """Return the light of an image by a small copy of it, ``(h, w)`` or ``(h, w, channels)``."""
        values = _channels(overview)
        if overview.dtype == np.uint8 and overview.ndim == 3:
            return cls(np.zeros(3), np.full(3, 255.0), inverted)
        low, high = np.zeros(values.shape[2]), np.ones(values.shape[2])
        for channel in range(values.shape[2]):
            finite = values[..., channel][np.isfinite(values[..., channel])]
            if finite.size:
                low[channel], high[channel] = np.percentile(finite, _PERCENTILES)
        return cls(low, high, inverted)

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return ``(h, w, 3)`` for pixels of the image."""
        values = np.nan_to_num(_channels(pixels), nan=0.0, posinf=np.inf, neginf=-np.inf)
        share = np.clip((values - self.low) / np.maximum(self.high - self.low, 1e-12), 0, 1)
        shown = ((1 - share if self.inverted else share) * 255 + 0.5).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown)


def _channels(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the first three channels, or the first alone."""
    values = pixels[..., None] if pixels.ndim == 2 else pixels
    return values[..., :3].astype(np.float64) if values.shape[2] >= 3 else values[..., :1].astype(np.float64)


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
        ``(h, w, 3)`` of its surroundings.
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
