"""Objects as star-convex polygons: each is proposed by many pixels, and the surest of those that overlap stays."""

import warnings

import cv2
import numpy as np
from numpy.typing import NDArray

#: Pixels of polygons that are tested at once; bounds the memory.
_CHUNK = 2_000_000


def star_polygons(
    probability: NDArray[np.float32], rays: NDArray[np.float32], threshold: float, overlap: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the centres and rays of the polygons that stay, surest first.

    Parameters
    ----------
    probability
        ``(H, W)``: how sure a pixel is to lie in the middle of an object.
    rays
        ``(R, H, W)`` lengths, pixels; ray k runs along ``(sin a, cos a)`` as (rows, columns) with ``a = 2 pi k / R``.
    threshold
        Only pixels above it propose a polygon.
    overlap
        A polygon goes when it shares more than this part of the smaller one with a surer polygon.

    Returns
    -------
    tuple
        Centres ``(N, 2)`` (row, column), and ``(N, R)`` lengths.

    Notes
    -----
    Greedy suppression as in StarDist (Schmidt et al., 2018), by its library. Only pixels that no neighbour
    exceeds propose, a small part of the work: the others see the same object, less surely.
    """
    centres = _summits(np.ascontiguousarray(probability), threshold)
    lengths = rays[:, centres[:, 0], centres[:, 1]].T
    if len(centres) == 0:
        return centres, lengths
    order = np.argsort(-probability[centres[:, 0], centres[:, 1]], kind="stable")
    centres, lengths = centres[order], np.maximum(lengths[order], np.float32(0.5))
    kept = _suppress(lengths, centres, overlap)
    return centres[kept], lengths[kept]


def _summits(probability: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Return ``(N, 2)``: the pixels above `threshold` that none of their eight neighbours exceeds."""
    around = cv2.dilate(probability, np.ones((3, 3), np.uint8))
    return np.argwhere((probability > threshold) & (probability >= around))


def _suppress(lengths: NDArray[np.float32], centres: NDArray[np.int64], overlap: float) -> NDArray[np.bool_]:
    """Return which of the polygons, surest first, stay."""
    # Importing the library changes how Python prints warnings.
    formatting = warnings.formatwarning
    from stardist.lib.stardist2d import c_non_max_suppression_inds  # type: ignore[import-not-found]

    warnings.formatwarning = formatting
    search, boxes, verbose = 1, 1, 0
    places = np.ascontiguousarray(centres, np.float32)
    kept = c_non_max_suppression_inds(
        np.ascontiguousarray(lengths), places, search, boxes, verbose, np.float32(overlap)
    )
    return np.asarray(kept, bool)


def paint_polygons(
    centres: NDArray[np.int64], lengths: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Return ``(H, W)`` with polygon k painted as k + 1; where polygons overlap, the first stays.

    Parameters
    ----------
    centres
        ``(N, 2)`` (row, column).
    lengths
        ``(N, R)`` rays as for `star_polygons`.
    """
    labels = np.zeros(shape[0] * shape[1], np.int32)
    angles = 2 * np.pi * np.arange(lengths.shape[1]) / lengths.shape[1]
    corners = lengths[:, :, None] * np.stack([np.sin(angles), np.cos(angles)], axis=1)[None]
    first = np.maximum(np.ceil(centres + corners.min(axis=1)), 0).astype(np.int64)
    last = np.minimum(np.floor(centres + corners.max(axis=1)), np.array(shape) - 1).astype(np.int64)
    sides = np.maximum(last - first + 1, 0)
    area = sides[:, 0] * sides[:, 1]
    # Last first, so that the surest are painted over the others.
    for part in _parts(area):
        owner = np.repeat(part, area[part])
        place = np.arange(owner.size) - np.repeat(np.cumsum(area[part]) - area[part], area[part])
        row = first[owner, 0] + place // sides[owner, 1]
        column = first[owner, 1] + place % sides[owner, 1]
        inside = _inside(row - centres[owner, 0], column - centres[owner, 1], owner, corners)
        labels[row[inside] * shape[1] + column[inside]] = owner[inside] + 1
    return labels.reshape(shape)


def _parts(area: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return the numbers of the polygons, last first, in groups of about `_CHUNK` pixels."""
    order = np.arange(len(area) - 1, -1, -1)
    group = np.cumsum(area[order]) // _CHUNK
    return np.split(order, np.flatnonzero(np.diff(group)) + 1) if len(order) else []


def _inside(
    dy: NDArray[np.int64], dx: NDArray[np.int64], owner: NDArray[np.int64], corners: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Return whether points, relative to the centre of polygon `owner`, lie in it; `corners` are ``(N, R, 2)``."""
    rays = corners.shape[1]
    sector = (np.floor(np.arctan2(dy, dx) % (2 * np.pi) * rays / (2 * np.pi))).astype(np.int64) % rays
    one, other = corners[owner, sector], corners[owner, (sector + 1) % rays]
    # Inside when the point lies on the centre's side of the edge between the two rays about it.
    side = (other[:, 1] - one[:, 1]) * (dy - one[:, 0]) - (other[:, 0] - one[:, 0]) * (dx - one[:, 1])
    return np.asarray(side >= -1e-6)
