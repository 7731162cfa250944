"""Starting from a model that was made for other classes, channels, or another way to segment."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadModel
from segstudio.engine.architectures import architectures
from segstudio.engine.data.channels import ChannelPlan, plan_channels
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.model_card import ModelCard, load_model, save_model
from segstudio.engine.network import Network
from segstudio.engine.training.start_from import started_from
from segstudio.engine.training.start_rules import check_start, start_notes
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob

CELL, DEBRIS = ClassSpec(id=1, name="cell"), ClassSpec(id=2, name="debris")
SMALL = Choice(name="unet", settings={"width": 4, "depth": 1})


def made(formulation: str, classes: tuple[ClassSpec, ...] = (CELL,)) -> Formulation:
    return formulations.get(formulation)(None, [item.id for item in classes])


def a_model(folder: Path, plan: ChannelPlan, architecture: Choice = SMALL, formulation: str = "boundary") -> Network:
    torch.manual_seed(1)
    kind = architectures.get(architecture.name)
    config = kind.Config.model_validate(architecture.settings)
    network = kind(config).build(plan.count, made(formulation).out_channels)
    card = ModelCard(
        name="first",
        created="2026-11-21",
        formulation=Choice(name=formulation),
        architecture=Choice(name=architecture.name, settings=config.model_dump()),
        in_channels=plan.count,
        channels=plan.kind,
        channel_names=plan.names,
        classes=(CELL,),
    )
    save_model(folder, card, network.state_dict())
    return network.eval()


def a_job(folder: Path, **changes: Any) -> TrainJob:
    values: dict[str, Any] = {
        "job_id": "j",
        "name": "second",
        "run_folder": folder / "run",
        "samples": (),
        "classes": (CELL,),
        "formulation": Choice(name="boundary"),
        "start_from": folder,
    }
    return TrainJob.model_validate(values | changes)


def started(job: TrainJob, plan: ChannelPlan) -> tuple[Network, list[str]]:
    """Return the network that the training begins with, and the codes of what it says about it."""
    assert job.start_from is not None
    formulation = made(job.formulation.name, job.classes)
    network = started_from(job, job.start_from, formulation, plan)
    assert (network.in_channels, network.out_channels) == (plan.count, formulation.out_channels)
    return network, [note.code for note in start_notes(job, formulation, plan)]


def without_last(network: Network) -> dict[str, Tensor]:
    return {name: weight for name, weight in network.state_dict().items() if not name.startswith("head")}


GRAY, COLOUR = ChannelPlan("gray", 1), ChannelPlan("rgb", 3)


def test_the_same_again_is_taken_as_it_is(tmp_path: Path) -> None:
    old = a_model(tmp_path, GRAY)
    new, notes = started(a_job(tmp_path), GRAY)
    assert not notes
    assert all(torch.equal(weight, new.state_dict()[name]) for name, weight in old.state_dict().items())


def test_another_formulation_keeps_all_but_the_last_layer(tmp_path: Path) -> None:
    old = a_model(tmp_path, GRAY)
    new, notes = started(a_job(tmp_path, formulation=Choice(name="joint")), GRAY)
    assert notes == ["new-head"]
    kept = without_last(new)
    assert kept
    assert all(torch.equal(weight, kept[name]) for name, weight in without_last(old).items())


def test_the_last_layer_of_another_formulation_begins_anew_even_when_it_would_fit(tmp_path: Path) -> None:
    old = a_model(tmp_path, GRAY, formulation="semantic")
    maps = made("semantic").out_channels
    other = next(
        name
        for name, kind in formulations
        if name != "semantic" and not kind.own_network and made(name, (CELL, DEBRIS)[: maps - 1 or 1]).out_channels
    )
    new, notes = started(a_job(tmp_path, formulation=Choice(name=other)), GRAY)
    assert notes == ["new-head"]
    assert not torch.equal(new.state_dict()["head.weight"][:1], old.state_dict()["head.weight"][:1])


@pytest.mark.parametrize("architecture", [SMALL, Choice(name="linknet", settings={"encoder_depth": 2})])
def test_a_gray_model_sees_in_colour_what_it_saw_in_gray(tmp_path: Path, architecture: Choice) -> None:
    old = a_model(tmp_path, GRAY, architecture)
    new, notes = started(a_job(tmp_path, architecture=Choice(name=architecture.name)), COLOUR)
    assert notes == ["first-layer"]
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(new(image.expand(-1, 3, -1, -1)), old(image), rtol=1e-3, atol=1e-4)


def test_channels_are_matched_by_their_names(tmp_path: Path) -> None:
    old = a_model(tmp_path, ChannelPlan("channels", 2, names=("DAPI", "actin")))
    new, notes = started(a_job(tmp_path), ChannelPlan("channels", 3, names=("actin", "tubulin", "DAPI")))
    assert notes == ["first-layer"]
    image = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(new(image), old(image[:, [2, 0]]))


def test_the_note_on_channels_names_them(tmp_path: Path) -> None:
    a_model(tmp_path, ChannelPlan("channels", 2, names=("DAPI", "actin")))
    plan = ChannelPlan("channels", 2, names=("tubulin", "DAPI"))
    (note,) = start_notes(a_job(tmp_path), made("boundary"), plan)
    assert "tubulin begin without influence; actin are left out" in note.message


def test_channels_in_another_order_are_put_in_order_and_nothing_is_said(tmp_path: Path) -> None:
    old = a_model(tmp_path, ChannelPlan("channels", 2, names=("DAPI", "actin")))
    new, notes = started(a_job(tmp_path), ChannelPlan("channels", 2, names=("actin", "DAPI")))
    assert not notes
    image = torch.randn(1, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(new(image), old(image[:, [1, 0]]))


def test_channels_without_the_same_names_are_taken_in_their_order(tmp_path: Path) -> None:
    old = a_model(tmp_path, ChannelPlan("channels", 2, names=("DAPI", "actin")))
    new, notes = started(a_job(tmp_path), ChannelPlan("channels", 2, names=("0", "1")))
    assert not notes
    assert torch.equal(new.state_dict()["encoder.0.0.weight"], old.state_dict()["encoder.0.0.weight"])


def test_another_network_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    a_model(tmp_path, GRAY)
    job = a_job(tmp_path, architecture=Choice(name="fpn"))
    with pytest.raises(BadModel, match=r"its network is U-Net, this training is for FPN") as caught:
        check_start(job)
    assert "Choose U-Net" in caught.value.hint


def test_a_network_that_belongs_to_its_formulation_is_no_start_for_others(tmp_path: Path) -> None:
    own = next((name for name, kind in formulations if kind.own_network), None)
    if own is None:
        pytest.skip("no formulation has a network of its own")
    a_model(tmp_path, GRAY)
    with pytest.raises(BadModel, match=f"this training is for {formulations.get(own).title}"):
        check_start(a_job(tmp_path, formulation=Choice(name=own)))


def test_settings_that_cannot_change_the_network_any_more_are_said(tmp_path: Path) -> None:
    a_model(tmp_path, GRAY)
    job = a_job(tmp_path, architecture=Choice(name="unet", settings={"width": 64, "depth": 1}))
    new, notes = started(job, GRAY)
    assert notes == ["start-settings"]
    assert new.state_dict()["encoder.0.0.weight"].shape[0] == 4
    (note,) = start_notes(job, made("boundary"), GRAY)
    assert "the setting width does not change it" in note.message
    both = job.model_copy(update={"architecture": Choice(name="unet", settings={"width": 64, "depth": 2})})
    (note,) = start_notes(both, made("boundary"), GRAY)
    assert "the settings depth, width do not change it" in note.message
    # What is automatic is no wish.
    as_it_is = job.model_copy(update={"architecture": Choice(name="unet", settings={"width": 0, "depth": 0})})
    assert not list(start_notes(as_it_is, made("boundary"), GRAY))


def test_a_new_class_begins_anew_and_the_others_stay(tmp_path: Path) -> None:
    a_model(tmp_path, GRAY)
    torch.manual_seed(2)
    new, _ = started(a_job(tmp_path, classes=(DEBRIS, CELL)), GRAY)
    old = load_model(tmp_path).network
    shared = old.out_channels
    assert torch.equal(new.state_dict()["head.weight"][:shared], old.state_dict()["head.weight"][:shared])


def info(name: str, names: tuple[str, ...]) -> ImageInfo:
    return ImageInfo(Path(name), 8, 8, 2, "uint8", "channels", "CYX", (2, 8, 8), "tiff", channel_names=names)


def test_a_training_knows_channel_names_that_all_images_share() -> None:
    assert plan_channels([info("a", ("x", "y")), info("b", ("x", "y"))]).names == ("x", "y")
    assert plan_channels([info("a", ("x", "y")), info("b", ("y", "x"))]).names == ()


def a_detector(folder: Path, **settings: Any) -> Network:
    torch.manual_seed(1)
    choice = Choice(name="detection", settings={"width": 16, **settings})
    kind = formulations.get(choice.name)
    network = kind(kind.Config.model_validate(choice.settings)).build_network(1)
    card = ModelCard(
        name="first",
        created="2026-11-21",
        formulation=choice,
        architecture=Choice(name="own"),
        in_channels=1,
        channels="gray",
        channel_names=(),
        classes=(CELL,),
    )
    save_model(folder, card, network.state_dict())
    return network


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"boxes": "rotated"}),
        ({"boxes": "rotated"}, {}),
        ({"detector": "retinanet"}, {"detector": "fcos"}),
        ({"detector": "fcos"}, {"boxes": "rotated"}),
    ],
)
def test_a_detector_with_other_settings_keeps_its_backbone(
    tmp_path: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    old = a_detector(tmp_path, **before).state_dict()
    job = a_job(tmp_path, formulation=Choice(name="detection", settings={"width": 16, **after}))
    kind = formulations.get("detection")
    formulation = kind(kind.Config.model_validate(job.formulation.settings))
    new = started_from(job, tmp_path, formulation, GRAY).state_dict()
    kept = {name for name in new if name in old and torch.equal(new[name], old[name])}
    assert {name for name in new if name.startswith("backbone")} <= kept
    notes = [note.code for note in start_notes(job, formulation, GRAY)]
    shapes, known = ({name: weight.shape for name, weight in weights.items()} for weights in (new, old))
    assert notes == ([] if shapes.items() <= known.items() else ["new-parts"])


def test_a_detector_of_another_width_is_refused(tmp_path: Path) -> None:
    a_detector(tmp_path)
    job = a_job(tmp_path, formulation=Choice(name="detection", settings={"width": 24}))
    kind = formulations.get("detection")
    with pytest.raises(BadModel, match="backbone is another"):
        started_from(job, tmp_path, kind(kind.Config(width=24)), GRAY)
