"""Which models a new training can start from, known before it begins."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

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


def start_problem(run: Run, formulation: str, channels: int, titles: Mapping[str, str]) -> str:
    """Return why a training cannot start from the model of `run`, in a sentence; empty when it can.

    Parameters
    ----------
    formulation, channels
        Of the new training; empty or 0 when not known.
    titles
        What formulations are called.
    """
    made_for = run.job.formulation.name
    if formulation and made_for != formulation:
        return f"{run.name} finds something else: it was made for {titles.get(made_for, made_for)}."
    if channels and run.in_channels and run.in_channels != channels:
        return f"{run.name} sees {_channels(run.in_channels)}, the labelled images have {channels}."
    return ""


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"
