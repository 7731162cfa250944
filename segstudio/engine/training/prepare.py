"""Everything that stands before the first step: images, targets, network, patches."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segstudio.config.run import RunConfig
from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.engine.architectures import architectures
from segstudio.engine.control import Control
from segstudio.engine.data.appearance import Appearance, appearance, looks_of
from segstudio.engine.data.channels import ChannelPlan, plan_channels
from segstudio.engine.data.crops import Batch, CropSampler, CropSettings
from segstudio.engine.data.dataset import (
    LabelledPart,
    Reading,
    TargetStore,
    check_trainable,
    margin_px,
    read_sample,
    training_image,
)
from segstudio.engine.data.file_notes import FileNotes
from segstudio.engine.data.training_image import TrainingImage
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.model_card import load_model
from segstudio.engine.network import Network
from segstudio.engine.training.crew import ALONE, Crew
from segstudio.engine.training.facts import class_pixels, data_facts, unlike_facts
from segstudio.engine.training.start_from import started_from
from segstudio.engine.training.validate import Validator
from segstudio.io.sources import open_image
from segstudio.jobs.messages import Message, Progress, Warned
from segstudio.jobs.spec import Choice, SampleRecord, TrainJob

#: Validation images are cut into parts of at most this side, pixels; and all together hold at most so many pixels.
_VALIDATION_PX = 1024
_VALIDATION_TOTAL_PX = 64_000_000
_VALIDATION_BATCHES = 2
_OBJECTS_IN_PATCH = 3
#: Smallest and largest automatic patch on a processor and on a graphics card, pixels.
_PATCH_CPU, _PATCH_GPU = (128, 256), (256, 512)
#: What a model card says for the architecture when the formulation builds its network itself.
OWN_NETWORK = "own"


@dataclass(frozen=True)
class Prepared:
    """What a training works with."""

    config: RunConfig
    formulation: Formulation
    network: Network
    plan: ChannelPlan
    sampler: CropSampler
    validator: Validator
    own_validation: bool
    """Whether there are validation images; otherwise the validator holds some training images."""
    validation_batches: tuple[Batch, ...]
    patch: int
    """Side of the patches, pixels."""
    store: TargetStore
    facts: Mapping[str, Any]
    """What is known of the data, as `segstudio.jobs.messages.Facts` names it."""
    appearance: Appearance | None = None
    """What the training images look like."""


@dataclass(frozen=True)
class _Parts:
    training: list[LabelledPart]
    validation: list[LabelledPart]


def prepare(
    job: TrainJob, control: Control, device: torch.device, crew: Crew = ALONE
) -> Generator[Message, None, Prepared | None]:
    """Read the data and build the network, yielding progress; return a `Prepared`, or ``None`` when stopped.

    Raises
    ------
    BadInput
        There is nothing to learn from, or a file cannot be used.
    BadModel
        The model to start from does not fit.
    """
    config = RunConfig.model_validate(job.config)
    torch.manual_seed(config.training.seed)
    training, validation = chosen_samples(job.samples, config.data.limit)
    check_trainable(training)
    plan = plan_channels([_info(sample) for sample in (*training, *validation)], config.data.channels)
    if plan.converted:
        yield Warned(
            code="channels-converted",
            message=f"{plan.converted} images are converted to {'colour' if plan.kind == 'rgb' else 'gray'}.",
            hint="Set the channels, or train with images of one kind, if this is not wanted.",
        )
    read = yield from _read(training, validation, _reading(config, plan), control)
    if read is None:
        return None
    yield from _warnings(job, read)
    formulation, network = _build(job, plan)
    found: dict[str, Any] = data_facts(job.classes, read.training, read.validation)
    look = appearance(list(looks_of(read.training).values()))
    found |= unlike_facts(look, read.validation)
    formulation.use_class_pixels(class_pixels(job.classes, read.training))
    diameter = found["object_diameter_px"]
    patch = patch_size(config.data.patch_size, diameter, network.stride, device)
    store = TargetStore(job.run_folder / crew.own("cache"), config.data.cache_mb * 2**20)
    settings = _crop_settings(config, formulation, patch, diameter)
    images = yield from _targets(read.training, config, formulation, patch, store)
    judged = read.validation or _some(read.training)
    return Prepared(
        config=config,
        formulation=formulation,
        network=network,
        plan=plan,
        sampler=CropSampler(images, settings),
        validator=Validator(judged, network, formulation, device),
        own_validation=bool(read.validation),
        validation_batches=_fixed_batches(read.validation, formulation, settings, config.training.batch_size),
        patch=patch,
        store=store,
        facts={**found, "pixel_size_um": _common([part.sample.pixel_size_um for part in read.training])},
        appearance=look,
    )


def chosen_samples(samples: Sequence[SampleRecord], limit: int) -> tuple[list[SampleRecord], list[SampleRecord]]:
    """Return training and validation samples; of the former at most the first `limit` by name, 0 being all."""
    training = sorted((s for s in samples if s.split == "train"), key=lambda s: s.image.name)
    return training[: limit or None], [s for s in samples if s.split == "val"]


def patch_size(wanted: int, diameter: float | None, stride: int, device: torch.device) -> int:
    """Return the side of the patches, a multiple of `stride`; automatic (0) is three object diameters within limits."""
    side = wanted
    if wanted == 0:
        side = int(np.clip(_OBJECTS_IN_PATCH * (diameter or 0), *(_PATCH_CPU if device.type == "cpu" else _PATCH_GPU)))
    return max(stride, -(-side // stride) * stride)


def _crop_settings(config: RunConfig, formulation: Formulation, patch: int, diameter: float | None) -> CropSettings:
    return CropSettings(
        patch,
        config.data.foreground_fraction,
        config.training.seed,
        config.augmentation,
        formulation.turn_targets,
        formulation.encode,
        margin_px(diameter),
        config.data.balance_classes,
    )


def _reading(config: RunConfig, plan: ChannelPlan) -> Reading:
    return Reading(plan, config.data.low_percentile, config.data.high_percentile)


def _read(
    training: Sequence[SampleRecord], validation: Sequence[SampleRecord], reading: Reading, control: Control
) -> Generator[Message, None, _Parts | None]:
    found = _Parts([], [])
    notes = FileNotes()
    total = len(training) + len(validation)
    small = Reading(reading.channels, reading.low_percentile, reading.high_percentile, _VALIDATION_PX)
    for done, sample in enumerate((*training, *validation)):
        yield Progress(stage="Reading images", done=done, total=total)
        if control.ending:
            return None
        if done < len(training):
            found.training.extend(read_sample(sample, reading, notes.add))
        elif sum(part.known.size for part in found.validation) < _VALIDATION_TOTAL_PX:
            found.validation.extend(read_sample(sample, small, notes.add))
    yield from notes.messages()
    if not any((part.known > 0).any() for part in found.training):
        first = training[0].labels or training[0].image
        raise BadInput(
            f"None of the {len(training)} training images has a labelled object (the first is {first.name}).",
            hint="Outline some objects first, or mark the labelled images for training.",
            code="no-labels",
            path=first,
        )
    return found


def _warnings(job: TrainJob, read: _Parts) -> Iterator[Message]:
    if not read.validation:
        yield Warned(
            code="no-validation",
            message="No image is kept for validation: the scores come from images that the network has learned.",
            hint="Label at least one more image and mark it for validation.",
        )
    seen = {
        part.sample.object_classes.get(int(number), job.classes[0].id)
        for part in read.training
        for number in np.unique(part.known[part.known > 0])
    }
    if missing := [item.name for item in job.classes if item.id not in seen]:
        yield Warned(
            code="class-missing",
            message=f"No training object has the class {', '.join(missing)}.",
            hint="Label some, or take the class out of the project; the network cannot learn it so.",
        )


def _build(job: TrainJob, plan: ChannelPlan) -> tuple[Formulation, Network]:
    kind = formulations.get(job.formulation.name)
    formulation = kind(kind.Config.model_validate(job.formulation.settings), [item.id for item in job.classes])
    if job.start_from is not None:
        return formulation, started_from(job, job.start_from, formulation, plan)
    if formulation.own_network:
        network = formulation.build_network(plan.count)
        formulation.pretrain(network)
        return formulation, network
    family = architectures.get(job.architecture.name)
    config = family.Config.model_validate(job.architecture.settings)
    architecture = family(config)
    network = architecture.build(plan.count, formulation.out_channels)
    architecture.pretrain(network)
    return formulation, network


def resolved_architecture(job: TrainJob) -> Choice:
    """Return the architecture with all settings: of the model that the training starts from, else of the job."""
    if job.start_from is not None:
        return load_model(job.start_from).card.architecture
    if formulations.get(job.formulation.name).own_network:
        return Choice(name=OWN_NETWORK)
    config = architectures.get(job.architecture.name).Config.model_validate(job.architecture.settings)
    return Choice(name=job.architecture.name, settings=config.model_dump())


def _targets(
    parts: Sequence[LabelledPart], config: RunConfig, formulation: Formulation, patch: int, store: TargetStore
) -> Generator[Message, None, list[TrainingImage]]:
    images: list[TrainingImage] = []
    last = 0.0
    for number, part in enumerate(parts):
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            yield Progress(stage="Preparing labels", done=number, total=len(parts))
        images.append(training_image(part, formulation, patch, store, config))
    return images


def _fixed_batches(
    parts: Sequence[LabelledPart], formulation: Formulation, settings: CropSettings, size: int
) -> tuple[Batch, ...]:
    """Return the same unchanged patches of the validation images for each validation loss."""
    if not parts:
        return ()
    store = TargetStore(Path(), 2**40)
    images = [training_image(part, formulation, settings.patch, store) for part in _some(parts)]
    sampler = CropSampler(images, settings.still())
    return tuple(sampler.batch(number, size) for number in range(_VALIDATION_BATCHES))


def _some(parts: Sequence[LabelledPart], count: int = 8) -> list[LabelledPart]:
    chosen = np.unique(np.linspace(0, len(parts) - 1, min(count, len(parts))).round().astype(int))
    return [parts[index] for index in chosen]


def _info(sample: SampleRecord) -> ImageInfo:
    with open_image(sample.image) as source:
        return source.info


def _common(values: Sequence[float | None]) -> float | None:
    known = {float(f"{value:.9g}") for value in values if value}
    return known.pop() if len(known) == 1 else None
