"""Prediction jobs: images in, label images out, message by message; and decoding kept maps again."""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from segstudio.config.prediction import PredictionConfig
from segstudio.core.errors import BadInput, BadModel, JobFailed
from segstudio.engine.data.appearance import look_of, unlikeness
from segstudio.engine.data.normalise import IntensityScale
from segstudio.engine.devices import choose_device, device_name
from segstudio.engine.formulations.base import DecodeSettings
from segstudio.engine.model_card import Model, ModelCard, build_formulation, load_learned, read_card
from segstudio.engine.prediction.block_decoding import Found, decode_steps, is_whole
from segstudio.engine.prediction.finite_maps import FiniteMaps
from segstudio.engine.prediction.job_settings import decode_settings, prediction_settings
from segstudio.engine.prediction.map_store import MapStore, MemoryStore, new_store
from segstudio.engine.prediction.result_files import keep_maps, open_maps, write_image, write_result
from segstudio.engine.prediction.room import check_room
from segstudio.engine.prediction.seen_image import Readable, SeenImage
from segstudio.engine.prediction.stitch_maps import is_blended, map_steps
from segstudio.io.atomic import make_folders, remove_folders
from segstudio.io.disk import make_one_folder
from segstudio.jobs.failures import is_out_of_memory
from segstudio.jobs.messages import Artifact, Finished, Message, Progress, Warned
from segstudio.jobs.spec import DecodeJob, PredictImage, PredictJob

#: Smallest tile that is tried when the memory does not suffice, pixels.
_SMALLEST_TILE = 64
#: How often smaller ones are tried.
_SMALLER_TILES = 3
#: Parts of an image's progress: what the network takes, and all.
_NETWORK_PARTS, _PARTS = 90, 100
_BLENDED = "blended-tiles"


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
    model = load_learned(job.model)
    setting = _Setting(
        job,
        model,
        prediction_settings(job.settings),
        decode_settings(model.card, model.formulation, job),
        choose_device(job.device),
    )
    model.network.to(setting.device).to(memory_format=torch.channels_last)
    with ExitStack() as stack:
        # All at first, later none but the last of each path: the drive of a project may go while images are predicted.
        for place in {path.parent for image in job.images for path in (image.output, image.maps or image.output)}:
            stack.callback(remove_folders, make_folders(place))  # those that stay empty
        yield from _all_images(setting)


def _all_images(setting: _Setting) -> Iterator[Message]:
    job, began = setting.job, time.monotonic()
    objects, left_out = 0, 0
    said_blended = False
    for index, image in enumerate(job.images):
        try:
            for message in _image_steps(setting, image, index, began):
                if isinstance(message, Artifact) and message.role == "labels":
                    objects += int(message.details["objects"])
                if isinstance(message, Warned) and message.code == _BLENDED:
                    if said_blended:
                        continue  # once for all images
                    said_blended = True
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
    if formulation.makes_images:
        raise no_objects(card, job.model)
    settings = decode_settings(card, formulation, job)
    with ExitStack() as stack:
        maps = stack.enter_context(closing(open_maps(job.maps, formulation.out_channels)))
        labels = stack.enter_context(closing(_label_store(maps, job.output)))
        steps = decode_steps(formulation, maps, settings, labels)
        try:
            while True:
                done, total = next(steps)
                if total > 1:
                    yield Progress(job_id=job.job_id, stage="Finding objects", done=done, total=total)
        except StopIteration as end:
            found: Found = end.value
        write_result(job.output, found)
    yield _labels_artifact(job.job_id, job.image_id, job.output, found)
    yield Finished(job_id=job.job_id, outcome="done", summary={"objects": len(found.classes)})


def _image_steps(setting: _Setting, image: PredictImage, index: int, began: float) -> Iterator[Message]:
    job = setting.job
    name = image.image.name
    if setting.model.formulation.makes_images:
        image = image.model_copy(update={"maps": None})  # there is nothing to decode again

    def progress(part: float) -> Progress:
        done, total = _PARTS * index + int(part), _PARTS * len(job.images)
        spent = time.monotonic() - began
        left = spent * (total - done) / done if done else None
        return Progress(job_id=job.job_id, stage=f"Predicting {name}", done=done, total=total, remaining_s=left)

    yield progress(0)
    with ExitStack() as stack:
        seen = stack.enter_context(SeenImage(setting.model.card, image.image, image.plane, image.axes))
        yield from _told(setting, seen)
        maps = _map_store(setting, seen, image, stack)
        for step in _steps_in_memory(setting, seen, maps, name):
            yield step if isinstance(step, Warned) else progress(_NETWORK_PARTS * step)
        if image.maps is not None:
            keep_maps(image.maps, maps)
            yield Artifact(job_id=job.job_id, role="maps", path=str(image.maps), image_id=image.image_id)
        if setting.model.formulation.makes_images:
            yield _made(job, setting.model, image, maps)
            yield progress(_PARTS)
            return
        labels = stack.enter_context(closing(_label_store(maps, image.output)))
        steps = decode_steps(setting.model.formulation, maps, setting.decode, labels)
        try:
            while True:
                done, total = next(steps)
                yield progress(_NETWORK_PARTS + (_PARTS - 1 - _NETWORK_PARTS) * done / total)
        except StopIteration as end:
            found: Found = end.value
        write_result(image.output, found)
    yield _labels_artifact(job.job_id, image.image_id, image.output, found)
    yield progress(_PARTS)


