"""What of a finished model fits a training that starts from it, and what of it is adapted."""

from collections.abc import Iterator

from segstudio.config.form_spec import form_spec
from segstudio.core.errors import BadModel
from segstudio.engine.architectures import architectures
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.model_card import ModelCard, build_formulation, read_card
from segstudio.engine.training.own_parts import parts_anew
from segstudio.jobs.messages import Warned
from segstudio.jobs.spec import ClassSpec, TrainJob

#: For each channel or class of a training its place in the model; ``None`` for none.
Places = list[int | None]
_KINDS = {"gray": "gray", "rgb": "colour"}


def check_start(job: TrainJob) -> None:
    """Raise `BadModel` when the training `job` cannot start from its model; only the card of that is read."""
    if job.start_from is None:
        return
    card = read_card(job.start_from)
    has = _network(card.formulation.name, card.architecture.name)
    wanted = _network(job.formulation.name, job.architecture.name)
    if has != wanted:
        raise BadModel(
            f"The training cannot start from the model {card.name}: its network is {has}, "
            f"this training is for {wanted}.",
            hint=f"Choose {has}, or train from scratch.",
            code="model-other-network",
            path=job.start_from,
        )


def start_notes(job: TrainJob, formulation: Formulation, plan: ChannelPlan) -> Iterator[Warned]:
    """Yield a warning for each thing of the model that `job` starts from that is not taken as it is."""
    if job.start_from is None:
        return
    card = read_card(job.start_from)
    if card.formulation.name != job.formulation.name or shared_maps(build_formulation(card)) != shared_maps(
        formulation
    ):
        title = formulations.get(card.formulation.name).title
        yield Warned(
            code="new-head",
            message=f"The model {card.name} was made for {title}: its network is taken, its last layer begins anew.",
            hint="It needs a little longer than a training that goes on with the same.",
        )
    if (note := _channel_note(card, plan)) is not None:
        yield Warned(code="first-layer", message=note, hint="Look at the first predictions; it learns the rest.")
    if parts_anew(card, formulation):
        yield Warned(
            code="new-parts",
            message=f"The model {card.name} was made with other settings: of its network the backbone is taken, and "
            "of the rest what fits.",
            hint="It needs a little longer than a training that goes on with the same.",
        )
    if other := _other_settings(job, card):
        words = f"the setting {other[0]} does" if len(other) == 1 else f"the settings {', '.join(other)} do"
        yield Warned(
            code="start-settings",
            message=f"The network is that of the model {card.name}; {words} not change it.",
            hint="Train from scratch for a network with other settings.",
        )


def same_classes(old: tuple[ClassSpec, ...], new: tuple[ClassSpec, ...]) -> Places:
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


def same_channels(card: ModelCard, plan: ChannelPlan) -> Places | None:
    """Return for each channel of a training its place in the model, by name; ``None`` when names do not tell.

    Names tell when all channels of both have different ones and at least one is the same.
    """
    old, new = card.channel_names, plan.names
    if len(set(old)) != card.in_channels or len(set(new)) != plan.count or set(old).isdisjoint(new):
        return None
    return [old.index(name) if name in old else None for name in new]


def shared_maps(formulation: Formulation) -> int:
    """Return how many maps do not depend on the classes; those of the classes come after them."""
    two, three = (type(formulation)(formulation.config, range(1, count + 1)).out_channels for count in (2, 3))
    return two - 2 * (three - two)


def _network(formulation: str, architecture: str) -> str:
    """Return the title of a network; that of the formulation where it is its own."""
    kind = formulations.get(formulation)
    return kind.title if kind.own_network else architectures.get(architecture).title


def _other_settings(job: TrainJob, card: ModelCard) -> list[str]:
    """Return the settings of the network that differ from those of the model; automatic ones leave it as it is."""
    known, wanted = card.architecture.settings, job.architecture.settings
    differ = sorted(name for name, value in wanted.items() if known.get(name, value) != value)
    if not differ:
        return []
    fields = form_spec(architectures.get(job.architecture.name).Config.model_json_schema())
    automatic = {field.path for field in fields if field.zero == "automatic"}
    return [name for name in differ if wanted[name] != 0 or name not in automatic]


def _channel_note(card: ModelCard, plan: ChannelPlan) -> str | None:
    """Return how the first layer is adapted, ``None`` when it is taken as it is."""
    places = same_channels(card, plan)
    if places is not None:
        new = [name for name, place in zip(plan.names, places, strict=True) if place is None]
        gone = [name for name in card.channel_names if name not in plan.names]
        parts = [f"{', '.join(new)} begin without influence"] if new else []
        parts += [f"{', '.join(gone)} are left out"] if gone else []
        return f"Of the channels of the model {card.name}, {'; '.join(parts)}." if parts else None
    if card.in_channels == plan.count and (card.channels == plan.kind or plan.count == 1):
        return None
    return (
        f"The model {card.name} was made for {_seen(card.channels, card.in_channels)} images, this training is for "
        f"{_seen(plan.kind, plan.count)} ones: its first layer is adapted."
    )


def _seen(kind: str, count: int) -> str:
    return _KINDS.get(kind, f"{count}-channel")
