"""Validation: how well the averaged weights find the objects of images that they did not learn from."""

import copy
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from segstudio.config.prediction import PredictionConfig
from segstudio.core.metrics import ImageScore, evaluate, pooled
from segstudio.engine.data.dataset import LabelledPart, object_areas
from segstudio.engine.formulations import Decoded, DecodeSettings, Formulation
from segstudio.engine.network import Network
from segstudio.engine.prediction.stitch_maps import predict_maps
from segstudio.engine.training.average import Weights
from segstudio.engine.training.confidence import f1_interval, first_as_good
from segstudio.engine.training.preview import Pictures, overlay, picture, window_of

#: IoU thresholds at which a validation is scored; the first two decide which weights and decoder are best.
THRESHOLDS = (0.5, 0.75, 0.8)
#: Pixels that are looked at in each validation during training, on the processor and on a GPU.
_WATCHED_PX = {"cpu": 2_000_000}
_WATCHED_PX_GPU = 16_000_000
#: Parts are small enough to be seen whole.
_WHOLE = PredictionConfig(tile_size=2048)
#: A predicted object that lies to more than this on unknown pixels is not judged.
_UNKNOWN_SHARE = 0.5
#: A picture shows the validation image with the most objects, but one of more is no clearer.
_ENOUGH_OBJECTS = 60


@dataclass(frozen=True)
class Validation:
    """Scores of one validation, pooled over its images.

    Attributes
    ----------
    score
        Mean of AP at IoU 0.5 and 0.75: what is compared.
    iou
        Foreground IoU: of the area of all objects together.
    found, objects, predicted
        True objects that were found at IoU 0.5, all, and all that the network found, rightly or not.
    interval
        95 % interval of `f1`; ``None`` when only one image was scored.
    """

    f1: float
    ap: float
    ap75: float
    ap80: float
    iou: float
    images: int
    found: int
    objects: int
    predicted: int
    interval: tuple[float, float] | None
    seconds: float

    @property
    def score(self) -> float:
        """What decides which weights and which decoder settings are best."""
        return _merit(self.ap, self.ap75)

    def figures(self) -> dict[str, float]:
        """Return what a `Metric` says of it."""
        values: dict[str, float] = {"val_f1": self.f1, "val_ap": self.ap, "val_iou": self.iou}
        values |= {"val_objects": self.objects, "val_predicted": self.predicted}
        if self.interval is not None:
            values["val_f1_low"], values["val_f1_high"] = self.interval
        return values

    def scores(self) -> dict[str, float]:
        """Return what a model card says of it."""
        return {
            "f1": self.f1,
            "ap50": self.ap,
            "ap75": self.ap75,
            "ap80": self.ap80,
            "foreground_iou": self.iou,
        }


