"""The weight map of the U-Net paper: pixels between objects that nearly touch count more."""

import cv2
import edt  # type: ignore[import-not-found]
import fastremap
import numpy as np
from numpy.typing import NDArray

#: The weight is below 1 % of its peak beyond this many sigma between two objects.
_REACH = 3.0
#: How far the gap spreads in the paper, pixels.
SIGMA_PX = 5.0
#: Objects whose surroundings come this near to each other (rows, columns) are neighbours; a third one may squeeze
#: between two by a pixel or so.
_NEAR = ((0, 1), (1, 0), (0, 3), (3, 0), (3, 3), (3, -3))


def gap_weight(labels: NDArray[np.int32], sigma: float = SIGMA_PX) -> NDArray[np.float32]:
    """Return ``(1, H, W)`` in 0..1: 1 where two objects touch, falling with the distance between them.

    ``exp(-(d1 + d2)**2 / (2 sigma**2))`` of Ronneberger et al. (2015), with d1 and d2 the distances to the outlines of
    the nearest and the second nearest object; a pixel of an object is d1 away from its own outline. The paper's map
    is 1 plus ten times this.

    Parameters
    ----------
    labels
        ``(H, W)`` int32: object ids, 0 = background, -1 = not known, where the map is 0.
    sigma
        Pixels.

    Notes
    -----
    The objects are coloured as the countries of a map, so that the second nearest object never has the colour of the
    nearest: one distance transform a colour, of which there are few, instead of one an object.
    """
    objects = np.maximum(labels, 0)
    # Beyond the reach the exact distance does not matter any more.
    far = np.float32(_REACH * sigma + 1)
    nearest, second = np.full(objects.shape, far), np.full(objects.shape, far)
    colours = _coloured(objects)
    for colour in range(1, int(colours.max(initial=0)) + 1):
        others = (colours != colour).astype(np.uint8)
        distance = cv2.distanceTransform(others, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        cv2.min(second, cv2.max(nearest, distance), dst=second)
        cv2.min(nearest, distance, dst=nearest)
    # OpenCV's roots of the same number differ in the last digit.
    near = (second < far - np.float32(1e-3)) & (labels >= 0)
    depth = edt.edt(np.ascontiguousarray(objects), black_border=False)[near]
    total = np.where(objects[near] > 0, np.minimum(depth, far), nearest[near]) + second[near]
    weight = np.zeros((1, *objects.shape), np.float32)
    # Neighbours are one pixel apart from centre to centre: where two objects touch, both distances are 1.
    weight[0, near] = np.exp(-(np.maximum(total - 2, 0) ** 2) / (2 * sigma**2))
    return weight


def _coloured(objects: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return ``(H, W)``: a number for each object, not that of a neighbour; 0 outside objects."""
    renumbered, _ = fastremap.renumber(np.ascontiguousarray(objects), preserve_zero=True)
    numbers = renumbered.astype(np.int32)
    count = int(numbers.max(initial=0))
    if count < 2:
        return (numbers > 0).astype(np.uint8)
    return _colours(_neighbours(numbers, count), count)[numbers]


def _neighbours(numbers: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return ``(2, n)`` pairs of the objects 1..count whose surroundings touch: the pixels nearest to each."""
    outside = (numbers == 0).astype(np.uint8)
    _, field = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    inside = outside == 0
    owner = np.zeros(int(field.max()) + 1, np.int32)
    owner[field[inside]] = numbers[inside]
    area = owner[field]
    keys = []
    rows, columns = area.shape
    for dy, dx in _NEAR:
        here = area[: rows - dy, max(0, -dx) : columns - max(0, dx)]
        there = area[dy:, max(0, dx) : columns + min(0, dx)]
        differ = here != there
        one, other = here[differ].astype(np.int64), there[differ].astype(np.int64)
        keys.append(np.unique(np.minimum(one, other) * (count + 1) + np.maximum(one, other)))
    return np.stack(np.divmod(np.unique(np.concatenate(keys)), count + 1))


def _colours(pairs: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
    """Return ``(count + 1,)`` colours from 1 for the objects 1..count, another one for the two of each pair."""
    one, other = np.concatenate([pairs, pairs[::-1]], axis=1)
    # Those with many neighbours choose first; ties fall at random, the same way each time.
    degree = np.bincount(one, minlength=count + 1)
    rank = np.empty(count + 1, np.int64)
    rank[np.lexsort((np.random.default_rng(0).random(count + 1), degree))] = np.arange(count + 1)
    colour, taken = np.zeros(count + 1, np.uint8), np.zeros((count + 1, 1), bool)
    while not colour.all():
        waits = np.full(count + 1, -1, np.int64)
        np.maximum.at(waits, other, np.where(colour[one] == 0, rank[one], -1))
        choosing = (colour == 0) & (waits < rank)
        if taken.all(axis=1).any():
            taken = np.pad(taken, ((0, 0), (0, 1)))
        colour[choosing] = taken[choosing].argmin(axis=1) + 1
        told = choosing[one]
        taken[other[told], colour[one[told]] - 1] = True
    colour[0] = 0  # no object
    return colour
