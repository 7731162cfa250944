"""Patches put together from several: objects pasted from one into another, and four of them side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

#: At most so many objects are pasted into a patch, and so many places are tried for each.
_PASTED, _TRIES = 4, 12
#: Of a pasted object at least this share must find free ground.
_FREE = 0.8
#: Width of the rim by which a pasted object is matched to its new ground, pixels.
_RIM_PX = 4


@dataclass(frozen=True)
class LabelledPatch:
    """A piece of an image with its labels.

    Attributes
    ----------
    image
        ``(C, S, S)`` float32.
    labels
        ``(S, S)`` int32: ids, 0 background, -1 not known.
    classes
        Object id to class id; missing ones have the first class.
    """

    image: NDArray[np.float32]
    labels: NDArray[np.int32]
    classes: dict[int, int]


class _Piece(NamedTuple):
    """One object with the ground around it."""

    image: NDArray[np.float32]
    mask: NDArray[np.bool_]
    rim: NDArray[np.bool_]
    class_id: int | None


def paste_objects(patch: LabelledPatch, donor: LabelledPatch, rng: np.random.Generator) -> LabelledPatch:
    """Return `patch` with up to four whole objects of `donor` on free ground, each with a new id.

    A pasted object takes the brightness of its new surroundings and a soft rim; objects that were there stay in front
    of it, so that new neighbours come to touch. Nothing is pasted where the labels are not known.
    """
    image, labels, classes = patch.image.copy(), patch.labels.copy(), dict(patch.classes)
    whole = _whole_ids(donor.labels)
    rng.shuffle(whole)
    for number in whole[: int(rng.integers(1, _PASTED + 1))]:
        piece = _cut_out(donor, int(number))
        for _ in range(_TRIES):
            room = [side - length + 1 for side, length in zip(labels.shape, piece.mask.shape, strict=True)]
            if min(room) < 1:
                break
            y, x = (int(rng.integers(free)) for free in room)
            box = slice(y, y + piece.mask.shape[0]), slice(x, x + piece.mask.shape[1])
            placed = piece.mask & (labels[box] == 0)
            if _fits(piece.mask, placed, labels[box]):
                new = int(labels.max()) + 1
                _lay(image[:, *box], labels[box], piece, placed)
                labels[box][placed] = new
                if piece.class_id is not None:
                    classes[new] = piece.class_id
                break
    return LabelledPatch(image, labels, classes)


def mosaic(patches: Sequence[LabelledPatch], point: tuple[int, int]) -> LabelledPatch:
    """Return four patches of one size side by side: each keeps its own corner up to `point` (row, column).

    The seam is not known, two pixels wide: nothing is cut there in truth, and no outline must be learned from it.
    """
    first = patches[0]
    image, labels = np.empty_like(first.image), np.empty_like(first.labels)
    classes: dict[int, int] = {}
    highest = 0
    y, x = point
    corners = [(rows, columns) for rows in (slice(0, y), slice(y, None)) for columns in (slice(0, x), slice(x, None))]
    for patch, corner in zip(patches, corners, strict=True):
        image[:, *corner] = patch.image[:, *corner]
        own = patch.labels[corner]
        labels[corner] = np.where(own > 0, own + highest, own)
        classes |= {number + highest: class_id for number, class_id in patch.classes.items()}
        highest = max(highest, int(labels[corner].max(initial=0)), *classes, 0)
    labels[max(0, y - 1) : y + 1] = -1
    labels[:, max(0, x - 1) : x + 1] = -1
    return LabelledPatch(image, labels, classes)


def _fits(mask: NDArray[np.bool_], placed: NDArray[np.bool_], labels: NDArray[np.int32]) -> bool:
    """Return whether an object stays in one piece, and large enough, and leaves no part where nothing is known."""
    if placed.sum() < _FREE * mask.sum() or bool((labels[mask] < 0).any()):
        return False
    pieces, _ = cv2.connectedComponents(placed.astype(np.uint8), connectivity=4)
    return pieces == 2  # the ground is one


def _whole_ids(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the ids of objects that neither the edge nor unknown ground cuts."""
    beside_unknown = cv2.dilate((labels < 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    edge = np.ones(labels.shape, bool)
    edge[1:-1, 1:-1] = False
    cut = np.unique(labels[beside_unknown | edge])
    ids = np.unique(labels[labels > 0])
    return ids[~np.isin(ids, cut)]


def _cut_out(donor: LabelledPatch, number: int) -> _Piece:
    rows, columns = np.nonzero(donor.labels == number)
    height, width = donor.labels.shape
    box = (
        slice(max(0, rows.min() - _RIM_PX), min(height, rows.max() + 1 + _RIM_PX)),
        slice(max(0, columns.min() - _RIM_PX), min(width, columns.max() + 1 + _RIM_PX)),
    )
    mask = donor.labels[box] == number
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _RIM_PX + 1,) * 2, np.uint8)) > 0
    rim = near & (donor.labels[box] == 0)
    return _Piece(donor.image[:, *box], mask, rim, donor.classes.get(number))


def _lay(image: NDArray[np.float32], labels: NDArray[np.int32], piece: _Piece, placed: NDArray[np.bool_]) -> None:
    """Blend `piece` into `image` ``(C, h, w)`` in place, over free ground only."""
    free = labels == 0
    ground = free & ~placed
    weight = cv2.GaussianBlur(placed.astype(np.float32), (0, 0), 1.0) * free
    weight[placed] = np.maximum(weight[placed], 0.8)
    shift = np.zeros((len(image), 1, 1), np.float32)
    if ground.any() and piece.rim.any():
        shift[:, 0, 0] = image[:, ground].mean(axis=1) - piece.image[:, piece.rim].mean(axis=1)
    image += weight * (piece.image + shift - image)
