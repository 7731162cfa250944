"""What can be compared in a bake-off: formulations times networks, as the catalogue offers them."""

import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from segstudio.core.errors import WrongUsage
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.jobs.spec import Choice

#: Formulation and network of the candidates that are proposed, those that most often do well on cells first. The only
#: place that names any; what this installation does not offer is left out.
DEFAULT_CANDIDATES: tuple[tuple[str, str], ...] = (
    ("joint", "unet"),
    ("distance", "unet"),
    ("stardist", "unet"),
    ("boundary", "unet"),
)


class Candidate(BaseModel):
    """One way to learn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formulation: Choice
    architecture: Choice | None = None
    """``None`` for a formulation that builds its network itself."""
    title: str = ""

    @property
    def key(self) -> str:
        """Its names, as ``"joint:unet"``."""
        return ":".join(choice.name for choice in (self.formulation, self.architecture) if choice is not None)


def why_not(offer: Offer) -> str:
    """Return why a formulation cannot take part: only outlines of objects can be matched with outlines."""
    finds = {"boxes": "It finds boxes without outlines", "image": "It makes images, no objects"}.get(offer.result)
    return f"{finds}: its results cannot be scored beside outlines of objects." if finds else ""


def candidates_of(catalogue: Catalogue, formulations: Iterable[str], architectures: Iterable[str]) -> list[Candidate]:
    """Return every formulation with every network; one that builds its network itself only once."""
    networks = [catalogue.architecture(name) for name in architectures]
    made = []
    for name in formulations:
        offer = catalogue.formulation(name)
        if why_not(offer):
            continue
        chosen = Choice(name=offer.name)
        if offer.own_network:
            made.append(Candidate(formulation=chosen, title=offer.title))
            continue
        made += [
            Candidate(
                formulation=chosen, architecture=Choice(name=network.name), title=f"{offer.title} · {network.title}"
            )
            for network in networks
        ]
    return made


def candidate_from(word: str, catalogue: Catalogue) -> Candidate:
    """Return the candidate that a word as ``"joint:unet"`` names; without a network the proposed one is taken.

    Raises
    ------
    WrongUsage
        There is no such formulation or network, or it cannot be compared.
    """
    name, _, network = word.strip().partition(":")
    offers = {offer.name: offer for offer in catalogue.formulations}
    networks = {offer.name: offer for offer in catalogue.architectures}
    _known("formulation", name, offers)
    offer = offers[name]
    if reason := why_not(offer):
        raise WrongUsage(f"{offer.title} cannot be a candidate. {reason}", code="not-comparable")
    if offer.own_network:
        return Candidate(formulation=Choice(name=name), title=name)
    network = network or DEFAULT_CANDIDATES[0][1]
    _known("network", network, networks)
    return Candidate(formulation=Choice(name=name), architecture=Choice(name=network), title=f"{name}:{network}")


def folder_name(candidate: Candidate) -> str:
    """Return a name for the run folder of a candidate, as ``"joint-unet"``."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", candidate.key)


def _known(kind: str, name: str, offers: Mapping[str, Offer]) -> None:
    if name not in offers:
        raise WrongUsage(
            f"There is no {kind} called {name!r}.", hint=f"Known are: {', '.join(offers)}.", code=f"unknown-{kind}"
        )