class PartPredictor:
    """Predicts validation images with given weights.

    Parameters
    ----------
    parts
        Images with what is known of them, none larger than fits in memory.

    small_px
        How many pixels the small ones of the training objects have; ``None`` when nothing is known of them.

    Attributes
    ----------
    candidates
        The decoder settings to try, the safest first. None drops objects as small as those of the training.
    watched
        The parts that are looked at in each validation during the training.
    """

    def __init__(
        self,
        parts: Sequence[LabelledPart],
        network: Network,
        formulation: Formulation,
        device: torch.device,
        small_px: float | None = None,
    ) -> None:
        self.parts = list(parts)
        self.formulation = formulation
        self.device = device
        self.candidates = [_keeping(settings, small_px) for settings in formulation.decode_candidates()]
        self._network = copy.deepcopy(network).to(device).eval()
        limit = _WATCHED_PX.get(device.type, _WATCHED_PX_GPU)
        self.watched = _within(self.parts, limit)

    def take(self, weights: Weights) -> None:
        """Let the following images be seen with `weights`."""
        self._network.load_state_dict(weights)

    def maps(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the activated maps of a normalised image ``(C, H, W)``."""
        return predict_maps(self._network, self.formulation, image, _WHOLE, self.device)


class Validator(PartPredictor):
    """Predicts, decodes and scores labelled images with given weights."""

    def run(self, weights: Weights, decode: DecodeSettings) -> tuple[DecodeSettings, Validation]:
        """Score `weights` on the watched images, at the best threshold: a network is right before it is sure.

        Returns
        -------
        tuple
            `decode` with the threshold of the candidates that finds most, and the scores with it.
        """
        thresholds = dict.fromkeys(settings.threshold for settings in self.candidates)
        tried = [decode.model_copy(update={"threshold": threshold}) for threshold in thresholds]
        *_, (_, best, result) = self._compare(weights, tried, self.watched)
        return best, result

    def tune(self, weights: Weights, seconds: float) -> Iterator[tuple[int, DecodeSettings, Validation]]:
        """Try all decoder settings, image by image, for at most about `seconds`; at least one image is used.

        Yields
        ------
        tuple
            Number of images so far, the best settings so far, and their scores.
        """
        start = time.monotonic()
        order = np.random.default_rng(0).permutation(len(self.parts))
        parts = [self.parts[index] for index in order]
        for number, best, result in self._compare(weights, self.candidates, parts, self.formulation.first_in_doubt):
            yield number, best, result
            if (time.monotonic() - start) * (number + 1) / number > seconds:
                return

    def _compare(
        self,
        weights: Weights,
        candidates: Sequence[DecodeSettings],
        parts: Sequence[LabelledPart],
        first_in_doubt: bool = False,
    ) -> Iterator[tuple[int, DecodeSettings, Validation]]:
        """Look at part after part, and yield how many there were, the best of `candidates` on them, and its scores."""
        start = time.monotonic()
        self.take(weights)
        table: list[list[ImageScore]] = [[] for _ in candidates]
        with ThreadPoolExecutor(max(1, torch.get_num_threads())) as pool:
            for number, part in enumerate(parts, start=1):
                maps = self.maps(part.image)
                scored = pool.map(lambda c, m=maps, p=part: self._scored(p, self._decode(m, c)), candidates)
                for scores, found in zip(table, scored, strict=True):
                    scores.append(found)
                best = _first_as_good(table) if first_in_doubt else _best(table)
                yield number, candidates[best], _validation(table[best], time.monotonic() - start)

    def pictures(self, weights: Weights, decode: DecodeSettings) -> Pictures:
        """Return how `weights` see the watched image with the most objects."""
        part = max(self.watched, key=lambda p: min(len(object_areas(p.known)), _ENOUGH_OBJECTS))
        self.take(weights)
        labels = self._decoded(part, decode).labels
        seen = self._scored(part, labels).at(THRESHOLDS[0])
        wanted = seen.tp + seen.fn
        window = window_of(part.known)
        image = picture(part.image[:, *window])
        caption = f"finds {seen.tp} of {wanted} object{'s' if wanted != 1 else ''}"
        return Pictures(image, overlay(image, part.known[window]), overlay(image, labels[window]), caption)

    def _scored(self, part: LabelledPart, labels: NDArray[np.int32]) -> ImageScore:
        wanted = self.formulation.best_answer(part.known)
        return replace(score(wanted, labels), name=part.sample.image_id)

    def _decoded(self, part: LabelledPart, decode: DecodeSettings) -> Decoded:
        return self.formulation.decode(self.maps(part.image), decode)

    def _decode(self, maps: NDArray[np.float32], decode: DecodeSettings) -> NDArray[np.int32]:
        return self.formulation.decode(maps, decode).labels


def score(known: NDArray[np.int32], labels: NDArray[np.int32]) -> ImageScore:
    """Score `labels` against what is `known`, both ``(H, W)``, -1 = nothing; see `judged`."""
    return evaluate(known, judged(known, labels), THRESHOLDS)


def judged(known: NDArray[np.int32], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return `labels` without what cannot be judged: objects that lie mostly where nothing is `known`."""
    unknown = known < 0
    if not unknown.any():
        return labels
    total = np.bincount(labels.ravel())
    hidden = np.bincount(labels[unknown], minlength=len(total))
    return np.where((hidden > _UNKNOWN_SHARE * total)[labels] | unknown, 0, labels)


def _keeping(settings: DecodeSettings, small_px: float | None) -> DecodeSettings:
    """Return `settings` that drop nothing of half the size of objects of `small_px` pixels, or more."""
    if small_px is None:
        return settings
    return settings.model_copy(update={"min_size": min(settings.min_size, int(small_px / 2))})


def _merit(low: float, middle: float) -> float:
    """Return the one figure for AP at the first two of `THRESHOLDS`: finding and outlining count alike."""
    return (low + middle) / 2


def _validation(scores: Sequence[ImageScore], seconds: float) -> Validation:
    total = pooled(scores)
    low, middle, high = total.counts
    return Validation(
        f1=low.f1,
        ap=low.ap,
        ap75=middle.ap,
        ap80=high.ap,
        iou=total.pixels.foreground_iou,
        images=len(scores),
        found=low.tp,
        objects=low.tp + low.fn,
        predicted=low.tp + low.fp,
        interval=_interval(scores),
        seconds=seconds,
    )


def _best(table: Sequence[Sequence[ImageScore]]) -> int:
    results = [_merit(*(count.ap for count in pooled(scores).counts[:2])) for scores in table]
    # The earlier of equals wins: candidates are listed with the safest first.
    return max(range(len(results)), key=lambda i: (round(results[i], 6), -i))


def _first_as_good(table: Sequence[Sequence[ImageScore]]) -> int:
    counts = [[[(at.tp, at.fp, at.fn) for at in score.counts[:2]] for score in scores] for scores in table]
    return first_as_good(counts, [score.name for score in table[0]])


def _interval(scores: Sequence[ImageScore]) -> tuple[float, float] | None:
    firsts = [item.counts[0] for item in scores]
    return f1_interval([(item.tp, item.fp, item.fn) for item in firsts], [item.name for item in scores])


def _within(parts: Sequence[LabelledPart], pixels: int) -> list[LabelledPart]:
    """Return parts spread evenly over the list, of at most about so many pixels; at least one if there is any."""
    total = sum(part.known.size for part in parts)
    if total <= pixels:
        return list(parts)
    number = max(1, int(len(parts) * pixels / total))
    chosen = np.linspace(0, len(parts) - 1, number).round().astype(int)
    return [parts[index] for index in np.unique(chosen)]
