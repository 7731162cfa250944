"""How well predicted objects agree with true ones: F1, average precision, panoptic quality, pixel accuracy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segstudio.core.matching import Labels, Overlaps, assign, overlaps

#: IoU thresholds 0.50, 0.55 ... 0.95.
THRESHOLDS: tuple[float, ...] = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


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
class Named:
    """Of the objects found at IoU 0.5, how many were compared by class, and how many have the right one."""

    compared: int = 0
    right: int = 0

    def __add__(self, other: "Named") -> "Named":
        return Named(self.compared + other.compared, self.right + other.right)

    @property
    def accuracy(self) -> float | None:
        """Share of the right ones; ``None`` when none was compared."""
        return self.right / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class ImageScore:
    """What one image contributes: counts per threshold, pixels, the numbers of objects, and their classes."""

    counts: tuple[Counts, ...]
    pixels: Pixels
    truth_objects: int
    predicted_objects: int
    name: str = ""
    named: Named = Named()

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
            **({"class_accuracy": self.named.accuracy} if self.named.compared else {}),
        }


@dataclass(frozen=True, slots=True)
class Score:
    """Several images: figures from pooled counts, and means of the figures of each image."""

    counts: tuple[Counts, ...]
    pixels: Pixels
    images: tuple[ImageScore, ...]

    @property
    def named(self) -> Named:
        """How many of the found objects have the right class."""
        return sum((image.named for image in self.images), Named())

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
        found = {"images": len(self.images), "per_image": means}
        if self.named.compared:
            found["class_accuracy"] = self.named.accuracy
        return _figures(self.counts, self.pixels) | found


def evaluate(
    truth: Labels,
    prediction: Labels,
    thresholds: Sequence[float] = THRESHOLDS,
    name: str = "",
    classes: tuple[Mapping[int, int], Mapping[int, int]] | None = None,
) -> ImageScore:
    """Return the score of one image; see `match`. Negative predictions are background.

    Parameters
    ----------
    truth, prediction
        ``(rows, columns)`` label images; pixels with a negative truth are left out.
    classes
        Object id to class id of the truth and of the prediction. Objects that either does not name are not compared
        by class. F1 and the others ask only whether an object was found.
    """
    table = overlaps(truth, prediction)
    counts = []
    for threshold in thresholds:
        chosen = assign(table, threshold)
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
    named = Named() if classes is None else _named(table, *classes)
    return ImageScore(tuple(counts), pixels, len(table.truth_ids), len(table.prediction_ids), name, named)


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


def _named(table: Overlaps, truth: Mapping[int, int], prediction: Mapping[int, int]) -> Named:
    chosen = assign(table, 0.5)
    pairs = zip(table.truth_ids[table.truth[chosen]], table.prediction_ids[table.prediction[chosen]], strict=True)
    both = [(truth.get(int(one)), prediction.get(int(other))) for one, other in pairs]
    known = [(one, other) for one, other in both if one is not None and other is not None]
    return Named(len(known), sum(one == other for one, other in known))


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
