"""How well predicted objects agree with true ones: matching by overlap, F1, average precision, panoptic quality."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

#: IoU thresholds 0.50, 0.55 ... 0.95.
THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))

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


@dataclass(frozen=True, slots=True)
class Counts:
    """Matches of one or more images at one threshold; `iou_sum` is over the matched pairs."""

    threshold: float
    tp: int
    fp: int
    fn: int
    iou_sum: float

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.threshold,
            self.tp + other.tp,
            self.fp + other.fp,
            self.fn + other.fn,
            self.iou_sum + other.iou_sum,
        )

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 1 when nothing was predicted and nothing was to be found."""
        return _ratio(self.tp, self.tp + self.fp, self.fn == 0)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); 1 when there was nothing to be found."""
        return _ratio(self.tp, self.tp + self.fn, True)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN); 1 when there is nothing on either side. Also recognition quality."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn, True)

    @property
    def ap(self) -> float:
        """TP / (TP + FP + FN), the average precision of StarDist and the 2018 Data Science Bowl."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, True)

    @property
    def sq(self) -> float:
        """Segmentation quality: mean IoU of the matched pairs; 0 when there are none."""
        return _ratio(self.iou_sum, self.tp, False)

    @property
    def pq(self) -> float:
        """Panoptic quality (Kirillov et al., 2019): recognition times segmentation quality."""
        return _ratio(2 * self.iou_sum, 2 * self.tp + self.fp + self.fn, True)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Confusion of object and background, in pixels."""

    tp: int
    fp: int
    fn: int
    tn: int

    def __add__(self, other: "Pixels") -> "Pixels":
        return Pixels(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def foreground_iou(self) -> float:
        """IoU of all objects taken together."""
        return _ratio(self.tp, self.tp + self.fp + self.fn, True)

    @property
    def mean_iou(self) -> float:
        """Mean of the IoU of objects and of background (mIoU)."""
        return (self.foreground_iou + _ratio(self.tn, self.tn + self.fp + self.fn, True)) / 2

    @property
    def accuracy(self) -> float:
        """Fraction of pixels that agree."""
        return _ratio(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn, True)

    @property
    def mean_accuracy(self) -> float:
        """Mean of the fractions of object pixels and of background pixels found; absent ones do not count."""
        parts = [right / (right + wrong) for right, wrong in ((self.tp, self.fn), (self.tn, self.fp)) if right + wrong]
        return sum(parts) / len(parts) if parts else 1.0


@dataclass(frozen=True, slots=True)
class ImageScore:
    """What one image contributes: counts per threshold, pixels, and the numbers of objects."""

    counts: tuple[Counts, ...]
    pixels: Pixels
    truth_objects: int
    predicted_objects: int
    name: str = ""

    def at(self, threshold: float) -> Counts:
        """Return the counts at a threshold; raise `KeyError` when it was not evaluated."""
        return _at(self.counts, threshold)

    @property
    def mean_ap(self) -> float:
        """AP averaged over the thresholds."""
        return float(np.mean([item.ap for item in self.counts]))

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, for JSON."""
        return _figures(self.counts, self.pixels) | {
            "truth_objects": self.truth_objects,
            "predicted_objects": self.predicted_objects,
        }


