"""Prediction jobs: images in, label images out, message by message; and decoding kept maps again."""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from segstudio.config.prediction import PredictionConfig
from segstudio.core.errors import BadInput, BadModel, JobFailed, UserError, WrongUsage
from segstudio.engine.data.channels import as_channels
from segstudio.engine.data.normalise import normalise
from segstudio.engine.devices import choose_device, device_name
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation
from segstudio.engine.model_card import Model, ModelCard, build_formulation, load_model, read_card
from segstudio.engine.prediction.result_files import read_maps, write_maps, write_result
from segstudio.engine.prediction.stitch_maps import map_steps
from segstudio.io.sources import open_image
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Artifact, Finished, Message, Progress, Warned
from segstudio.jobs.spec import DecodeJob, PredictImage, PredictJob

#: Smallest tile that is tried when the memory does not suffice, pixels.
_SMALLEST_TILE = 64
#: Parts of an image's progress: what the network takes, and all.
_NETWORK_PARTS, _PARTS = 90, 100


@dataclass(frozen=True)
class _Setting:
    """What is the same for all images of a job."""

    job: PredictJob
    model: Model
    settings: PredictionConfig
    decode: DecodeSettings
    device: torch.device


def predict(job: PredictJob) -> Iterator[Message]:
    """Predict the images of a job, one after the other.

    Closing the generator between two messages stops the job; an image is written whole or not at all. An image that
    cannot be read or does not fit the model is left out with a warning, unless it is the only one.

    Yields
    ------
    Message
        Progress, Warned, an Artifact for each file, Finished.

    Raises
    ------
    UserError
        The model cannot be used, no image could be predicted, or the disk refused.
    """
    model = load_model(job.model)
    setting = _Setting(
        job,
        model,
        _prediction_settings(job.settings),
        decode_settings(model.card, model.formulation, job),
        choose_device(job.device),
    )
    model.network.to(setting.device).to(memory_format=torch.channels_last)
    began = time.monotonic()
    objects, left_out = 0, 0
    for index, image in enumerate(job.images):
        try:
            for message in _image_steps(setting, image, index, began):
                if isinstance(message, Artifact) and message.role == "labels":
                    objects += int(message.details["objects"])
                yield message
        except (BadInput, BadModel) as error:
            left_out += 1
            if left_out == len(job.images):
                raise
            yield Warned(job_id=job.job_id, message=error.message, hint=error.hint, code=error.code)
    summary = {"images": len(job.images) - left_out, "left_out": left_out, "objects": objects}
    summary["seconds"] = round(time.monotonic() - began)
    yield Finished(job_id=job.job_id, outcome="done", summary={**summary})


def decode(job: DecodeJob) -> Iterator[Message]:
    """Decode kept maps with other settings, without the network: one Artifact, then Finished.

    Raises
    ------
    UserError
        The maps are missing or damaged, or the settings are not the formulation's.
    """
    card = read_card(job.model)
    formulation = build_formulation(card)
    settings = decode_settings(card, formulation, job)
    decoded = formulation.decode(read_maps(job.maps, formulation.out_channels), settings)
    write_result(job.output, decoded)
    yield _labels_artifact(job.job_id, job.image_id, job.output, decoded)
    yield Finished(job_id=job.job_id, outcome="done", summary={"objects": len(decoded.classes)})


def decode_settings(card: ModelCard, formulation: Formulation, job: PredictJob | DecodeJob) -> DecodeSettings:
    """Return the model's decoder settings with the changes that a job asks for; raise `WrongUsage` for wrong ones."""
    values = {**card.decode, **job.decode}
    if isinstance(job, PredictJob) and "min_size" not in job.decode:
        smallest = _prediction_settings(job.settings).min_size
        values |= {"min_size": smallest} if smallest else {}
    try:
        return formulation.DecodeConfig.model_validate(values)
    except ValidationError as error:
        raise _wrong_setting("decode", error) from error


