"""Masks of single objects made into others: filled, smoothed, hulled, grown, shrunk, cut in pieces."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.labels.raster import polygon

Mask = NDArray[np.bool_]

#: A dent this deep between two middles of an object divides it: pixels, and share of its largest inner radius.
_DENT, _DENT_SHARE = 1.0, 0.1


def without_holes(mask: Mask) -> Mask:
    """Return `mask` with what it surrounds; an area that it encloses together with the edge of `mask` is no hole.

    Examples
    --------
    >>> without_holes(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)).all()
    np.True_
    """
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(outside, None, (0, 0), (2.0,), flags=8)
    return np.asarray(outside[1:-1, 1:-1] != 2)


def smoothed(mask: Mask, radius: float) -> Mask:
    """Return the pixels around which more than half of a disc lies in `mask`: a median filter.

    Beyond the edges of `mask` it goes on as it is at the edge.
    """
    reach = int(radius)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (rows**2 + columns**2 <= radius**2).astype(np.float32)
    inside = cv2.filter2D(mask.astype(np.float32), -1, disc, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(inside > disc.sum() / 2)


def hull(mask: Mask) -> Mask:
    """Return the pixels whose centres lie in the convex hull of the pixels of `mask`, corners and all."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return mask
    corners = [np.column_stack([columns + dx, rows + dy]) for dx in (0, 1) for dy in (0, 1)]
    ring = cv2.convexHull(np.concatenate(corners).astype(np.int32))[:, 0]
    window, inside = polygon([ring], (mask.shape[0], mask.shape[1]))
    out = mask.copy()
    out[window.slices] |= inside
    return out


def distance_to(mask: Mask, spacing: tuple[float, float] = (1.0, 1.0)) -> NDArray[np.float32]:
    """Return how far each pixel lies from the nearest one of `mask`, from centre to centre; infinite without any.

    `spacing` is the height and the width of a pixel.
    """
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    away = (~mask).astype(np.uint8)
    if spacing == (1.0, 1.0):
        return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    import edt  # type: ignore[import-not-found]  # late: the window starts without it

    return np.asarray(edt.edt(away, anisotropy=spacing), np.float32)


def shrunk(mask: Mask, by: float, spacing: tuple[float, float] = (1.0, 1.0)) -> Mask:
    """Return the pixels of `mask` that are further than `by` from all others; its edges are no border."""
    return distance_to(~mask, spacing) > by


def pieces(mask: Mask) -> NDArray[np.int32]:
    """Return the pieces of an object, numbered from 1 and 0 outside: its parts, each divided where it is narrow.

    Notes
    -----
    Watershed of the distance to the outline (Beucher and Lantuejoul, 1979), from its maxima that are at least a
    pixel and a tenth of the largest one high (h-maxima: Soille, Morphological Image Analysis, 2003, section 6.3.4).
    Crumbs without such a maximum get the number of the largest piece.
    """
    # Late: the window starts without them.
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    padded = np.pad(mask, 1)
    depth = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float32)
    height = max(_DENT, _DENT_SHARE * float(depth.max()))
    low = np.maximum(depth - height, 0)
    lowered = reconstruction(low, depth, method="dilation")  # type: ignore[no-untyped-call]
    tops = local_maxima(lowered, connectivity=2) & (lowered > 0)  # type: ignore[no-untyped-call]
    count, markers = cv2.connectedComponents(tops.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    if count < 2:
        return mask.astype(np.int32)
    found = watershed(-depth, markers, mask=padded)  # type: ignore[no-untyped-call]
    sizes = np.bincount(found.ravel())
    found[padded & (found == 0)] = 1 + int(np.argmax(sizes[1:]))
    return np.asarray(found[1:-1, 1:-1], np.int32)
