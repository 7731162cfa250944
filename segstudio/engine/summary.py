"""What a network is before it is trained: its layers, its work, the memory it takes, how far it sees."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from segstudio.config.problems import sentence
from segstudio.config.run import RunConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.devices import choose_device
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.model_card import ModelCard, build_formulation, build_network, read_card
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import halo_of, reach_of
from segstudio.engine.prediction.room import network_bytes
from segstudio.engine.training.automatic import resolved
from segstudio.engine.training.prepare import OWN_NETWORK, patch_size
from segstudio.io.atomic import write_atomic
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.network_report import Layer, NetworkReport
from segstudio.jobs.spec import Choice, ClassSpec, SummaryJob, TrainJob

#: Side of the images on which networks run that cannot be followed without data, pixels; and how many of them.
_SMALL, _SMALL_BATCH = 128, 2
#: Weights, their gradients, the running average, and the best weights so far; and what each optimiser keeps beside.
_COPIES = 4
_MOMENTS = {"sgd": 1}
_MOMENTS_ELSE = 2
#: A layer's output and its gradient, and the gradient that it hands on, are in memory together.
_GRADIENTS_AT_ONCE = 2
#: Diameter of the objects of the made-up labels on which the loss is followed, pixels.
_OBJECT = 24
_MEGAPIXEL = 1e6


@dataclass(frozen=True)
class _Subject:
    """What is described."""

    card: ModelCard
    formulation: Formulation
    blank: Network
    """Its network without numbers: torch's meta device."""
    patch: int
    batch: int


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


def layers_of(
    network: Network, flops: Mapping[str, float], seen: Mapping[str, tuple[tuple[int, ...], int]]
) -> list[Layer]:
    """Return all modules of `network`, each before those inside it.

    Parameters
    ----------
    flops
        Per megapixel, by dotted name.
    seen
        Shape of the output and number of calls, by dotted name.
    """
    found = []
    for path, module in network.named_modules():
        shape, calls = seen.get(path, ((), 0))
        found.append(
            Layer(
                path=path,
                kind=type(module).__name__,
                shape=shape,
                calls=calls,
                parameters=_count(module),
                flops_per_mpx=_work(path, module, flops),
                leaf=not any(module.children()),
            )
        )
    return found


def _work(path: str, module: nn.Module, flops: Mapping[str, float]) -> float:
    """Return the work of a module; of a list of modules, which is never called itself, that of those in it."""
    if path in flops:
        return flops[path]
    return sum(_work(f"{path}.{name}".lstrip("."), child, flops) for name, child in module.named_children())


