"""The end of a training: the decoder settings are chosen, and the best weights become a model."""

from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import torch

from segstudio import __version__
from segstudio.engine.data.normalise import IntensityScale
from segstudio.engine.formulations import DecodeSettings
from segstudio.engine.model_card import ModelCard, Normalisation, TargetScale, save_model
from segstudio.engine.training.average import Weights
from segstudio.engine.training.prepare import resolved_architecture
from segstudio.engine.training.validate import Validation
from segstudio.engine.training.validate_images import ImageValidation
from segstudio.jobs.messages import Artifact, Finished, Message, Progress, finite
from segstudio.jobs.spec import Choice

if TYPE_CHECKING:
    from segstudio.engine.training.fit import Training

#: Seconds for choosing the decoder when the training had no time limit, or was stopped.
_TUNING_S = 30.0


def finish(training: "Training") -> Iterator[Message]:
    """Choose the decoder, write the model, and yield its `Artifact` and `Finished`."""
    stopped = training.control.ending
    if training.step == 0:
        yield Finished(outcome="stopped")
        return
    weights = training.best if training.best is not None else training.stepper.average.weights
    decode, result = yield from _tuned(training, weights, _seconds(training, stopped))
    made = _card(training, decode, result)
    card = training.within(lambda: save_model(training.run_folder.model, made, weights))
    summary: dict[str, float | int | str] = {
        **card.scores,
        "steps": training.step,
        "epochs": training.epochs,
        "minutes": round(training.clock.seconds / 60, 2),
        "images": int(training.prepared.facts["train_images"]),
    }
    if training.rescue.left_out:
        summary["steps_left_out"] = training.rescue.left_out
    yield Artifact(role="model", path=str(training.run_folder.model), details=dict(card.scores))
    yield Finished(outcome="stopped" if stopped else "done", summary=summary)


def _seconds(training: "Training", stopped: bool) -> float:
    if training.config.deterministic:
        return float("inf")
    limit = training.length.seconds
    if stopped or limit == 0:
        return _TUNING_S
    budget = training.config.max_minutes * 60
    return min(_TUNING_S * 1.5, max(0.06 * budget, 1.0))


def _tuned(
    training: "Training", weights: Weights, seconds: float
) -> Generator[Message, None, tuple[DecodeSettings, Validation | ImageValidation]]:
    validator = training.prepared.validator
    total = len(validator.parts)
    chosen: tuple[DecodeSettings, Validation | ImageValidation] | None = None
    yield Progress(stage="Choosing how to find objects", done=0, total=total)
    for number, decode, result in validator.tune(weights, seconds):
        chosen = decode, result
        yield Progress(stage="Choosing how to find objects", done=number, total=total)
        if training.control.wish() == "abandon":
            return chosen
    if chosen is None or chosen[1].images < len(validator.watched):
        # The first images that there was time for may be the easy ones: what is told of a model is of all.
        return validator.run(weights, chosen[0] if chosen is not None else training.judge.decode)
    return chosen


def _card(training: "Training", decode: DecodeSettings, result: Validation | ImageValidation) -> ModelCard:
    job, prepared = training.job, training.prepared
    data = prepared.config.data
    return ModelCard(
        name=job.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        formulation=Choice(name=job.formulation.name, settings=prepared.formulation.config.model_dump()),
        architecture=resolved_architecture(job),
        in_channels=prepared.plan.count,
        channels=prepared.plan.kind,
        channel_names=prepared.plan.names,
        classes=job.classes,
        normalisation=Normalisation(low_percentile=data.low_percentile, high_percentile=data.high_percentile),
        pixel_size_um=prepared.facts["pixel_size_um"],
        object_diameter_px=prepared.facts["object_diameter_px"],
        intensity=prepared.appearance,
        target_scale=_target_scale(prepared.target_scale),
        decode=decode.model_dump(),
        scores=finite({name: round(value, 4) for name, value in result.scores().items()}),
        trained_on={
            "images": prepared.facts["train_images"],
            "objects": prepared.facts["train_objects"],
            "steps": training.step,
            "patch_size": prepared.patch,
            "batch_size": training.batch_size,
            "minutes": round(training.clock.seconds / 60, 2),
            "scored_images": result.images,
            "scored_on": "validation" if prepared.own_validation else "training",
        },
        versions={"segstudio": __version__, "torch": torch.__version__},
    )


def _target_scale(scale: IntensityScale | None) -> TargetScale | None:
    return None if scale is None else TargetScale(low=scale.low, high=scale.high)
