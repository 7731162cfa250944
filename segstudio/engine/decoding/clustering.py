"""Objects as the pixels that point to the same place, without following them step by step."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from segstudio.engine.decoding.components import components

#: Standard deviation of the blur that joins places a pixel or so apart, pixels.
_BLUR = 1.0
#: A place must gather about this many pixels to be an object's.
_LEAST_VOTES = 3.0
_WIDEST = 64.0


def cluster(
    offset: NDArray[np.float32],
    reach: NDArray[np.float32],
    sure: NDArray[np.float32],
    mask: NDArray[np.bool_],
    blur: float = _BLUR,
) -> NDArray[np.int32]:
    """Return the objects in `mask`: around each place to which many pixels point, those that point near it.

    Parameters
    ----------
    offset
        ``(2, H, W)`` vectors (dy, dx) from a pixel to its object's place, pixels.
    reach
        ``(H, W)`` how near to the place a pixel of the object must point, pixels.
    sure
        ``(H, W)`` how much a pixel's vote for a place counts.
    mask
        ``(H, W)`` pixels of any object.
    blur
        Standard deviation, pixels, of the blur that joins places near each other.
    """
    labels = np.zeros(mask.shape, np.int32)
    pixels = np.flatnonzero(mask)
    if not pixels.size:
        return labels
    ends = ends_of(offset, pixels)
    places = ends[0] * mask.shape[1] + ends[1]
    votes, wide = (
        ndimage.gaussian_filter(np.bincount(places, weights, mask.size).reshape(mask.shape), blur, truncate=3)
        for weights in (sure.ravel()[pixels].astype(np.float64), (sure * reach).ravel()[pixels].astype(np.float64))
    )
    scale = 2 * np.pi * blur**2  # of a peak that one place makes
    top = (votes == ndimage.maximum_filter(votes, 3)) & (votes * scale > _LEAST_VOTES)
    centres = np.argwhere(top)
    if not len(centres):
        return labels
    strength = votes[top]
    width = np.clip(wide[top] / strength, 1, _WIDEST)
    kept = _strongest(centres, strength, width)
    number, distance = nearest(centres[kept], ends, mask.shape)
    labels.ravel()[pixels] = np.where(distance <= width[kept][number - 1], number, 0)
    return labels


def group_by_centre(
    offset: NDArray[np.float32], heat: NDArray[np.float32], mask: NDArray[np.bool_], least: float, radius: int
) -> NDArray[np.int32]:
    """Return the objects in `mask`: one for each peak of `heat`, with the pixels that point nearest to it.

    Parameters
    ----------
    offset
        ``(2, H, W)`` vectors (dy, dx) from a pixel to its object's centre, pixels.
    heat
        ``(H, W)`` how likely a centre lies at a pixel.
    mask
        ``(H, W)`` pixels of any object. A part of it without a peak becomes an object of its own.
    least
        Lowest heat of a peak.
    radius
        A peak is the hottest within this distance, pixels.
    """
    smooth = ndimage.gaussian_filter(heat, _BLUR, truncate=3)
    # The blur lowers a peak: the threshold is for the map itself.
    top = (smooth == ndimage.maximum_filter(smooth, 2 * radius + 1)) & mask
    top &= ndimage.maximum_filter(heat, 3) >= max(least, 1e-3)
    peaks = components(top)
    labels = np.zeros(mask.shape, np.int32)
    parts = components(mask)
    seeded = np.zeros(int(parts.max(initial=0)) + 1, bool)
    seeded[parts[top]] = True
    pixels = np.flatnonzero(mask & seeded[parts])
    count = int(peaks.max(initial=0))
    if pixels.size:
        centres = np.array(ndimage.center_of_mass(top, peaks, np.arange(1, count + 1))).round().astype(np.int64)
        labels.ravel()[pixels] = nearest(centres, ends_of(offset, pixels), mask.shape)[0]
    lonely = mask & ~seeded[parts]
    labels[lonely] = parts[lonely] + count
    return labels


def ends_of(offset: NDArray[np.float32], pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``(2, n)`` the pixels, row and column, to which `pixels` (flat indices) point; the edge stops them."""
    height, width = offset.shape[1:]
    ends = np.stack(np.divmod(pixels, width)) + offset.reshape(2, -1)[:, pixels]
    rounded = np.rint(np.nan_to_num(ends)).astype(np.int64)
    return np.stack([rounded[0].clip(0, height - 1), rounded[1].clip(0, width - 1)])


def nearest(
    centres: NDArray[np.int64], points: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return for each of `points` ``(2, n)`` the nearest of `centres` ``(k, 2)``, from 1, and how far away it is."""
    free = np.ones(shape, np.uint8)
    free[centres[:, 0], centres[:, 1]] = 0
    _, field = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    # OpenCV numbers the centres in its own order.
    number = np.zeros(int(field.max()) + 1, np.int32)
    number[field[centres[:, 0], centres[:, 1]]] = np.arange(1, len(centres) + 1)
    found = number[field[points[0], points[1]]]
    distance = np.hypot(*(points - centres[found - 1].T))
    return found, distance


def _strongest(
    centres: NDArray[np.int64], strength: NDArray[np.float64], width: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return which centres stay when each drops the weaker ones within its width."""
    order = np.argsort(-strength, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    pairs = cKDTree(centres).query_pairs(float(width.max()), output_type="ndarray")
    swap = rank[pairs[:, 0]] > rank[pairs[:, 1]]
    pairs[swap] = pairs[swap][:, ::-1]
    apart = np.hypot(*(centres[pairs[:, 0]] - centres[pairs[:, 1]]).T)
    pairs = pairs[apart <= width[pairs[:, 0]]]
    pairs = pairs[np.argsort(rank[pairs[:, 0]], kind="stable")]
    kept = [True] * len(centres)
    for strong, weak in pairs.tolist():
        if kept[strong]:
            kept[weak] = False
    return np.flatnonzero(kept)
