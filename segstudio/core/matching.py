"""Which predicted object stands for which true one: matching by overlap."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Which true and predicted objects overlap, sparse.

    Attributes
    ----------
    truth_ids, prediction_ids
        Objects with at least one pixel that counts, ascending.
    truth, prediction
        One entry per overlapping pair: positions in the ids.
    iou
        One entry per pair: intersection over union.
    """

    truth_ids: NDArray[np.integer[Any]]
    prediction_ids: NDArray[np.integer[Any]]
    truth: NDArray[np.int64]
    prediction: NDArray[np.int64]
    iou: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Match:
    """Pairs ``(truth id, prediction id)`` of one image at one threshold, with their IoU."""

    threshold: float
    pairs: tuple[tuple[int, int], ...]
    iou: NDArray[np.float64]
    missed: tuple[int, ...]
    """True objects without a partner."""
    extra: tuple[int, ...]
    """Predicted objects without a partner."""


def overlaps(truth: Labels, prediction: Labels) -> Overlaps:
    """Return the overlapping pairs of two label images of one shape; pixels with a negative truth do not count.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"Truth of shape {truth.shape}, prediction of shape {prediction.shape}.")
    known = truth >= 0
    truth_ids, t = _numbered(truth[known])
    prediction_ids, p = _numbered(prediction[known])
    columns = len(prediction_ids) + 1
    pair, area = np.unique(t * columns + p, return_counts=True)
    row, column = pair // columns, pair % columns
    truth_area = np.bincount(row, area, len(truth_ids) + 1)
    prediction_area = np.bincount(column, area, columns)
    both = (row > 0) & (column > 0)
    row, column, shared = row[both], column[both], area[both]
    iou = shared / (truth_area[row] + prediction_area[column] - shared)
    return Overlaps(truth_ids, prediction_ids, row - 1, column - 1, iou)


def match(truth: Labels, prediction: Labels, threshold: float = 0.5) -> Match:
    """Return the one-to-one matching with most pairs of IoU ≥ `threshold`, of these the one with the largest IoU.

    Parameters
    ----------
    truth, prediction
        ``(rows, columns)`` label images; 0 is background; pixels with a negative truth are left out.

    Examples
    --------
    >>> import numpy as np
    >>> truth, found = np.array([[1, 1, 1, 0, 2]]), np.array([[0, 5, 5, 0, 0]])
    >>> match(truth, found, 0.5).pairs, match(truth, found, 0.5).missed
    (((1, 5),), (2,))
    """
    table = overlaps(truth, prediction)
    chosen = assign(table, threshold)
    rows, columns = table.truth[chosen], table.prediction[chosen]
    return Match(
        threshold,
        tuple(zip(table.truth_ids[rows].tolist(), table.prediction_ids[columns].tolist(), strict=True)),
        table.iou[chosen],
        tuple(np.delete(table.truth_ids, rows).tolist()),
        tuple(np.delete(table.prediction_ids, columns).tolist()),
    )


def assign(table: Overlaps, threshold: float) -> NDArray[np.int64]:
    """Return the best one-to-one pairs of IoU ≥ `threshold`, as positions in `table`; see `match`.

    Above an IoU of 0.5 at most one partner is possible. At or below, candidates that touch each other form small
    groups, and the best assignment is found group by group.
    """
    good = np.flatnonzero(table.iou >= threshold)
    if threshold > 0.5 or not len(good):
        return good
    rows, columns = table.truth[good], table.prediction[good]
    count = len(table.truth_ids)
    size = count + len(table.prediction_ids)
    links = csr_matrix((np.ones(len(good), np.int8), (rows, columns + count)), shape=(size, size))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group[rows], kind="stable")
    cuts = np.flatnonzero(np.diff(group[rows][order])) + 1
    parts = [_best(table, good[part]) if len(part) > 1 else good[part] for part in np.split(order, cuts)]
    return np.sort(np.concatenate(parts))


def _numbered(values: Labels) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Return the positive ids, and for each value its position among them counted from 1, 0 for all others."""
    positive = np.maximum(values, 0)
    ids, index = np.unique(positive, return_inverse=True)
    if len(ids) and ids[0] == 0:
        return ids[1:], index.astype(np.int64)
    return ids, index.astype(np.int64) + 1


def _best(table: Overlaps, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    rows, r = np.unique(table.truth[pairs], return_inverse=True)
    columns, c = np.unique(table.prediction[pairs], return_inverse=True)
    # One more pair always weighs more than any gain in IoU.
    weight = np.zeros((len(rows), len(columns)))
    weight[r, c] = 1 + table.iou[pairs] / (2 * min(len(rows), len(columns)))
    position = np.full(weight.shape, -1)
    position[r, c] = pairs
    chosen = position[linear_sum_assignment(weight, maximize=True)]
    return chosen[chosen >= 0]
