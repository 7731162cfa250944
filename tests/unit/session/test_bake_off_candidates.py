"""What can take part in a bake-off, and how candidates are named."""

import pytest

from segstudio.core.errors import WrongUsage
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.session.bake_off_candidates import (
    DEFAULT_CANDIDATES,
    candidate_from,
    candidates_of,
    folder_name,
    why_not,
)


def catalogue() -> Catalogue:
    names = [name for name, _network in DEFAULT_CANDIDATES]
    offers = [Offer(name=name, title=name.upper()) for name in names]
    offers += [Offer(name="own", title="Own", own_network=True), Offer(name="boxes", title="Boxes", result="boxes")]
    networks = tuple(Offer(name=name, title=name.upper()) for name in (DEFAULT_CANDIDATES[0][1], "wide"))
    return Catalogue(key="", formulations=tuple(offers), architectures=networks)


def test_formulations_times_networks() -> None:
    first, network = DEFAULT_CANDIDATES[0]
    made = candidates_of(catalogue(), [first, "own", "boxes"], [network, "wide"])
    assert [item.key for item in made] == [f"{first}:{network}", f"{first}:wide", "own"]
    assert made[0].title == f"{first.upper()} · {network.upper()}"
    assert [folder_name(item) for item in made] == [f"{first}-{network}", f"{first}-wide", "own"]


def test_what_cannot_take_part_says_what_it_finds_instead() -> None:
    results = ("objects", "boxes", "image")
    said = [why_not(Offer(name="a", title="A", result=result)).partition(":")[0] for result in results]
    assert said == ["", "It finds boxes without outlines", "It makes images, no objects"]


def test_words_of_the_command_line_name_candidates() -> None:
    first, network = DEFAULT_CANDIDATES[0]
    assert candidate_from(f"{first}:wide", catalogue()).key == f"{first}:wide"
    assert candidate_from(first, catalogue()).key == f"{first}:{network}"
    assert candidate_from("own", catalogue()).architecture is None
    for word, match in (("nothing", "no formulation"), (f"{first}:nothing", "no network"), ("boxes", "outlines")):
        with pytest.raises(WrongUsage, match=match):
            candidate_from(word, catalogue())
