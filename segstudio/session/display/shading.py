"""Pixel values to light: sampled histograms, percentiles, look-up tables, channels added up; pure numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.tiles import Window
from segstudio.io.coarse_cache import sampled
from segstudio.io.sources import ImageSource
from segstudio.session.display.channels import Contrast, ImageDisplay

#: Shares of the pixels that auto contrast shows fully black and fully white, percent.
PERCENTILES = (0.2, 99.8)
BINS = 256
#: Whole images are sampled up to this many pixels, larger ones at a 4 x 4 grid of windows.
_WHOLE = 2048 * 2048
_WINDOW = 256
#: Planes of a stack that are sampled.
_PLANES = 5
_MAPS: Final = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "turbo": cv2.COLORMAP_TURBO,
}
_GRAY: Final = "#ffffff"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Distribution of the sampled pixel values of one channel.

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
    auto: Contrast


@dataclass(frozen=True, slots=True)
class Shade:
    """How the values of one channel become light; what `ChannelDisplay` says, with the contrast of this image.

    Attributes
    ----------
    channel
        Its number; ``None`` for an image that is gray or has colours of its own.
    """

    channel: int | None
    contrast: Contrast
    gamma: float = 1.0
    lut: str = _GRAY


@dataclass(frozen=True, slots=True)
class Rendering:
    """How the pixels of an image become light.

    Attributes
    ----------
    shades
        Of the channels that are added up; without any, nothing is seen.
    missing
        Red, green and blue of pixels without a value (NaN).
    inverted
        Low values are bright.
    """

    shades: tuple[Shade, ...]
    missing: tuple[int, int, int] = (0, 0, 0)
    inverted: bool = False


def rendering(
    display: ImageDisplay,
    histograms: Sequence[Histogram],
    info: ImageInfo,
    missing: tuple[int, int, int] = (0, 0, 0),
) -> Rendering:
    """Return how the pixels of an image become light.

    Parameters
    ----------
    display
        For as many channels as there are `histograms`.
    missing
        As in `Rendering`.
    """
    if info.kind != "channels":
        channel = display.channel
        shade = Shade(None, channel.contrast or histograms[0].auto, channel.gamma, channel.lut)
        return Rendering((shade,), missing, info.inverted)
    shades = []
    for number in display.drawn:
        channel = display.channels[number]
        lut = _GRAY if not display.composite and channel.lut.startswith("#") else channel.lut
        shades.append(Shade(number, channel.contrast or histograms[number].auto, channel.gamma, lut))
    return Rendering(tuple(shades), missing, info.inverted)


def sample(source: ImageSource, plane: int | None = None) -> NDArray[Any]:
    """Return pixels of a plane, or of a few planes of a stack, where the first may be out of focus.

    Of large planes only the middle one is looked at.

    Returns
    -------
    ``(n,)`` or ``(n, channels)``.
    """
    info = source.info
    few = _PLANES if info.height * info.width <= _WHOLE else 1
    places = np.linspace(0, info.planes - 1, few + 2)[1:-1] if few == 1 else np.linspace(0, info.planes - 1, few)
    planes = np.unique(places.round().astype(int)).tolist() if plane is None else [plane]
    return np.concatenate([_sample_plane(source, number) for number in planes])


def _sample_plane(source: ImageSource, plane: int) -> NDArray[Any]:
    """Return at most about four million pixels of a plane."""
    height, width = source.info.size
    picks = sampled(source, plane)
    if picks is not None:
        pixels = [picks]
    elif height * width <= _WHOLE:
        pixels = [source.read(None, plane)[:: 1 + height // 1024, :: 1 + width // 1024]]
    else:
        # Each in one tile, as files are tiled as a rule: no more is decoded than is looked at.
        rows = np.linspace(0, max(height - _WINDOW, 0), 4).astype(int) // _WINDOW * _WINDOW
        columns = np.linspace(0, max(width - _WINDOW, 0), 4).astype(int) // _WINDOW * _WINDOW
        pixels = [
            source.read(Window(int(y), int(x), int(y) + _WINDOW, int(x) + _WINDOW), plane)
            for y in rows
            for x in columns
        ]
    return np.concatenate([part.reshape(-1, *part.shape[2:]) for part in pixels])


def histograms(values: NDArray[Any], info: ImageInfo) -> tuple[Histogram, ...]:
    """Return the histogram of each channel and the contrast that auto chooses; one in all for gray and colour.

    8-bit colour images are shown as they are; everything else by percentiles.

    Parameters
    ----------
    values
        As `sample` returns them.
    """
    if info.kind != "channels":
        return (_histogram(values.ravel(), info),)
    return tuple(_histogram(values[:, number], info) for number in range(info.channels))


def _histogram(values: NDArray[Any], info: ImageInfo) -> Histogram:
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
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


def shaded(pixels: NDArray[Any], by: Rendering) -> NDArray[np.uint8]:
    """Return what the screen shows.

    Parameters
    ----------
    pixels
        (h, w) or (h, w, channels) of any type.
    by
        As `rendering` returns it.

    Returns
    -------
    (h, w) or (h, w, 3) uint8.
    """
    light: NDArray[np.uint8] | None = None
    missing = np.zeros(pixels.shape[:2], np.bool_)
    for shade in by.shades:
        values = pixels if shade.channel is None or pixels.ndim == 2 else pixels[..., shade.channel]
        missing |= _without_value(values)
        share = _shares(values, shade.contrast, shade.gamma, by.inverted)
        if shade.lut != _GRAY and share.ndim == 2:
            share = np.asarray(cv2.applyColorMap(share, _table(shade.lut)), np.uint8)
        light = share if light is None else _added(light, share)
    if light is None:
        return np.zeros(pixels.shape[:2], np.uint8)
    if not missing.any():
        return light
    coloured = _three(light)
    coloured[missing] = by.missing
    return coloured


def _added(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if first.ndim != second.ndim:
        first, second = _three(first), _three(second)
    return np.asarray(cv2.add(first, second), np.uint8)


def _three(light: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return light if light.ndim == 3 else np.repeat(light[..., None], 3, axis=2)


def _without_value(values: NDArray[Any]) -> NDArray[np.bool_] | np.bool_:
    if values.dtype.kind != "f":
        return np.bool_(False)
    missing: NDArray[np.bool_] = np.isnan(values)
    return missing if missing.ndim == 2 else np.any(missing, axis=2)


def _shares(values: NDArray[Any], contrast: Contrast, gamma: float, inverted: bool) -> NDArray[np.uint8]:
    """Return where between black (0) and white (255) the values lie."""
    if values.dtype.kind in "ub" and values.dtype.itemsize <= 2:
        table = _curve_of(8 * values.dtype.itemsize, contrast, gamma, inverted)
        return np.asarray(np.take(table, values.astype(np.uint16, copy=False)))
    # Double precision holds what single precision cannot: large values, and the steps of large whole numbers.
    numbers = values.astype(np.float64 if values.dtype.itemsize > 2 and values.dtype != np.float32 else np.float32)
    return _curve(np.where(np.isnan(numbers), 0, numbers), contrast, gamma, inverted)


@lru_cache(maxsize=64)
def _curve_of(bits: int, contrast: Contrast, gamma: float, inverted: bool) -> NDArray[np.uint8]:
    return _curve(np.arange(2**bits, dtype=np.float32), contrast, gamma, inverted)


def _curve(values: NDArray[np.floating[Any]], contrast: Contrast, gamma: float, inverted: bool) -> NDArray[np.uint8]:
    black, white = contrast
    share = np.clip(values, black, white)
    share = (share - black) / max(white - black, 1e-12)
    if inverted:
        share = 1 - share
    if gamma != 1:
        share **= 1 / gamma
    shown: NDArray[np.uint8] = (share * 255 + 0.5).astype(np.uint8)
    return shown


@lru_cache(maxsize=64)
def _table(lut: str) -> NDArray[np.uint8]:
    """Return the colours of a look-up table, (256, 1, 3) uint8, red first."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    if lut in _MAPS:
        return np.ascontiguousarray(cv2.applyColorMap(ramp, _MAPS[lut])[..., ::-1])
    colour = np.array([int(lut[at : at + 2], 16) for at in (1, 3, 5)])
    return np.asarray((ramp[..., None] * colour / 255 + 0.5).astype(np.uint8))


def lut_colours(lut: str) -> list[tuple[int, int, int]]:
    """Return colours of a look-up table from dark to bright, red, green, blue; the one of a plain colour."""
    table = _table(lut)[:, 0].tolist()
    return [(r, g, b) for r, g, b in (table[:: 255 // 5] if lut in _MAPS else table[-1:])]
