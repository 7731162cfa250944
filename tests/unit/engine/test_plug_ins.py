"""Plug-ins of other distributions that are not whole: listed with the reason, and nothing else is harmed."""

from collections.abc import Iterator

import pytest

from segstudio.engine.architectures import architectures
from segstudio.engine.architectures.unet import UNet
from segstudio.engine.catalogue import make_catalogue
from segstudio.engine.formulations import Formulation, formulations


class Abstract(Formulation):
    title, description = "Abstract", "Lacks everything."


class Unconfigured(UNet):
    Config = object  # type: ignore[assignment]


class Point:
    """An entry point whose loading registers `item`."""

    def __init__(self, registry: object, name: str, item: object) -> None:
        self.name = name
        self._registry, self._item = registry, item

    def load(self) -> None:
        self._registry.register(self.name)(self._item)  # type: ignore[attr-defined]


@pytest.fixture
def _scanned_again() -> Iterator[None]:
    yield
    for registry in (formulations, architectures):
        for name in ("abstract", "function", "unconfigured"):
            registry._broken.pop(name, None)


@pytest.mark.usefixtures("_scanned_again")
def test_plug_ins_that_are_not_whole_are_listed_and_the_others_stay() -> None:
    whole = make_catalogue()
    for registry, name, item in (
        (formulations, "abstract", Abstract),
        (formulations, "function", print),
        (architectures, "unconfigured", Unconfigured),
    ):
        registry._load(name, Point(registry, name, item).load)
    again = make_catalogue()
    assert (again.formulations, again.architectures) == (whole.formulations, whole.architectures)
    assert set(again.broken) >= {"abstract", "function", "unconfigured"}
    assert "Abstract lacks" in again.broken["abstract"]
