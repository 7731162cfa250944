"""Intensities to a common scale: the same for a whole image, never per tile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Percentiles are taken from at most about this many pixels of a channel, evenly spaced.
SAMPLE_PIXELS = 4_000_000
#: Where normalised values are cut off: a few very bright specks must not rule the network.
LOWEST, HIGHEST = -0.5, 3.0


@dataclass(frozen=True, slots=True)
class IntensityScale:
    """The intensities that become 0 and 1, one pair for each channel."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        """Return `image` ``(H, W)`` or ``(H, W, C)`` as ``(C, H, W)`` float32, cut to -0.5..3; not finite becomes 0.

        A channel without contrast becomes 0 everywhere.
        """
        planes = _planes(image)
        scaled = np.zeros(planes.shape, np.float32)
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            span = high - low
            if not span > 0:
                continue
            # The subtraction in float64 keeps contrast that lies on a large offset.
            with np.errstate(over="ignore", invalid="ignore"):
                values = (planes[channel].astype(np.float64) - low) / span
            np.clip(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0), LOWEST, HIGHEST, out=scaled[channel])
        return scaled


def measure_scale(
    image: NDArray[np.generic], *, joint: bool = False, low: float = 1.0, high: float = 99.8
) -> IntensityScale:
    """Find the scale of an image by percentiles of its finite pixels.

    Parameters
    ----------
    image
        ``(H, W)`` or ``(H, W, C)``, any real type.
    joint
        One scale for all channels, which keeps the hue of colour images.
    low, high
        Percentiles, 0..100, that become 0 and 1.

    Notes
    -----
    Where both percentiles are the same (few bright pixels on black) minimum and maximum are taken.
    """
    step = sample_step(_planes(image)[0].size)
    return scale_of_sample(image[::step, ::step], joint=joint, low=low, high=high)


def sample_step(pixels: int) -> int:
    """Return of how many rows and columns of an image of so many pixels one is looked at for its percentiles."""
    return max(1, int(np.ceil(np.sqrt(pixels / SAMPLE_PIXELS))))


def scale_of_sample(sample: NDArray[np.generic], *, joint: bool, low: float, high: float) -> IntensityScale:
    """Do the work of `measure_scale` for every `sample_step`-th pixel ``(h, w)`` or ``(h, w, C)`` of an image."""
    planes = _planes(sample)
    if joint:
        pair = _range(planes, low, high)
        return IntensityScale((pair[0],) * len(planes), (pair[1],) * len(planes))
    pairs = [_range(plane, low, high) for plane in planes]
    return IntensityScale(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def normalise(
    image: NDArray[np.generic], *, joint: bool | None = None, low: float = 1.0, high: float = 99.8
) -> NDArray[np.float32]:
    """Return `image` ``(H, W)`` or ``(H, W, C)`` on the scale of its own percentiles as ``(C, H, W)`` float32.

    `joint` ``None`` means one scale for images of three 8-bit channels, which are colour, and one a channel otherwise.
    """
    if joint is None:
        joint = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    return measure_scale(image, joint=joint, low=low, high=high).apply(image)


def _planes(image: NDArray[np.generic]) -> NDArray[np.generic]:
    if image.ndim not in (2, 3):
        raise ValueError(f"An image has 2 or 3 axes, this one has {image.ndim}.")
    return image[None] if image.ndim == 2 else np.moveaxis(image, 2, 0)


def _range(sample: NDArray[np.generic], low: float, high: float) -> tuple[float, float]:
    values = sample.ravel().astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        bottom, top = (float(value) for value in np.percentile(values, (low, high)))
    if top > bottom:
        return bottom, top
    return float(values.min()), float(values.max())