def _told(setting: _Setting, seen: SeenImage) -> Iterator[Warned]:
    """Say what the user should know of an image before it is predicted."""
    card, job_id = setting.model.card, setting.job.job_id
    for warning in seen.warnings:
        yield Warned(job_id=job_id, message=warning, code="image")
    yield from _look(card, seen, job_id)
    if is_blended(setting.model.network, seen.shape[1:], setting.settings.tile_size):
        yield Warned(
            job_id=job_id,
            message=f"The network of {card.name} sees the whole image at every pixel, and {seen.path.name} is too "
            "large for that: it is predicted in tiles that overlap and fade into each other.",
            hint="The result depends a little on the tile size. A U-Net gives the same with and without tiles.",
            code=_BLENDED,
        )


def _look(card: ModelCard, seen: SeenImage, job_id: str) -> Iterator[Warned]:
    """Say when an image looks unlike those that the model learned from; cards of earlier versions do not know them."""
    if card.intensity is None:
        return
    reason = unlikeness(look_of(seen.read, (seen.shape[1], seen.shape[2])), card.intensity)[1]
    if reason:
        yield Warned(
            job_id=job_id,
            message=f"{seen.path.name} looks unlike the images that {card.name} was trained on: {reason}",
            hint="Look closely at what was found there. Label one or two such images and train again.",
            code="unlike-training",
        )


def _made(job: PredictJob, model: Model, image: PredictImage, maps: MapStore) -> Artifact:
    """Write the image that the network made, and return its message."""
    scale = model.card.target_scale
    if scale is None or len(scale.low) != model.formulation.out_channels:
        raise BadModel(
            f"The card of the model {model.card.name} does not say in which intensities its images are.",
            hint="Train it again.",
            code="model-target-scale",
            path=job.model,
        )
    write_image(image.output, maps, IntensityScale(scale.low, scale.high), image.image_id)
    return Artifact(job_id=job.job_id, role="image", path=str(image.output), image_id=image.image_id)


def no_objects(card: ModelCard, path: Path) -> BadModel:
    """Return what to tell who wants objects of a model that makes images."""
    return BadModel(
        f"The model {card.name} makes images; it finds no objects.",
        hint="Choose a model that was trained on labels.",
        code="model-makes-images",
        path=path,
    )


def _map_store(setting: _Setting, seen: SeenImage, image: PredictImage, stack: ExitStack) -> MapStore:
    """Return where the maps go; large ones into a file beside the result. The room for all is looked for first."""
    shape = (setting.model.formulation.out_channels, *seen.shape[1:])
    # 16-bit numbers when maps are kept: the same as a DecodeJob will have, so that a slider moved back gives the same.
    dtype = np.dtype(np.float32 if image.maps is None else np.float16)
    target = image.output if image.maps is None else image.maps
    check_room(setting.model, setting.settings, setting.device, seen, target.parent, dtype.itemsize)
    return stack.enter_context(closing(new_store(target.parent, shape, dtype, lasting=image.maps is not None)))


def _label_store(maps: MapStore, output: Path) -> MapStore:
    shape = (maps.shape[1], maps.shape[2])
    if is_whole(shape):
        return MemoryStore(np.empty((1, 0, 0), np.int32))
    make_one_folder(output.parent)
    return new_store(output.parent, (1, *shape), np.int32)


def _steps_in_memory(
    setting: _Setting, image: Readable, maps: MapStore, name: str
) -> Generator[float | Warned, None, None]:
    """Run the network, with smaller and smaller tiles while memory does not suffice; yields the share done."""
    settings = setting.settings
    model = setting.model
    maps = FiniteMaps(maps, model.card.name, name, settings.precision)
    tries = 0
    while True:
        try:
            for done, total in map_steps(model.network, model.formulation, image, settings, setting.device, maps):
                yield done / total
        except (RuntimeError, MemoryError) as error:
            smaller = _smaller(settings)
            if not is_out_of_memory(error):
                raise
            if smaller is None or tries == _SMALLER_TILES:
                raise JobFailed(
                    f"{name} does not fit into the memory of {device_name(setting.device)}, not even in tiles of "
                    f"{settings.tile_size} pixels.",
                    hint="Set smaller tiles, close other programs, or choose the processor (CPU) as device.",
                    code="out-of-memory",
                ) from error
            settings = smaller
            tries += 1
        else:
            return
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


def _labels_artifact(job_id: str, image_id: str, path: Path, found: Found) -> Artifact:
    details: dict[str, float | int | str] = {"objects": len(found.classes)}
    return Artifact(job_id=job_id, role="labels", path=str(path), image_id=image_id, details=details)
