"""Maps that only one weighted loss term teaches a network, and what follows from a weight of 0."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from segstudio.config.base import Config as Settings
from segstudio.core.errors import WrongUsage
from segstudio.jobs.messages import Warned


@dataclass(frozen=True)
class LearnedMap:
    """Maps that stay random when a weight is 0.

    Attributes
    ----------
    weight
        The setting that weighs the loss term.
    maps
        What the maps hold, as it is said in a sentence: ``"the flow to the centres"``.
    without
        How objects are found without them, in half a sentence; empty when they cannot be.
    """

    weight: str
    maps: str
    without: str = ""


def missing_maps(learned: Sequence[LearnedMap], config: Settings) -> list[LearnedMap]:
    """Return what weights of 0 leave unlearned and no object is found without."""
    return [item for item in _unlearned(learned, config) if not item.without]


def refuse_unlearned(learned: Sequence[LearnedMap], config: Settings) -> None:
    """Raise `WrongUsage` when weights of 0 leave maps unlearned without which no object is found."""
    missing = missing_maps(learned, config)
    if not missing:
        return
    names = ", ".join(item.weight for item in missing)
    maps = ", nor ".join(item.maps for item in missing)
    usual = ", ".join(f"{_usual(config, item.weight):g}" for item in missing)
    one = len(missing) == 1
    raise WrongUsage(
        f"{'The weight' if one else 'The weights'} {names} {'is' if one else 'are'} 0: the network would not learn "
        f"{maps}, without which nothing is found.",
        hint=f"Set {'it' if one else 'them'} above 0; usual {'is' if one else 'are'} {usual}.",
        code="nothing-learned",
    )


def unlearned_notes(learned: Sequence[LearnedMap], config: Settings) -> Iterator[Warned]:
    """Yield a warning for each weight of 0 that the decoder can do without."""
    for item in _unlearned(learned, config):
        if item.without:
            yield Warned(
                code="map-not-learned",
                message=f"The weight {item.weight} is 0, so the network does not learn {item.maps}: {item.without}.",
                hint=f"Set it above 0 if that is not wanted; usual is {_usual(config, item.weight):g}.",
            )


def _unlearned(learned: Sequence[LearnedMap], config: Settings) -> list[LearnedMap]:
    return [item for item in learned if not getattr(config, item.weight)]


def _usual(config: Settings, name: str) -> float:
    return float(type(config).model_fields[name].default)
