"""Targets that several formulations share: where what is known, class, boundary, distance."""

from collections.abc import Mapping, Sequence

import cv2
import edt  # type: ignore[import-not-found]
import numpy as np
from numpy.typing import NDArray

#: Beyond this many times its scale a signed distance no longer changes.
_SATURATED = 4.0
#: Rounds in which a boundary is peeled off; the second takes what the first left at corners.
_ROUNDS = 2


def valid_pixels(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: 1 where `labels` are known, 0 where they are -1."""
    return (labels >= 0).astype(np.float32)[None]


def whole_objects(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: 1 where the whole shape of what `labels` ``(H, W)`` say is known, 0 elsewhere.

    It is 0 at unknown pixels (-1), and in objects that touch one: where such an object goes on, and so where its
    centre lies and how large it is, cannot be said. What the image's edge cuts counts as whole: there the network
    sees no more than the labels say.
    """
    unknown = (labels < 0).astype(np.uint8)
    whole = unknown == 0
    if unknown.any() and not unknown.all():
        beside = cv2.dilate(unknown, np.ones((3, 3), np.uint8)) > 0
        whole &= ~np.isin(labels, np.unique(labels[beside & (labels > 0)]))
    return np.asarray(whole, np.float32)[None]


def certain_boundary(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: 1 where it is known whether a pixel of `labels` ``(H, W)`` is an object's boundary.

    It is 0 at unknown pixels (-1), and in objects beside one unless another neighbour makes the pixel a boundary.
    """
    unknown = (labels < 0).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    beside = (cv2.dilate(unknown, cross) > 0) & (labels > 0) & ~inner_boundary(labels)
    return np.asarray(~beside & (unknown == 0), np.float32)[None]


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


def without_tears(boundary: NDArray[np.bool_], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Remove the boundary ``(H, W)`` where it runs through an object, so that the object's inside stays in one piece.

    Necks of one or two pixels' width are all boundary: without them the inside would fall into parts, each of which
    would be taken for an object. A pixel stays boundary where it is needed to part two objects.

    Notes
    -----
    The boundary is peeled off from four sides in turn, pixels whose loss would tear the object excepted: those that
    have not one run of the object's pixels around them (Yokoi's number for 4-connected regions).
    """
    width = labels.shape[1] + 2
    ids = np.pad(labels, 1, mode="edge").ravel()
    pixels = np.flatnonzero(np.pad(boundary, 1))
    # From the right counter-clockwise.
    around = np.array([1, 1 - width, -width, -1 - width, -1, width - 1, width, width + 1])
    inside = ids > 0
    for towards in (2, 6, 0, 4) * _ROUNDS:
        near = pixels[:, None] + around
        same = inside[near] & (ids[near] == ids[pixels, None])
        runs = (same & ~(np.roll(same, -1, axis=1) & np.roll(same, -2, axis=1)))[:, ::2].sum(axis=1)
        peeled = (runs == 1) & ~same[:, towards]
        inside[pixels[peeled]] = False
        pixels = pixels[~peeled]
    beside = pixels[:, None] + around[::2]
    parting = (inside[beside] & (ids[beside] > 0) & (ids[beside] != ids[pixels, None])).any(axis=1)
    inside[pixels[parting]] = False
    return boundary & ~inside.reshape(-1, width)[1:-1, 1:-1]


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
    distance, deepest = _distance_to_outside(labels)
    return np.where(labels > 0, distance / deepest, 0).astype(np.float32)[None]


def relative_depth(labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return ``(1, H, W)``: as `relative_distance`, but 0 at an object's outermost pixels, in all sizes of objects.

    So a valley of 0 runs between objects that touch. Objects that consist of outermost pixels alone are 1.
    """
    distance, deepest = _distance_to_outside(labels)
    thin = deepest <= 1
    depth = np.where(thin, 1, (distance - 1) / np.where(thin, 1, deepest - 1))
    return np.where(labels > 0, depth, 0).astype(np.float32)[None]


def _distance_to_outside(labels: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the Euclidean distance to the object's outside, and the largest one in the object; both ``(H, W)``."""
    objects = np.maximum(labels, 0)
    # A whole image of one object has no outside at all, and every distance would be infinite.
    framed = bool((objects > 0).all())
    distance = edt.edt(np.ascontiguousarray(objects), black_border=framed)
    peak = np.zeros(int(objects.max(initial=0)) + 1, np.float32)
    inside = objects > 0
    np.maximum.at(peak, objects[inside], distance[inside])
    return distance, np.maximum(peak, 1e-6)[objects]


def signed_distance(labels: NDArray[np.int32], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the squashed distance to the nearest outline, and where it is certain; both ``(1, H, W)``.

    Parameters
    ----------
    labels
        ``(H, W)`` int32 object ids, 0 background, -1 not known.
    scale
        Pixels over which the distance ``d`` is resolved: the result is ``tanh(d / scale)``, d > 0 in objects.

    Notes
    -----
    A distance is certain where no unknown pixel is as near as the outline. The image's edge is no outline.
    """
    # Background is one more object: all distances in one pass.
    numbered = np.where(labels < 0, 0, labels.astype(np.int64) + 1).astype(np.uint32)
    distance = edt.edt(np.ascontiguousarray(numbered), black_border=False)
    certain = labels >= 0
    if not certain.all():
        to_unknown = edt.edt(np.ascontiguousarray(certain), black_border=False)
        certain = certain & ((distance < to_unknown) | (distance > _SATURATED * scale))
    # Outlines run half a pixel before the first pixel of the other side. Without any outline it is infinitely far.
    amount = np.tanh((np.minimum(distance, 1e6) - 0.5) / scale)
    signed = np.where(labels > 0, amount, -amount)
    return np.where(labels < 0, 0, signed).astype(np.float32)[None], certain.astype(np.float32)[None]
