"""Targets that several formulations share: validity, class, boundary, distance."""

from collections.abc import Mapping, Sequence

import edt  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray


def valid_pixels(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: 1 where `labels` are known, 0 where they are -1."""
    return (labels >= 0).astype(np.float32)[None]


def class_numbers(
    labels: NDArray[np.int32], object_classes: Mapping[int, int] | None, class_ids: Sequence[int]
) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: 0 outside objects, 1.. for the place of each object's class in `class_ids`.

    Objects whose class is missing, or is none of `class_ids`, count as the first class.
    """
    place = {class_id: number for number, class_id in enumerate(class_ids, start=1)}
    inside = labels > 0
    ids, position = np.unique(labels[inside], return_inverse=True)
    known = object_classes or {}
    numbers = np.array([place.get(known.get(int(i), class_ids[0]), 1) for i in ids], np.float32)
    result = np.zeros((1, *labels.shape), np.float32)
    if len(ids):
        result[0][inside] = numbers[position]
    return result


def inner_boundary(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where in `labels` ``(H, W)`` an object's pixel has a 4-neighbour outside the object.

    Neither the image's edge nor a pixel of unknown label is an outside: the object may go on there.
    """
    edge = np.zeros(labels.shape, bool)
    for one, other in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        differ = (labels[one] != labels[other]) & (labels[one] >= 0) & (labels[other] >= 0)
        edge[one] |= differ
        edge[other] |= differ
    return edge & (labels > 0)


def without_vanished(boundary: NDArray[np.bool_], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Remove the boundary ``(H, W)`` of objects that consist of nothing else: the smallest ones keep an inside."""
    size = np.bincount(labels[labels > 0], minlength=1)
    rim = np.bincount(labels[boundary], minlength=len(size))
    kept = boundary.copy()
    kept[boundary] = (rim < size)[labels[boundary]]
    return kept


def relative_distance(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: Euclidean distance to the object's outside, divided by the object's largest; 0 outside.

    Objects cut by the image's edge keep their slope there: the edge is no outside.
    """
    objects = np.maximum(labels, 0)
    # A whole image of one object has no outside at all, and every distance would be infinite.
    framed = bool((objects > 0).all())
    distance = edt.edt(np.ascontiguousarray(objects), black_border=framed)
    peak = np.zeros(int(objects.max(initial=0)) + 1, np.float32)
    inside = objects > 0
    np.maximum.at(peak, objects[inside], distance[inside])
    relative = distance / np.maximum(peak, 1e-6)[objects]
    return np.where(inside, relative, 0).astype(np.float32)[None]
