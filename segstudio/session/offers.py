"""In which groups formulations and networks are offered, and what is chosen at first."""

from collections.abc import Sequence

from segstudio.core.errors import WrongUsage
from segstudio.jobs.catalogue import Offer
from segstudio.jobs.spec import TrainJob

#: What a training takes that is told nothing: the best for objects from few labels.
FIRST_FORMULATION: str = TrainJob.model_fields["formulation"].default.name
FIRST_ARCHITECTURE: str = TrainJob.model_fields["architecture"].default.name

Groups = dict[str, list[Offer]]
"""Offers by the title of their group; that called ``""`` has none."""


def by_result(offers: Sequence[Offer]) -> Groups:
    """Return the formulations by what they find; the one for most images comes first."""
    first, rest = _parted(offers, FIRST_FORMULATION)
    objects = [offer for offer in rest if offer.result == "objects"]
    return {
        "": first,
        "Objects with their outlines": [offer for offer in objects if offer.separates],
        "Areas; objects that touch become one": [offer for offer in objects if not offer.separates],
        "Other results": [offer for offer in rest if offer.result != "objects"],
    }


def by_sight(offers: Sequence[Offer]) -> Groups:
    """Return the networks by whether tiles of large images give exactly what the whole gives."""
    first, rest = _parted(offers, FIRST_ARCHITECTURE)
    return {
        "": first,
        "Large images in exact tiles": [offer for offer in rest if not offer.sees_whole],
        "Large images in blended tiles": [offer for offer in rest if offer.sees_whole],
    }


def no_network(*, read: bool) -> WrongUsage:
    """Return what is said when there is no formulation or no network; `read` once the catalogue is there."""
    if not read:
        return WrongUsage("The list of networks is still being read.", hint="Try again in a moment.", code="no-network")
    return WrongUsage(
        "No network could be loaded, so nothing can be trained.",
        hint="The command `segstudio catalogue` says why.",
        code="no-network",
    )


def _parted(offers: Sequence[Offer], name: str) -> tuple[list[Offer], list[Offer]]:
    first = [offer for offer in offers if offer.name == name]
    return first, sorted((offer for offer in offers if offer.name != name), key=lambda offer: offer.title)
