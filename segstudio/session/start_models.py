"""Which models a new training can start from, known before it begins."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.session.runs import Run

if TYPE_CHECKING:
    from segstudio.project.manifest import ImageEntry


def sight(entries: "Iterable[ImageEntry]", wanted: str = "auto") -> int:
    """Return how many channels a network sees when it is trained on all labelled images; 0 when not known yet.

    Parameters
    ----------
    wanted
        The setting: ``"auto"``, ``"gray"`` or ``"rgb"``.
    """
    counts = {entry.channels for entry in entries if entry.labelled and entry.split != "test"}
    if len(counts) != 1:
        return 0  # the training decides when it has read the images
    (count,) = counts
    if wanted == "auto":
        return count
    if count == 1:
        return 3 if wanted == "rgb" else 1
    return 0


def start_problem(run: Run, formulation: str, architecture: str, catalogue: Catalogue) -> str:
    """Return why a training cannot start from the model of `run`, in a sentence; empty when it can.

    The rule is that of `segstudio.engine.training.start_rules`: the network must be the same.

    Parameters
    ----------
    formulation, architecture
        Of the new training; empty when not known.
    """
    made_for, has = run.job.formulation.name, run.job.architecture.name
    own = {offer.name for offer in catalogue.formulations if offer.own_network}
    if formulation and formulation != made_for and not own.isdisjoint((formulation, made_for)):
        owner = made_for if made_for in own else formulation
        return f"{run.name} has another network: {_title(catalogue.formulations, owner)} has its own."
    if architecture and architecture != has and made_for not in own:
        return f"{run.name} has another network: {_title(catalogue.architectures, has)}."
    return ""


def start_note(run: Run, formulation: str, channels: int, catalogue: Catalogue) -> str:
    """Return what a training that starts from the model of `run` cannot take as it is; empty for nothing.

    Parameters
    ----------
    formulation, channels
        Of the new training; empty or 0 when not known.
    """
    made_for = run.job.formulation.name
    notes = []
    if formulation and formulation != made_for:
        title = _title(catalogue.formulations, made_for)
        notes.append(f"was made for {title}, so that its last layer begins anew")
    if channels and run.in_channels and run.in_channels != channels:
        notes.append(f"sees {_channels(run.in_channels)}, so that its first layer is adapted to {channels}")
    return f"{run.name} {', and '.join(notes)}." if notes else ""


def _title(offers: Iterable[Offer], name: str) -> str:
    return next((offer.title for offer in offers if offer.name == name), name)


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"
