"""Cuts the mask of an object along a drawn line."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.tiles import Window
from segstudio.labels.raster import segment


def line_mask(line: ArrayLike, window: Window) -> NDArray[np.bool_]:
    """Return where in `window` the one-pixel line through the ``(N, 2)`` points ``(x, y)`` runs."""
    out = np.zeros(window.shape, bool)
    points = np.asarray(line, float).reshape(-1, 2).tolist()
    for start, end in pairwise(points):
        for piece, mask in segment((start[0], start[1]), (end[0], end[1]), 1.0):
            both = piece.intersect(window)
            if not both.empty:
                out[both.shift(-window.y0, -window.x0).slices] |= mask[both.shift(-piece.y0, -piece.x0).slices]
    return out


def cut(mask: NDArray[np.bool_], line: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the pieces of `mask` ``(h, w)``, numbered from 1 and 0 outside.

    Parts that the line does not cut share one number with the largest piece.
    """
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    count, pieces = cv2.connectedComponents((mask & ~line).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    part_of = np.zeros(count, np.int32)
    part_of[pieces.ravel()] = parts.ravel()
    part_of[0] = 0
    is_cut = np.bincount(part_of, minlength=int(parts.max()) + 1) > 1
    is_cut[0] = False
    sizes = np.bincount(pieces.ravel(), minlength=count)
    candidates = [piece for piece in range(1, count) if is_cut[part_of[piece]]]
    if not candidates:
        return np.zeros(mask.shape, np.int32)
    largest = max(candidates, key=lambda piece: int(sizes[piece]))
    out = np.where(is_cut[parts], pieces, largest)
    orphan = mask & is_cut[parts] & (pieces == 0)
    out[orphan] = _nearest(pieces, parts, orphan)
    return np.where(mask, out, 0).astype(np.int32)


def _nearest(pieces: NDArray[Any], parts: NDArray[Any], orphan: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the nearest piece of each orphan pixel, among the pieces of its own part."""
    out = np.zeros(pieces.shape, np.int32)
    for part in np.unique(parts[orphan]).tolist():
        source = np.where(parts == part, pieces, 0)
        _, index = cv2.distanceTransformWithLabels(
            (source == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        names = np.zeros(int(index.max()) + 1, np.int32)
        names[index[source > 0]] = source[source > 0]
        here = orphan & (parts == part)
        out[here] = names[index[here]]
    return out[orphan]
