"""Everything that stands before the first step: images, targets, network, patches."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segstudio.config.data import DataConfig
from segstudio.config.run import RunConfig
from segstudio.core.axes import ImageInfo
from segstudio.engine.architectures import architectures
from segstudio.engine.control import Control
from segstudio.engine.data.appearance import Appearance, appearance, looks_of
from segstudio.engine.data.channels import ChannelPlan, channel_warnings, plan_channels
from segstudio.engine.data.crops import Batch, CropSampler, CropSettings
from segstudio.engine.data.dataset import (
    LabelledPart,
    Reading,
    TargetStore,
    check_trainable,
    margin_px,
    training_image,
)
from segstudio.engine.data.normalise import IntensityScale
from segstudio.engine.data.target_images import common_scale, scaled
from segstudio.engine.data.training_image import TrainingImage
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.formulations.base import OWN_NETWORK
from segstudio.engine.formulations.learned_maps import unlearned_notes
from segstudio.engine.model_card import load_model
from segstudio.engine.network import Network
from segstudio.engine.training.choices import check_choices, fetches_weights, frozen_notes
from segstudio.engine.training.crew import ALONE, Crew
from segstudio.engine.training.facts import class_pixels, data_facts, unlike_facts
from segstudio.engine.training.patches import levels_setting, patch_size
from segstudio.engine.training.reading import Parts, chosen_samples, data_warnings, read_parts
from segstudio.engine.training.start_from import started_from
from segstudio.engine.training.start_rules import start_notes
from segstudio.engine.training.validate import Validator
from segstudio.engine.training.validate_images import ImageValidator
from segstudio.io.read_as import open_as
from segstudio.jobs.messages import Message, Progress
from segstudio.jobs.spec import Choice, SampleRecord, TrainJob

_VALIDATION_BATCHES = 2


@dataclass(frozen=True)
class Prepared:
    """What a training works with."""

    config: RunConfig
    formulation: Formulation
    network: Network
    plan: ChannelPlan
    sampler: CropSampler
    validator: Validator | ImageValidator
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
    target_scale: IntensityScale | None = None
    """The intensities of target images that become 0 and 1; ``None`` where labels are learned."""


@dataclass(frozen=True)
class Survey:
    """What is known of a training before anything is written."""

    config: RunConfig
    formulation: Formulation
    network: Network
    plan: ChannelPlan
    parts: Parts
    patch: int
    facts: dict[str, Any]
    appearance: Appearance | None
    target_scale: IntensityScale | None


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
    megabytes = RunConfig.model_validate(job.config).data.cache_mb
    store = TargetStore(job.run_folder / crew.own("cache"), megabytes * 2**20)
    with ExitStack() as undone:
        undone.callback(store.close)
        seen = yield from survey(job, control, device, store=store)
        if seen is None:
            return None
        images = yield from _targets(seen, control, store)
        if images is None:
            return None
        prepared = _prepared(seen, images, store, device)
        undone.pop_all()
    return prepared


def _prepared(seen: Survey, images: Sequence[TrainingImage], store: TargetStore, device: torch.device) -> Prepared:
    config, formulation, parts = seen.config, seen.formulation, seen.parts
    settings = _crop_settings(config, formulation, seen.patch, seen.facts["object_diameter_px"])
    judged = parts.validation or _some(parts.training)
    validator = Validator if seen.target_scale is None else ImageValidator
    return Prepared(
        config=config,
        formulation=formulation,
        network=seen.network,
        plan=seen.plan,
        sampler=CropSampler(images, settings),
        validator=validator(judged, seen.network, formulation, device, seen.facts["small_object_px"]),
        own_validation=bool(parts.validation),
        validation_batches=_fixed_batches(parts.validation, formulation, settings, config.training.batch_size),
        patch=seen.patch,
        store=store,
        facts=seen.facts,
        appearance=seen.appearance,
        target_scale=seen.target_scale,
    )


def survey(
    job: TrainJob,
    control: Control,
    device: torch.device,
    *,
    pretrain: bool = True,
    store: TargetStore | None = None,
) -> Generator[Message, None, Survey | None]:
    """Read the data and build the network, but make no targets: all that is known before anything is written.

    Parameters
    ----------
    pretrain
        Whether weights are fetched that the network is to start from.
    store
        Where training images wait; ``None`` keeps them in memory and writes nothing.

    Raises
    ------
    UserError
        As for `prepare`.
    """
    check_choices(job)
    config = RunConfig.model_validate(job.config)
    torch.manual_seed(config.training.seed)
    known = yield from _read(job, config.data, control, store)
    if known is None:
        return None
    plan, read, scale = known
    if pretrain and fetches_weights(job):
        yield Progress(stage="Fetching the weights to begin with", done=0, total=1)
    formulation, network = _build(job, plan, 0 if scale is None else len(scale.low), pretrain=pretrain)
    yield from start_notes(job, formulation, plan)
    yield from unlearned_notes(formulation.learned_maps, formulation.config)
    yield from frozen_notes(job, config.training, network)
    found: dict[str, Any] = data_facts(job.classes, read.training, read.validation)
    look = appearance(list(looks_of(read.training).values()))
    found |= unlike_facts(look, read.validation)
    formulation.use_class_pixels(class_pixels(job.classes, read.training))
    found["pixel_size_um"] = _common([part.sample.pixel_size_um for part in read.training])
    patch = patch_size(config.data.patch_size, found["object_diameter_px"], network.stride, device, levels_setting(job))
    return Survey(config, formulation, network, plan, read, patch, found, look, scale)


def _read(
    job: TrainJob, data: DataConfig, control: Control, store: TargetStore | None
) -> Generator[Message, None, tuple[ChannelPlan, Parts, IntensityScale | None] | None]:
    """Read the images as one kind of channels, target images on one scale; return ``None`` when stopped."""
    training, validation = chosen_samples(job.samples, data.limit)
    check_trainable(training)
    plan = plan_channels([_info(sample) for sample in (*training, *validation)], data.channels)
    yield from channel_warnings(plan, data.channels)
    learns_images = _learns_images(job, training)
    reading = Reading(plan, data.low_percentile, data.high_percentile, targets=learns_images, store=store)
    read = yield from read_parts(training, validation, reading, control)
    if read is None:
        return None
    yield from data_warnings(job, read)
    if not learns_images:
        return plan, read, None
    scale = common_scale(read.training, data.low_percentile, data.high_percentile)
    return plan, Parts(scaled(read.training, scale), scaled(read.validation, scale)), scale


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
        formulation.encode_image if formulation.makes_images else None,
        formulation.out_channels if formulation.makes_images else 0,
    )


def _learns_images(job: TrainJob, training: Sequence[SampleRecord]) -> bool:
    return formulations.get(job.formulation.name).learns_images and any(sample.target for sample in training)


def _build(job: TrainJob, plan: ChannelPlan, target_channels: int, *, pretrain: bool) -> tuple[Formulation, Network]:
    kind = formulations.get(job.formulation.name)
    formulation = kind(kind.Config.model_validate(job.formulation.settings), [item.id for item in job.classes])
    if kind.learns_images:
        formulation = formulation.for_images(target_channels)
    if job.start_from is not None:
        return formulation, started_from(job, job.start_from, formulation, plan)
    if formulation.own_network:
        network = formulation.build_network(plan.count)
        if pretrain:
            formulation.pretrain(network)
        return formulation, network
    family = architectures.get(job.architecture.name)
    config = family.Config.model_validate(job.architecture.settings)
    architecture = family(config)
    network = architecture.build(plan.count, formulation.out_channels)
    if pretrain:
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
    seen: Survey, control: Control, store: TargetStore
) -> Generator[Message, None, list[TrainingImage] | None]:
    """Make the targets of all training images, yielding progress; return ``None`` when stopped."""
    images: list[TrainingImage] = []
    last = 0.0
    for number, part in enumerate(seen.parts.training):
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            yield Progress(stage="Preparing labels", done=number, total=len(seen.parts.training))
        if control.ending:
            return None
        images.append(training_image(part, seen.formulation, seen.patch, store, seen.config))
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
    with open_as(sample.image, sample.axes) as source:
        return source.info


def _common(values: Sequence[float | None]) -> float | None:
    known = {float(f"{value:.9g}") for value in values if value}
    return known.pop() if len(known) == 1 else None
