"""Starting from a finished model: its weights in a network that may have to tell other classes apart."""

from pathlib import Path

import torch

from segstudio.core.errors import BadModel
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.formulations import Formulation
from segstudio.engine.model_card import Model, build_network, load_model
from segstudio.engine.network import Network
from segstudio.jobs.spec import ClassSpec, TrainJob


def started_from(job: TrainJob, path: Path, formulation: Formulation, plan: ChannelPlan) -> Network:
    """Return the network of the model at `path` for the classes of `job`.

    Classes that the model knows, by name or else by id, keep their channels; the others begin with random weights.

    Raises
    ------
    BadModel
        It was made for another formulation or number of channels, or is damaged.
    """
    model = load_model(path)
    card = model.card
    if card.formulation.name != job.formulation.name or card.in_channels != plan.count:
        raise BadModel(
            f"The training cannot start from the model {card.name}: it was made for {card.formulation.name} "
            f"with {card.in_channels} channels, this training is for {job.formulation.name} with {plan.count}.",
            hint="Choose a model of the same kind, or train from scratch.",
            code="model-other-kind",
            path=path,
        )
    known = same_classes(card.classes, job.classes)
    if len(card.classes) == len(job.classes) and known == list(range(len(known))):
        return model.network
    return _with_classes(model, formulation, known)


def same_classes(old: tuple[ClassSpec, ...], new: tuple[ClassSpec, ...]) -> list[int | None]:
    """Return for each class of `new` its place in `old`: by name, else by id, ``None`` for none.

    Examples
    --------
    >>> same_classes((ClassSpec(id=1, name="cell"),), (ClassSpec(id=2, name="debris"), ClassSpec(id=5, name="cell")))
    [None, 0]
    """
    names = {item.name: place for place, item in enumerate(old)}
    taken = {names[item.name] for item in new if item.name in names}
    ids = {item.id: place for place, item in enumerate(old) if place not in taken}
    return [names.get(item.name, ids.get(item.id)) for item in new]


def _with_classes(model: Model, formulation: Formulation, known: list[int | None]) -> Network:
    network = build_network(model.card, formulation)
    shared = _shared_channels(formulation)
    rows = list(range(shared))
    if model.formulation.out_channels > shared:
        rows += [-1 if place is None else shared + place for place in known]
    rows = (rows + [-1] * formulation.out_channels)[: formulation.out_channels]
    weights = network.state_dict()
    for name, old in model.network.state_dict().items():
        # Only the last layer has as many outputs as there are maps, and no other layer depends on the classes.
        if name.startswith(_last_layer(network)):
            for row, source in enumerate(rows):
                if source >= 0:
                    weights[name][row] = old[source]
        else:
            weights[name] = old
    network.load_state_dict(weights)
    return network.eval()


def _shared_channels(formulation: Formulation) -> int:
    """Return how many maps do not depend on the classes; those of the classes come after them."""
    two, three = (type(formulation)(formulation.config, range(1, count + 1)).out_channels for count in (2, 3))
    return two - 2 * (three - two)


def _last_layer(network: Network) -> str:
    """Return the name of the layer that gives the maps, with its dot."""
    layers = [name for name, part in network.named_modules() if isinstance(part, torch.nn.Conv2d)]
    return f"{layers[-1]}."
