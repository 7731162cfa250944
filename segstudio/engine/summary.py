"""What a network is before it is trained: its layers, its work, the memory it takes, how far it sees."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from pydantic import ValidationError

from segstudio.config.problems import sentence
from segstudio.config.run import RunConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.devices import choose_device
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.formulations.base import OWN_NETWORK
from segstudio.engine.model_card import ModelCard, build_formulation, build_network, read_card
from segstudio.engine.network import Network
from segstudio.engine.network_trace import Seen, count_weights, follow, kept_for_backward, layers_of
from segstudio.engine.prediction.halo import halo_of, reach_of
from segstudio.engine.prediction.room import network_bytes
from segstudio.engine.training.automatic import resolved
from segstudio.engine.training.patches import patch_size
from segstudio.io.atomic import write_atomic
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.network_report import NetworkReport
from segstudio.jobs.spec import Choice, ClassSpec, SummaryJob, TrainJob

#: Side of the images on which networks run that cannot be followed without data, pixels; and how many of them.
_SMALL, _SMALL_BATCH = 128, 2
#: Weights, their gradients, the running average, and the best weights so far; and what each optimiser keeps beside.
_COPIES = 4
_MOMENTS = {"sgd": 1}
_MOMENTS_ELSE = 2
#: A layer's output and its gradient, and the gradient that it hands on, are in memory together.
_GRADIENTS_AT_ONCE = 2


@dataclass(frozen=True)
class _Subject:
    """What is described."""

    card: ModelCard
    formulation: Formulation
    blank: Network
    """Its network without numbers: torch's meta device."""
    patch: int
    batch: int


@dataclass(frozen=True)
class _Measured:
    """Work and memory of the network that was followed: the blank one, or a real one."""

    network: Network
    flops: dict[str, float]
    seen: Seen
    kept: float
    largest: float
    side: int
    """Of the image on which a real one was followed; 0 for the blank one."""


def summarise(job: SummaryJob) -> Iterator[Message]:
    """Describe the network of a job in the file `job.output`: an Artifact ``"report"``, then Finished.

    Raises
    ------
    UserError
        The network or formulation is not known, a setting is wrong, or the model cannot be read.
    """
    yield Progress(stage="Looking at the network", done=0, total=1)
    report = describe(job)
    write_atomic(job.output, report.model_dump_json().encode())
    yield Artifact(role="report", path=str(job.output))
    yield Finished(outcome="done", summary={"parameters": report.parameters})


def describe(job: SummaryJob) -> NetworkReport:
    """Return the description of the network of a job, whose `output` is not written.

    Raises
    ------
    UserError
        As for `summarise`.
    """
    try:
        config = RunConfig.model_validate(job.config)
        subject = _subject(job, config)
    except ValidationError as error:
        first = error.errors()[0]
        words = f"The setting {first['loc'][-1]} cannot be {first['input']!r}: {sentence(first)}."
        raise WrongUsage(words, hint="Change this setting.", code="wrong-setting") from error
    return _report(subject, job, config)


def _subject(job: SummaryJob, config: RunConfig) -> _Subject:
    device = choose_device(job.device)
    card = read_card(job.model) if job.model is not None else _wished_card(job, device)
    formulation = build_formulation(card)
    formulation.use_class_pixels([_SMALL**2] * (1 + len(card.classes)))
    with torch.device("meta"):
        blank = build_network(card, formulation)
    patch = patch_size(config.data.patch_size, job.object_diameter_px, blank.stride, device)
    batch = RunConfig.model_validate(resolved(_training(job), device).config).training.batch_size
    return _Subject(card, formulation, blank, patch, batch)


def _training(job: SummaryJob) -> TrainJob:
    """Return the training that the described network would have, for what is automatic in it."""
    return TrainJob(
        job_id=job.job_id,
        name="",
        run_folder=job.output.parent,
        samples=(),
        classes=(),
        formulation=job.formulation,
        architecture=job.architecture,
        config=job.config,
        start_from=job.model,
    )


