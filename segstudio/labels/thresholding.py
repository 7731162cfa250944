"""Objects in a region by a threshold of the intensities."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.labels.shapes import Mask, pieces

#: Blur before the threshold, pixels: single pixels are noisy.
_BLUR: Final = 1.0
#: The local mean reaches over such a part of the region's shorter side, and over so many pixels at least and at most.
_LOCAL_SHARE, _LOCAL_LEAST, _LOCAL_MOST = 0.2, 12, 60
#: What counts as the range of intensities, in percent.
_RANGE: Final = (0.5, 99.5)


@dataclass(frozen=True)
class Threshold:
    """How objects are told from the ground.

    Attributes
    ----------
    method
        ``"otsu"``: one threshold for the region. ``"local"``: one of the difference to the mean around each pixel,
        where the ground is uneven.
    objects
        Which side of the threshold they are on; ``"auto"``: the one with fewer pixels, in the region and at its edge.
    more
        Moves the threshold so that objects get more pixels (positive) or fewer, as a share of the range of intensities.
    smallest
        Pixels; smaller objects are left out.
    split
        Cut objects where they are narrow (`shapes.pieces`).
    """

    method: Literal["otsu", "local"] = "otsu"
    objects: Literal["auto", "bright", "dark"] = "auto"
    more: float = 0.0
    smallest: int = 30
    split: bool = False


def objects_by_threshold(pixels: NDArray[Any], inside: Mask, settings: Threshold) -> NDArray[np.int32]:
    """Return the objects in a region, numbered from 1 and 0 outside.

    Parameters
    ----------
    pixels
        ``(rows, columns)`` or ``(rows, columns, channels)``; of channels the mean counts.
    inside
        ``(rows, columns)``: the region; objects are cut where it ends.

    Notes
    -----
    The threshold is Otsu's (IEEE Trans. Syst. Man Cybern. 9, 1979, 62-66) over the pixels of the region. Objects are
    connected by edges; holes in them are filled that are smaller than the smallest object may be.
    """
    values = np.abs(pixels) if np.iscomplexobj(pixels) else pixels
    grey = values.mean(axis=2, dtype=np.float32) if values.ndim == 3 else values.astype(np.float32)
    known = np.isfinite(grey)
    seen = inside & known
    nothing = np.zeros(inside.shape, np.int32)
    if not seen.any():
        return nothing
    grey = cv2.GaussianBlur(np.where(known, grey, np.float32(grey[seen].mean())), (0, 0), _BLUR)
    if settings.method == "local":
        reach = min(max(_LOCAL_LEAST, round(_LOCAL_SHARE * min(inside.shape))), _LOCAL_MOST)
        grey = grey - cv2.blur(grey, (2 * reach + 1, 2 * reach + 1))
    low, high = np.percentile(grey[seen], _RANGE)
    if high <= low:
        return nothing
    levels = np.clip((grey - low) * (255 / (high - low)), 0, 255)
    threshold, _ = cv2.threshold(levels[seen].astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    bright = settings.objects == "bright" or (settings.objects == "auto" and _bright(levels > threshold, seen))
    shift = 255 * settings.more
    mask = seen & (levels > threshold - shift if bright else levels <= threshold + shift)
    return _numbered(mask | (_small(~mask, settings.smallest) & seen), settings.smallest, split=settings.split)


def _bright(above: Mask, inside: Mask) -> bool:
    """Whether what is above the threshold is less than half of a region and its edge, taken together."""
    edge = inside & (cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=(0.0,)) == 0)
    return bool(above[edge].mean() + above[inside].mean() < 1)


def _small(mask: Mask, largest: int) -> Mask:
    """Return the pieces of a mask with fewer pixels than `largest`."""
    _, parts, found, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    small = found[:, cv2.CC_STAT_AREA] < largest
    small[0] = False
    kept: Mask = small[parts]
    return kept


def _numbered(mask: Mask, smallest: int, *, split: bool) -> NDArray[np.int32]:
    _, parts, found, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    out, last = np.zeros(mask.shape, np.int32), 0
    for part in np.flatnonzero(found[:, cv2.CC_STAT_AREA] >= smallest).tolist():
        if part == 0:
            continue
        x, y, width, height = found[part, : cv2.CC_STAT_AREA].tolist()
        area = np.s_[y : y + height, x : x + width]
        own = parts[area] == part
        numbers = pieces(own) if split else own.astype(np.int32)
        out[area][own] = numbers[own] + last
        last += int(numbers.max())
    return out