def shape_of(output: object) -> tuple[int, ...]:
    """Return channels, rows and columns of what a module gives; of the last one of several, empty for no tensor."""
    if isinstance(output, Tensor):
        return tuple(output.shape[1:])
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, list | tuple) else ()
    return next((shape for part in reversed(list(parts)) if (shape := shape_of(part))), ())


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
    try:
        flops, seen = _follow(blank, patch)
        kept, largest = _kept_for_backward(blank, subject, patch, batch)
        answer = network_bytes(blank)
        scaled = False
    except RuntimeError:
        # It looks at values, as a detector does that sorts its boxes: only real numbers show what it does.
        real = build_network(subject.card, subject.formulation)
        small = -(-_SMALL // real.stride) * real.stride
        flops, seen = _follow(real, small)
        kept, largest = _kept_for_backward(real, subject, small, _SMALL_BATCH)
        times = batch * patch**2 / (_SMALL_BATCH * small**2)
        kept, largest = kept * times, largest * times
        answer = network_bytes(real)
        scaled = True
    reach = _reach(subject.card.model_dump_json(include={"formulation", "architecture", "in_channels", "classes"}))
    weights = sum(weight.numel() * weight.element_size() for weight in blank.state_dict().values())
    copies = _COPIES + _MOMENTS.get(config.training.optimiser, _MOMENTS_ELSE)
    tile = config.prediction.tile_size
    window = tile if reach is None else tile + 2 * halo_of(reach, blank.stride)
    layers = layers_of(blank, flops, seen)
    return NetworkReport(
        formulation=subject.card.formulation.name,
        architecture=subject.card.architecture.name,
        in_channels=blank.in_channels,
        out_channels=blank.out_channels,
        stride=blank.stride,
        patch=patch,
        batch=batch,
        parameters=_count(blank),
        trainable=sum(weight.numel() for weight in blank.parameters() if weight.requires_grad),
        encoder_parameters=sum(weight.numel() for weight in blank.encoder_parameters()),
        flops_per_mpx=layers[0].flops_per_mpx,
        training_bytes=copies * weights + kept + _GRADIENTS_AT_ONCE * largest,
        kept_bytes=kept,
        prediction_bytes=weights + config.prediction.batch_size * window**2 * answer,
        tile=tile,
        window=window,
        reach=reach,
        object_diameter_px=job.object_diameter_px,
        scaled=scaled,
        layers=tuple(layers),
    )


@lru_cache(maxsize=64)
def _reach(card: str) -> int | None:
    """Return the reach of a network, which depends on nothing but what it is made of."""
    values = {**json.loads(card), "name": "", "created": "", "channels": "channels"}
    made = ModelCard.model_validate(values)
    return reach_of(build_network(made, build_formulation(made)))


@torch.no_grad()
def _follow(network: Network, side: int) -> tuple[dict[str, float], dict[str, tuple[tuple[int, ...], int]]]:
    """Return work per megapixel, and output shape with number of calls, of all modules by their dotted names."""
    seen: dict[str, tuple[tuple[int, ...], int]] = {}
    hooks = [module.register_forward_hook(_noting(path, seen)) for path, module in network.named_modules()]
    counter = FlopCounterMode(display=False)
    was_training = network.training
    try:
        with counter:
            network.eval()(_image(network, 1, side))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    root = type(network).__name__
    times = _MEGAPIXEL / side**2
    flops = {
        name.removeprefix(root).removeprefix("."): times * sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
        if name == root or name.startswith(f"{root}.")
    }
    return flops, seen


def _noting(path: str, seen: dict[str, tuple[tuple[int, ...], int]]) -> Callable[..., None]:
    def note(_module: nn.Module, _inputs: object, output: object) -> None:
        shape, calls = seen.get(path, (shape_of(output), 0))
        seen[path] = (shape, calls + 1)

    return note


def _kept_for_backward(network: Network, subject: _Subject, side: int, batch: int) -> tuple[float, float]:
    """Return the bytes that a step keeps for its backward pass, and those of the largest tensor among them."""
    weights = {weight.untyped_storage()._cdata for weight in network.state_dict(keep_vars=True).values()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage  # holding it keeps its address from being given to another
        return tensor

    image = _image(network, batch, side)
    targets = {
        name: torch.from_numpy(target).expand(batch, *target.shape).to(image.device)
        for name, target in subject.formulation.encode(_labels(side)).items()
    }
    was_training = network.training
    try:
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            terms = subject.formulation.training_loss(network.train(), image, targets)
    finally:
        network.train(was_training)
    sizes = [storage.nbytes() for storage in kept.values()]
    del terms
    return float(sum(sizes)), float(max(sizes, default=0))


def _image(network: Network, batch: int, side: int) -> Tensor:
    return torch.zeros(batch, network.in_channels, side, side, device=next(network.parameters()).device)


def _labels(side: int) -> NDArray[np.int32]:
    """Return round objects in rows, as many as a crowded patch has."""
    rows, columns = np.indices((side, side))
    inside = (rows % _OBJECT - _OBJECT // 2) ** 2 + (columns % _OBJECT - _OBJECT // 2) ** 2 < (_OBJECT // 3) ** 2
    numbers = rows // _OBJECT * (side // _OBJECT + 1) + columns // _OBJECT + 1
    return np.where(inside, numbers, 0).astype(np.int32)


def _count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
