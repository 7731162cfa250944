"""How much objects of rare classes count in a detector."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from factories import discs

from segstudio.engine.formulations import Formulation, formulations

KINDS = ["mask_rcnn", "faster_rcnn", "retinanet", "fcos"]
COMMON, RARE = 1, 2


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks on several threads mostly wait for each other when other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(kind: str, **settings: Any) -> Formulation:
    chosen = formulations.get("mask_rcnn" if kind == "mask_rcnn" else "detection")
    if kind != "mask_rcnn":
        settings["detector"] = kind
    config = {"width": 24, "smallest": 8, "largest": 40, **settings}
    return chosen(chosen.Config.model_validate(config), (COMMON, RARE))


def terms(kind: str, balance: str, first: int, second: int) -> dict[str, float]:
    """Return the loss of an image with an object of each of these classes, where one in ten pixels is of the rare."""
    torch.manual_seed(0)
    formulation = build(kind, class_weights=balance)
    formulation.use_class_pixels([5000, 900, 100])
    labels = discs((64, 64), [(16, 16), (44, 40)], 11)
    encoded = formulation.encode(labels, {1: first, 2: second})
    targets = {name: torch.from_numpy(planes)[None] for name, planes in encoded.items()}
    network = formulation.build_network(1).eval()
    with torch.no_grad():
        losses = formulation.training_loss(network, torch.rand(1, 1, 64, 64), targets)
    return {name: float(loss) for name, loss in losses.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_objects_of_rare_classes_count_more_and_common_ones_not_much_less(kind: str) -> None:
    for classes, least, most in (((COMMON, COMMON), 0.5, 0.99), ((RARE, RARE), 1.1, 5.1)):
        plain, inverse = (terms(kind, balance, *classes) for balance in ("none", "inverse"))
        assert least * plain["class"] < inverse["class"] < most * plain["class"]
        assert {**inverse, "class": 0} == {**plain, "class": 0}, "boxes and outlines count as before"
    milder = terms(kind, "effective", RARE, RARE)
    assert plain["class"] < milder["class"] < terms(kind, "inverse", RARE, RARE)["class"]


@pytest.mark.parametrize("kind", ["retinanet", "fcos"])
def test_weights_of_one_change_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = terms(kind, "none", COMMON, RARE)
    monkeypatch.setattr("segstudio.engine.detectors.one_stage._differ", lambda _targets: True)
    assert terms(kind, "none", COMMON, RARE) == pytest.approx(plain, rel=1e-5)


def test_all_objects_together_count_as_much_as_ever() -> None:
    formulation = build("faster_rcnn", class_weights="inverse")
    formulation.use_class_pixels([5000, 900, 100])
    weights = getattr(formulation, "_weights")  # noqa: B009 - not for others
    assert np.average(weights, weights=[900, 100]) == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(9)
    formulation.use_class_pixels([5000, 0, 0])
    assert getattr(formulation, "_weights") is None  # noqa: B009