def _image_steps(setting: _Setting, image: PredictImage, index: int, began: float) -> Iterator[Message]:
    job = setting.job
    name = image.image.name
    seen, warnings = read_for_model(setting.model.card, image.image)
    for warning in warnings:
        yield Warned(job_id=job.job_id, message=warning, code="image")

    def progress(part: int) -> Progress:
        done, total = _PARTS * index + part, _PARTS * len(job.images)
        spent = time.monotonic() - began
        left = spent * (total - done) / done if done else None
        return Progress(job_id=job.job_id, stage=f"Predicting {name}", done=done, total=total, remaining_s=left)

    yield progress(0)
    steps = _steps_in_memory(setting, seen, name)
    try:
        while True:
            step = next(steps)
            yield step if isinstance(step, Warned) else progress(int(_NETWORK_PARTS * step))
    except StopIteration as end:
        maps: NDArray[np.float32] = end.value
    finally:
        steps.close()
    if image.maps is not None:
        kept = maps.astype(np.float16)
        write_maps(image.maps, kept)
        # The same numbers as a DecodeJob will have, so that a slider moved back gives the same objects.
        maps = kept.astype(np.float32)
        yield Artifact(job_id=job.job_id, role="maps", path=str(image.maps), image_id=image.image_id)
    decoded = setting.model.formulation.decode(maps, setting.decode)
    write_result(image.output, decoded)
    yield _labels_artifact(job.job_id, image.image_id, image.output, decoded)
    yield progress(_PARTS)


def _steps_in_memory(
    setting: _Setting, image: NDArray[np.float32], name: str
) -> Generator[float | Warned, None, NDArray[np.float32]]:
    """Run the network, with smaller and smaller tiles while memory does not suffice; yields the share done."""
    settings = setting.settings
    while True:
        try:
            steps = map_steps(setting.model.network, setting.model.formulation, image, settings, setting.device)
            while True:
                done, total = next(steps)
                yield done / total
        except StopIteration as end:
            maps: NDArray[np.float32] = end.value
            return maps
        except (RuntimeError, MemoryError) as error:
            smaller = _smaller(settings)
            if not is_out_of_memory(error):
                raise
            if smaller is None:
                raise JobFailed(
                    f"{name} does not fit into the memory of {device_name(setting.device)}, even in small tiles.",
                    hint="Close other programs, or choose the processor (CPU) as device.",
                    code="out-of-memory",
                ) from error
            settings = smaller
        if setting.device.type == "cuda":
            torch.cuda.empty_cache()
        yield Warned(
            job_id=setting.job.job_id,
            message=f"The memory does not suffice; {name} is predicted in tiles of {settings.tile_size} pixels.",
            hint="The result is the same. Set this tile size to save the time of trying.",
            code="smaller-tiles",
        )


def _smaller(settings: PredictionConfig) -> PredictionConfig | None:
    if settings.batch_size > 1:
        return settings.model_copy(update={"batch_size": 1})
    if settings.tile_size // 2 < _SMALLEST_TILE:
        return None
    return settings.model_copy(update={"tile_size": settings.tile_size // 2})


def read_for_model(card: ModelCard, path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Read an image as a model's network sees it: ``(C, H, W)`` float32, normalised; and sentences to tell the user.

    A gray model takes the brightness of colour images; all other differences of channels are refused.

    Raises
    ------
    BadInput
        The file cannot be read.
    BadModel
        The image's channels are not the model's.
    """
    with open_image(path) as source:
        info = source.info
        brightness = card.channels == "gray" and info.kind == "rgb"
        if info.channels != card.in_channels and not brightness:
            expected = f"{card.in_channels} channel{'s' if card.in_channels > 1 else ''}"
            raise BadModel(
                f"The model expects {expected}; {path.name} has {info.channels}.",
                hint="Choose a model that was trained on images like this one, or train a new one.",
                code="channels",
                path=path,
            )
        raw: NDArray[Any] = source.read()
    seen = as_channels(raw, card.channels, card.in_channels, path)
    scale = card.normalisation
    joint = card.channels == "rgb"
    image = normalise(seen, joint=joint, low=scale.low_percentile, high=scale.high_percentile)
    told = (f"{path.name} is in colour; the model sees its brightness.",) if brightness else ()
    return image, (*info.warnings, *told)


def _labels_artifact(job_id: str, image_id: str, path: Path, decoded: Decoded) -> Artifact:
    details: dict[str, float | int | str] = {"objects": len(decoded.classes)}
    return Artifact(job_id=job_id, role="labels", path=str(path), image_id=image_id, details=details)


def _prediction_settings(values: dict[str, Any]) -> PredictionConfig:
    try:
        return PredictionConfig.model_validate(values)
    except ValidationError as error:
        raise _wrong_setting("prediction", error) from error


def _wrong_setting(section: str, error: ValidationError) -> UserError:
    first = error.errors()[0]
    field = ".".join([section, *map(str, first["loc"])])
    return WrongUsage(f"The setting {field} is wrong: {first['msg']}.", code="wrong-setting")
