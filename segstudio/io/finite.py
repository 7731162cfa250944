"""What to tell the user about values of a floating point image that are no ordinary numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Larger images are not searched when they are opened.
SEARCHED_PIXELS = 32_000_000

#: Sentence about an image of complex numbers.
MAGNITUDE = "Of its complex numbers the magnitude is shown, learned from and measured."

_SINGLE_MAX = float(np.finfo(np.float32).max)


def real_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of the magnitude of complex numbers; other types as they are."""
    return np.zeros((), dtype).real.dtype if dtype.kind == "c" else dtype


def float_warnings(pixels: NDArray[Any]) -> tuple[str, ...]:
    """Return sentences about NaN, infinite and very large values; none for integers.

    Parameters
    ----------
    pixels
        Any shape and dtype.
    """
    if pixels.dtype.kind != "f" or pixels.size == 0:
        return ()
    finite = np.isfinite(pixels)
    count = pixels.size - int(np.count_nonzero(finite))
    if count == pixels.size:
        return ("Not one pixel holds a number (all are NaN or infinite): there is no picture to show.",)
    words = []
    if count:
        words.append(f"{count:,} values are not numbers (NaN or infinite); contrast and training leave them out.")
    if pixels.dtype.itemsize > 4 and _largest(pixels, finite if count else None) > _SINGLE_MAX:
        words.append("Values exceed what single precision can hold; they are scaled before they are used.")
    return tuple(words)


def _largest(pixels: NDArray[Any], finite: NDArray[np.bool_] | None) -> float:
    if finite is None:
        return max(-float(pixels.min()), float(pixels.max()))
    return float(np.abs(pixels, where=finite, out=np.zeros_like(pixels)).max())