def _wished_card(job: SummaryJob, device: torch.device) -> ModelCard:
    """Return the card of the model that a training with these choices would give."""
    kind = formulations.get(job.formulation.name)
    given = resolved(_training(job), device).architecture
    if kind.own_network:
        network = Choice(name=OWN_NETWORK)
    else:
        settings = architectures.get(given.name).Config.model_validate(given.settings).model_dump()
        network = Choice(name=given.name, settings=settings)
    return ModelCard(
        name="",
        created="",
        formulation=Choice(
            name=job.formulation.name, settings=kind.Config.model_validate(job.formulation.settings).model_dump()
        ),
        architecture=network,
        in_channels=job.channels,
        channels="channels",
        classes=tuple(ClassSpec(id=number, name=str(number)) for number in range(1, job.classes + 1)),
    )


def _report(subject: _Subject, job: SummaryJob, config: RunConfig) -> NetworkReport:
    blank, patch, batch = subject.blank, subject.patch, subject.batch
    measured = _measured(subject)
    reach = reach_of(blank) if blank.sees_whole or blank.reach is not None else _reach(_made_of(subject.card))
    weights = sum(weight.numel() * weight.element_size() for weight in blank.state_dict().values())
    copies = _COPIES + _MOMENTS.get(config.training.optimiser, _MOMENTS_ELSE)
    tile = config.prediction.tile_size
    window = tile if reach is None else tile + 2 * halo_of(reach, blank.stride)
    layers = layers_of(blank, measured.flops, measured.seen)
    return NetworkReport(
        formulation=subject.card.formulation.name,
        architecture=subject.card.architecture.name,
        in_channels=blank.in_channels,
        out_channels=blank.out_channels,
        stride=blank.stride,
        patch=patch,
        batch=batch,
        parameters=count_weights(blank),
        trainable=sum(weight.numel() for weight in blank.parameters() if weight.requires_grad),
        encoder_parameters=sum(weight.numel() for weight in blank.encoder_parameters()),
        flops_per_mpx=layers[0].flops_per_mpx,
        training_bytes=copies * weights + measured.kept + _GRADIENTS_AT_ONCE * measured.largest,
        kept_bytes=measured.kept,
        prediction_bytes=weights + config.prediction.batch_size * network_bytes(measured.network, window**2),
        tile=tile,
        window=window,
        reach=reach,
        object_diameter_px=job.object_diameter_px,
        measured_px=measured.side,
        layers=tuple(layers),
    )


def _measured(subject: _Subject) -> _Measured:
    """Return work and memory, without numbers where the network can be followed so."""
    blank, patch, batch = subject.blank, subject.patch, subject.batch
    try:
        flops, seen = follow(blank, patch)
        network_bytes(blank, 1)
    except RuntimeError:
        # It looks at values, as a detector does that sorts its boxes: only real numbers show what it does.
        real = _measured_with_numbers(_made_of(subject.card))
        times = batch * patch**2 / (_SMALL_BATCH * real.side**2)
        return replace(real, kept=times * real.kept, largest=times * real.largest)
    try:
        kept, largest = kept_for_backward(blank, subject.formulation, patch, batch)
    except RuntimeError:  # only the loss looks at values
        side = min(patch, _small_side(blank))
        real_network = build_network(subject.card, subject.formulation)
        few, most = kept_for_backward(real_network, subject.formulation, side, _SMALL_BATCH)
        times = batch * patch**2 / (_SMALL_BATCH * side**2)
        kept, largest = times * few, times * most
    return _Measured(blank, flops, seen, kept, largest, side=0)


@lru_cache(maxsize=2)
def _measured_with_numbers(made: str) -> _Measured:
    """Return work and memory of a network on small images: it takes a while, and does not depend on the patch."""
    card = _card(made)
    formulation = build_formulation(card)
    network = build_network(card, formulation)
    side = _small_side(network)
    flops, seen = follow(network, side)
    kept, largest = kept_for_backward(network, formulation, side, _SMALL_BATCH)
    return _Measured(network, flops, seen, kept, largest, side)


def _small_side(network: Network) -> int:
    return -(-_SMALL // network.stride) * network.stride


def _made_of(card: ModelCard) -> str:
    """Return what a network is made of, without what has nothing to do with it."""
    return card.model_dump_json(include={"formulation", "architecture", "in_channels", "classes"})


def _card(made: str) -> ModelCard:
    return ModelCard.model_validate({**json.loads(made), "name": "", "created": "", "channels": "channels"})


@lru_cache(maxsize=64)
def _reach(made: str) -> int | None:
    """Return the reach of a network, which depends on nothing but what it is made of."""
    card = _card(made)
    return reach_of(build_network(card, build_formulation(card)))