@dataclass(frozen=True, slots=True)
class Score:
    """Several images: figures from pooled counts, and means of the figures of each image."""

    counts: tuple[Counts, ...]
    pixels: Pixels
    images: tuple[ImageScore, ...]

    def at(self, threshold: float) -> Counts:
        """Return the pooled counts at a threshold; raise `KeyError` when it was not evaluated."""
        return _at(self.counts, threshold)

    @property
    def mean_ap(self) -> float:
        """Pooled AP averaged over the thresholds."""
        return float(np.mean([item.ap for item in self.counts]))

    def per_image(self, figure: str, threshold: float = 0.5) -> float:
        """Return the mean over the images of a figure of `Counts`, as ``"f1"`` or ``"ap"``."""
        return float(np.mean([getattr(image.at(threshold), figure) for image in self.images]))

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, for JSON; those of the single images are averaged under ``"per_image"``."""
        means = {
            name: {f"{item.threshold:.2f}": self.per_image(name, item.threshold) for item in self.counts}
            for name in ("f1", "precision", "recall", "ap", "pq")
        }
        return _figures(self.counts, self.pixels) | {"images": len(self.images), "per_image": means}


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
    chosen = _assign(table, threshold)
    rows, columns = table.truth[chosen], table.prediction[chosen]
    return Match(
        threshold,
        tuple(zip(table.truth_ids[rows].tolist(), table.prediction_ids[columns].tolist(), strict=True)),
        table.iou[chosen],
        tuple(np.delete(table.truth_ids, rows).tolist()),
        tuple(np.delete(table.prediction_ids, columns).tolist()),
    )


def evaluate(truth: Labels, prediction: Labels, thresholds: Sequence[float] = THRESHOLDS, name: str = "") -> ImageScore:
    """Return the score of one image; see `match`. Negative predictions are background."""
    table = overlaps(truth, prediction)
    counts = []
    for threshold in thresholds:
        chosen = _assign(table, threshold)
        found = len(chosen)
        counts.append(
            Counts(
                threshold,
                found,
                len(table.prediction_ids) - found,
                len(table.truth_ids) - found,
                float(table.iou[chosen].sum()),
            )
        )
    known = truth >= 0
    t, p = truth[known] > 0, prediction[known] > 0
    tp, wanted, found = int((t & p).sum()), int(t.sum()), int(p.sum())
    pixels = Pixels(tp, found - tp, wanted - tp, t.size - wanted - found + tp)
    return ImageScore(tuple(counts), pixels, len(table.truth_ids), len(table.prediction_ids), name)


def pooled(scores: Iterable[ImageScore]) -> Score:
    """Return the score of several images that were evaluated at the same thresholds.

    Raises
    ------
    ValueError
        There are none, or their thresholds differ.
    """
    images = tuple(scores)
    if len({tuple(item.threshold for item in image.counts) for image in images}) != 1:
        raise ValueError("Scores can be pooled when there is at least one and all have the same thresholds.")
    counts, pixels = images[0].counts, images[0].pixels
    for image in images[1:]:
        counts = tuple(one + other for one, other in zip(counts, image.counts, strict=True))
        pixels += image.pixels
    return Score(counts, pixels, images)


def _numbered(values: Labels) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Return the positive ids, and for each value its position among them counted from 1, 0 for all others."""
    positive = np.maximum(values, 0)
    ids, index = np.unique(positive, return_inverse=True)
    if len(ids) and ids[0] == 0:
        return ids[1:], index.astype(np.int64)
    return ids, index.astype(np.int64) + 1


def _assign(table: Overlaps, threshold: float) -> NDArray[np.int64]:
    """Return the chosen pairs, as positions in `table`.

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


def _figures(counts: tuple[Counts, ...], pixels: Pixels) -> dict[str, Any]:
    names = ("f1", "precision", "recall", "ap", "pq", "sq", "tp", "fp", "fn")
    table = {name: {f"{item.threshold:.2f}": getattr(item, name) for item in counts} for name in names}
    return table | {
        "mean_ap": float(np.mean([item.ap for item in counts])),
        "foreground_iou": pixels.foreground_iou,
        "mean_iou": pixels.mean_iou,
        "pixel_accuracy": pixels.accuracy,
        "mean_pixel_accuracy": pixels.mean_accuracy,
    }


def _at(counts: tuple[Counts, ...], threshold: float) -> Counts:
    for item in counts:
        if abs(item.threshold - threshold) < 1e-9:
            return item
    raise KeyError(threshold)


def _ratio(part: float, whole: float, empty_is_right: bool) -> float:
    if whole:
        return part / whole
    return 1.0 if empty_is_right else 0.0
