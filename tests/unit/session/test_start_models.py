"""What is known of a training before it starts from a model."""

from dataclasses import replace
from pathlib import Path

import pytest

from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.jobs.spec import Choice, TrainJob
from segstudio.project.manifest import ImageEntry
from segstudio.session.runs import Run
from segstudio.session.start_models import sight, start_note, start_problem

GRAY = ImageEntry("a", "a.tif", "a.tif", "a", 8, 8, channels=1, objects=3)
COLOUR = replace(GRAY, id="b", channels=3)


@pytest.mark.parametrize(
    ("entries", "wanted", "channels"),
    [
        ([], "auto", 0),
        ([GRAY], "auto", 1),
        ([GRAY], "rgb", 3),
        ([COLOUR], "auto", 3),
        ([COLOUR], "gray", 0),  # its channels may be its own
        ([GRAY, COLOUR], "auto", 0),
        ([GRAY, replace(COLOUR, objects=0)], "auto", 1),
        ([GRAY, replace(COLOUR, split="test")], "auto", 1),  # no training sees it
    ],
)
def test_the_channels_that_a_training_sees(entries: list[ImageEntry], wanted: str, channels: int) -> None:
    assert sight(entries, wanted) == channels


CATALOGUE = Catalogue(
    key="",
    formulations=(
        Offer(name="joint", title="Cells"),
        Offer(name="semantic", title="Areas"),
        Offer(name="mask_rcnn", title="Mask R-CNN", own_network=True),
    ),
    architectures=(Offer(name="unet", title="U-Net"), Offer(name="fpn", title="FPN")),
)


def a_run(formulation: str = "joint", architecture: str = "unet") -> Run:
    job = TrainJob(
        job_id="j",
        name="Model 1",
        run_folder=Path("run"),
        samples=(),
        classes=(),
        formulation=Choice(name=formulation),
        architecture=Choice(name=architecture),
    )
    return Run("j", "Model 1", Path("run"), "done", job, best=None, has_model=True, in_channels=1)


@pytest.mark.parametrize(
    ("made_for", "wanted", "network", "problem"),
    [
        ("joint", "joint", "unet", ""),
        ("joint", "semantic", "unet", ""),
        ("joint", "", "", ""),
        ("joint", "joint", "fpn", "Model 1 has another network: U-Net."),
        ("joint", "mask_rcnn", "unet", "Model 1 has another network: Mask R-CNN has its own."),
        ("mask_rcnn", "joint", "unet", "Model 1 has another network: Mask R-CNN has its own."),
        ("mask_rcnn", "mask_rcnn", "fpn", ""),
    ],
)
def test_a_training_starts_from_any_model_with_the_same_network(
    made_for: str, wanted: str, network: str, problem: str
) -> None:
    assert start_problem(a_run(made_for), wanted, network, CATALOGUE) == problem


def test_what_of_a_model_is_not_taken_as_it_is_is_said() -> None:
    assert start_note(a_run(), "joint", 1, CATALOGUE) == ""
    assert start_note(a_run(), "", 0, CATALOGUE) == ""
    assert start_note(a_run(), "semantic", 3, CATALOGUE) == (
        "Model 1 was made for Cells, so that its last layer begins anew, "
        "and sees 1 channel, so that its first layer is adapted to 3."
    )
