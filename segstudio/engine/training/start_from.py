"""Starting from a finished model: its weights in a network for other classes, channels or another way to segment."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from segstudio.engine.architectures import architectures
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.first_layer import for_channels, for_named_channels
from segstudio.engine.formulations import Formulation
from segstudio.engine.model_card import Model, ModelCard, build_network, load_model
from segstudio.engine.network import Network
from segstudio.engine.training.own_parts import parts_anew
from segstudio.engine.training.start_rules import Places, check_start, same_channels, same_classes, shared_maps
from segstudio.jobs.spec import TrainJob


def started_from(job: TrainJob, path: Path, formulation: Formulation, plan: ChannelPlan) -> Network:
    """Return the network of the model at `path` for classes, channels and formulation of `job`.

    Classes that the model knows, by name or else by id, keep their maps; the others begin with random weights, and so
    do all maps of another formulation. Channels that the model knows by name keep their weights; where names do not
    tell, the first layer is adapted to their number (`segstudio.engine.first_layer`). Of a network that belongs to the
    formulation, what other settings change begins with random weights.

    Raises
    ------
    BadModel
        Its network is another than the job asks for, or it is damaged.
    """
    check_start(job.model_copy(update={"start_from": path}))
    model = load_model(path)
    card = model.card.model_copy(update={"in_channels": plan.count})
    network = build_network(card, formulation)
    first, last = _first_layers(card, formulation), _last_layers(card, formulation)
    places, rows = same_channels(model.card, plan), _rows(model, job, formulation)
    weights = network.state_dict()
    anew = parts_anew(card, formulation)
    for name, old in model.network.state_dict().items():
        if name in anew or name not in weights:
            continue  # of a network of its own with other settings
        if name in last:
            _take_rows(weights[name], old, rows)
        elif name in first:
            weights[name] = for_channels(old, plan.count) if places is None else for_named_channels(old, places)
        else:
            weights[name] = old
    network.load_state_dict(weights)
    return network.eval()


def _take_rows(new: Tensor, old: Tensor, rows: Places | None) -> None:
    """Fill those rows of a last layer whose place in the old one is known; the others keep their random weights."""
    if rows is None:
        new.copy_(old)
        return
    for row, place in enumerate(rows):
        if place is not None:
            new[row] = old[place]


def _rows(model: Model, job: TrainJob, formulation: Formulation) -> Places | None:
    """Return for each map its place in the model, ``None`` for a new one; ``None`` when all are the same."""
    known = same_classes(model.card.classes, job.classes)
    same = known == list(range(len(model.card.classes)))
    if formulation.own_network:
        # What its last layers hold is its own affair: they are taken whole or begin anew.
        return None if same else []
    shared = shared_maps(formulation)
    if model.card.formulation.name != job.formulation.name or shared_maps(model.formulation) != shared:
        return []
    rows: Places = list(range(shared))
    if model.formulation.out_channels > shared:
        rows += [None if place is None else shared + place for place in known]
    return rows[: formulation.out_channels]


def _first_layers(card: ModelCard, formulation: Formulation) -> set[str]:
    """Return the weights whose size depends on the channels of the image."""
    more = card.model_copy(update={"in_channels": card.in_channels + 1})
    return _differing(_sizes(card, formulation), _sizes(more, formulation))


def _last_layers(card: ModelCard, formulation: Formulation) -> set[str]:
    """Return the weights whose size depends on the maps that the network gives; its own network's on the classes."""
    if formulation.own_network:
        ids = formulation.class_ids
        more = type(formulation)(formulation.config, [*ids, max(ids) + 1])
        return _differing(_sizes(card, formulation), _sizes(card, more))
    return _differing(_sizes(card, formulation), _sizes(card, formulation, 1))


def _sizes(card: ModelCard, formulation: Formulation, more_maps: int = 0) -> Mapping[str, torch.Size]:
    with torch.device("meta"):
        if formulation.own_network:
            network = formulation.build_network(card.in_channels)
        else:
            kind = architectures.get(card.architecture.name)
            config = kind.Config.model_validate(card.architecture.settings)
            network = kind(config).build(card.in_channels, formulation.out_channels + more_maps)
    return {name: weight.shape for name, weight in network.state_dict().items()}


def _differing(some: Mapping[str, torch.Size], others: Mapping[str, torch.Size]) -> set[str]:
    return {name for name, size in some.items() if others[name] != size}
