"""Pixel values to shades: sampled histogram, percentiles, look-up tables; pure numpy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.tiles import Window
from segstudio.io.sources import ImageSource

#: Shares of the pixels that auto contrast shows fully black and fully white, percent.
PERCENTILES = (0.2, 99.8)
BINS = 256
#: Whole images are sampled up to this many pixels, larger ones at a 4 x 4 grid of windows.
_WHOLE = 2048 * 2048
_WINDOW = 256


@dataclass(frozen=True, slots=True)
class Histogram:
    """Distribution of the sampled pixel values.

    Attributes
    ----------
    counts
        (256,) int64, pixels per bin.
    low, high
        Value of the left edge of the first and the right edge of the last bin.
    auto
        ``(black, white)`` by percentiles.
    """

    counts: NDArray[np.int64]
    low: float
    high: float
    auto: tuple[float, float]


def sample(source: ImageSource, plane: int = 0) -> NDArray[Any]:
    """Return some finite pixel values of a plane as a flat array; at most about four million."""
    height, width = source.info.size
    if height * width <= _WHOLE:
        values = source.read(None, plane)[:: 1 + height // 1024, :: 1 + width // 1024].ravel()
    else:
        rows = np.linspace(0, max(height - _WINDOW, 0), 4).astype(int)
        columns = np.linspace(0, max(width - _WINDOW, 0), 4).astype(int)
        parts = [
            source.read(Window(int(y), int(x), int(y) + _WINDOW, int(x) + _WINDOW), plane).ravel()
            for y in rows
            for x in columns
        ]
        values = np.concatenate(parts)
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def histogram(values: NDArray[Any], info: ImageInfo) -> Histogram:
    """Return the histogram of sampled values and the contrast that auto chooses.

    8-bit colour images are shown as they are; everything else by percentiles.
    """
    if values.size == 0:
        return Histogram(np.zeros(BINS, np.int64), 0.0, 1.0, (0.0, 1.0))
    low, high = float(values.min()), float(values.max())
    if info.dtype == "uint8":
        low, high = 0.0, 255.0
    if high <= low:
        high = low + 1.0
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    if info.kind == "rgb" and info.dtype == "uint8":
        return Histogram(counts, low, high, (0.0, 255.0))
    black, white = (float(value) for value in np.percentile(values, PERCENTILES))
    if white <= black:
        black, white = low, high
    return Histogram(counts, low, high, (black, white))


def shades(
    pixels: NDArray[Any],
    contrast: tuple[float, float],
    gamma: float = 1.0,
    missing_colour: tuple[int, int, int] = (0, 0, 0),
    *,
    inverted: bool = False,
) -> NDArray[np.uint8]:
    """Return what the screen shows.

    Parameters
    ----------
    pixels
        (h, w) or (h, w, channels) of any type; of more than three channels the first three are shown.
    contrast
        Values shown black and white.
    gamma
        Above 1 brightens the dark parts.
    missing_colour
        Red, green and blue of pixels without a value (NaN).
    inverted
        Show low values bright.

    Returns
    -------
    (h, w) or (h, w, 3) uint8.
    """
    if pixels.ndim == 3:
        pixels = _three(pixels)
    if pixels.dtype.kind in "ub" and pixels.dtype.itemsize <= 2:
        values = np.arange(2 ** (8 * pixels.dtype.itemsize), dtype=np.float32)
        return np.asarray(np.take(_curve(values, contrast, gamma, inverted), pixels.astype(np.uint16, copy=False)))
    # Double precision may hold what single precision cannot.
    values = pixels.astype(np.float64 if pixels.dtype == np.float64 else np.float32)
    missing = np.isnan(values)
    shown = _curve(np.where(missing, 0, values), contrast, gamma, inverted)
    if not missing.any():
        return shown
    coloured = shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=2)
    coloured[missing if missing.ndim == 2 else missing.any(axis=2)] = missing_colour
    return coloured


def _curve(
    values: NDArray[np.floating[Any]], contrast: tuple[float, float], gamma: float, inverted: bool
) -> NDArray[np.uint8]:
    black, white = contrast
    share = np.clip(values, black, white)
    share = (share - black) / max(white - black, 1e-12)
    if inverted:
        share = 1 - share
    if gamma != 1:
        share **= 1 / gamma
    shown: NDArray[np.uint8] = (share * 255 + 0.5).astype(np.uint8)
    return shown


def _three(pixels: NDArray[Any]) -> NDArray[Any]:
    channels = pixels.shape[2]
    if channels >= 3:
        return pixels[..., :3]
    if channels == 1:
        return pixels[..., 0]
    return np.concatenate([pixels, np.zeros_like(pixels[..., :1])], axis=2)
