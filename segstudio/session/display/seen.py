"""The channels that are seen: tools that look at intensities look at these."""

from typing import Any

from numpy.typing import NDArray

from segstudio.session.display.channels import ImageDisplay


def seen(pixels: NDArray[Any], display: ImageDisplay) -> NDArray[Any]:
    """Return those of the channels of an image that are drawn; all of them while none is.

    Parameters
    ----------
    pixels
        ``(rows, columns)`` or ``(rows, columns, channels)``.
    """
    drawn = list(display.drawn)
    if pixels.ndim == 2 or len(display.channels) != pixels.shape[2] or not drawn:
        return pixels
    return pixels[..., drawn]
