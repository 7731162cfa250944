"""Choices with which nothing could be learned: refused with a sentence before anything is read, or warned of."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factories import cells, write_splits

from segstudio.core.errors import WrongUsage
from segstudio.core.metrics import evaluate
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.run import check, plan_job, run_job
from segstudio.engine.training.choices import fetches_weights
from segstudio.jobs.messages import Facts, Message, Warned
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob, ValidateJob
from segstudio.project.folder_samples import folder_samples

UNET = Choice(name="unet", settings={"width": 4, "depth": 1})


def _job(folder: Path, formulation: str, settings: dict[str, Any]) -> TrainJob:
    return TrainJob(
        job_id="t",
        name="t",
        run_folder=folder / "run",
        samples=tuple(folder_samples(folder / "data")) if (folder / "data").is_dir() else (),
        classes=(ClassSpec(id=1, name="cell"), ClassSpec(id=4, name="tissue")),
        formulation=Choice(name=formulation, settings=settings),
        architecture=UNET,
        device="cpu",
    )


def _built(name: str, settings: dict[str, Any]) -> Formulation:
    kind = formulations.get(name)
    return kind(kind.Config.model_validate(settings))


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("joint", dict.fromkeys(("flow_weight", "foreground_weight", "distance_weight", "boundary_weight"), 0), None),
        ("joint", {"foreground_weight": 0}, "The weight foreground_weight is 0: the network would not learn the fore"),
        ("joint", {"flow_weight": 0, "distance_weight": 0}, "The weights flow_weight, distance_weight are 0"),
        ("distance", {"distance": "signed", "distance_weight": 0}, "distance_weight is 0"),
        ("stardist", {"ray_weight": 0}, "ray_weight is 0"),
        ("mask_rcnn", {"mask_weight": 0}, "the outlines inside the boxes"),
        ("detection", {"box_weight": 0}, "box_weight is 0"),
        ("panoptic", {"class_weight": 0, "stuff_classes": "1, 4"}, "class_weight is 0"),
    ],
)
def test_weights_without_which_nothing_is_found_are_refused_before_anything_is_read(
    tmp_path: Path, name: str, settings: dict[str, Any], said: str | None
) -> None:
    job = _job(tmp_path, name, settings)  # without any image
    for refuse in (check, lambda job: list(plan_job(job)), lambda job: list(run_job(job))):
        with pytest.raises(WrongUsage, match=said) as error:
            refuse(job)
        assert error.value.code == "nothing-learned"
        assert "above 0; usual" in error.value.hint


def test_the_form_shows_the_refusal_at_the_weight() -> None:
    job = ValidateJob(
        job_id="v", formulation=Choice(name="joint", settings={"foreground_weight": 0}), architecture=UNET
    )
    told = {item.hint: item.message for item in run_job(job) if isinstance(item, Warned) and item.code == "setting"}
    assert list(told) == ["formulation.foreground_weight"]
    assert "would not learn the foreground" in told["formulation.foreground_weight"]


@pytest.mark.parametrize("settings", [{"offset_weight": 0, "stuff_classes": "1 4"}, {"centre_weight": 1}])
def test_areas_need_no_centres(tmp_path: Path, settings: dict[str, Any]) -> None:
    check(_job(tmp_path, "panoptic", settings))


def _said(messages: list[Message]) -> dict[str, str]:
    return {item.code: item.message for item in messages if isinstance(item, Warned)}


def test_a_weight_that_the_decoder_can_do_without_is_warned_of(tmp_path: Path) -> None:
    write_splits(tmp_path / "data", 2, 1, shape=(48, 48), diameter=12)
    messages = list(plan_job(_job(tmp_path, "joint", {"flow_weight": 0})))
    assert "flow_weight is 0" in _said(messages)["map-not-learned"]
    assert "by their distance only" in _said(messages)["map-not-learned"]
    assert any(isinstance(item, Facts) for item in messages)


@pytest.mark.parametrize(
    ("name", "weight", "random"),
    [
        ("joint", "flow_weight", [0, 1]),
        ("joint", "distance_weight", [3]),
        ("joint", "boundary_weight", [4]),
        ("stardist", "foreground_weight", [1]),
    ],
)
def test_what_is_found_does_not_depend_on_maps_that_nothing_teaches(name: str, weight: str, random: list[int]) -> None:
    labels = cells((128, 128), 20).labels
    formulation = _built(name, {weight: 0})
    maps = formulation.perfect_maps(formulation.encode(labels))
    spoilt = maps.copy()
    spoilt[random] = np.random.default_rng(0).uniform(0, 1, spoilt[random].shape)
    for candidate in formulation.decode_candidates():
        found, other = formulation.decode(maps, candidate), formulation.decode(spoilt, candidate)
        assert np.array_equal(found.labels, other.labels)
        assert found.scores == other.scores
        assert min(found.scores.values()) > 0.3
        assert evaluate(labels, found.labels, (0.5,)).counts[0].f1 > 0.85


@pytest.mark.parametrize(
    ("name", "weight", "asked"),
    [
        ("joint", "flow_weight", {"decoder": "flow"}),
        ("joint", "distance_weight", {"decoder": "distance"}),
        ("stardist", "foreground_weight", {"outline": "foreground"}),
    ],
)
def test_a_decoder_that_reads_what_nothing_taught_is_refused(name: str, weight: str, asked: dict[str, str]) -> None:
    formulation = _built(name, {weight: 0})
    maps = np.zeros((formulation.out_channels, 32, 32), np.float32)
    with pytest.raises(WrongUsage, match="has not learned") as error:
        formulation.decode(maps, formulation.DecodeConfig.model_validate(asked))
    assert error.value.hint.startswith("Choose the ")


@pytest.mark.parametrize(("given", "missing"), [("7", "class 7"), ("1, 2, 9", "classes 2, 9")])
def test_classes_of_areas_that_do_not_exist_are_refused_by_naming_those_that_do(
    tmp_path: Path, given: str, missing: str
) -> None:
    job = _job(tmp_path, "panoptic", {"stuff_classes": given})
    for refuse in (check, lambda job: list(plan_job(job)), lambda job: list(run_job(job))):
        with pytest.raises(WrongUsage, match=rf"names {missing}, but the classes are 1 \(cell\), 4 \(tissue\)"):
            refuse(job)
    check(_job(tmp_path, "panoptic", {"stuff_classes": "4"}))


@pytest.mark.parametrize(
    ("formulation", "architecture", "said"),
    [
        ("joint", Choice(name="unet", settings={"depth": 4}), "at least 32 px, or fewer levels of the network (depth)"),
        ("joint", Choice(name="fcn"), "at least 32 px, or fewer levels of the network (encoder_depth)"),
        ("mask_rcnn", UNET, "at least 64 px, or 0 for one that suits the objects"),
        ("detection", UNET, "at least 64 px, or 0 for one that suits the objects"),
    ],
)
def test_patches_that_are_too_small_are_told_at_the_field_with_what_helps(
    formulation: str, architecture: Choice, said: str
) -> None:
    job = ValidateJob(
        job_id="v",
        formulation=Choice(name=formulation),
        architecture=architecture,
        config={"data": {"patch_size": 12}},
    )
    told = {item.hint: item.message for item in run_job(job) if isinstance(item, Warned) and item.code == "setting"}
    assert list(told) == ["data.patch_size"]
    assert said in told["data.patch_size"]


def test_the_patch_is_not_held_against_a_network_that_a_start_model_replaces(tmp_path: Path) -> None:
    job = ValidateJob(
        job_id="v", formulation=Choice(name="joint"), architecture=UNET, config={"data": {"patch_size": 2}}
    )
    told = [item for item in run_job(job) if isinstance(item, Warned)]
    assert told
    started = job.model_copy(update={"start_from": tmp_path / "model"})
    assert not [item for item in run_job(started) if isinstance(item, Warned)]


def test_areas_of_a_class_that_there_is_not_are_told_in_the_form_too() -> None:
    areas = Choice(name="panoptic", settings={"stuff_classes": "7"})
    job = ValidateJob(job_id="v", formulation=areas, architecture=UNET, classes=(ClassSpec(id=1, name="cell"),))
    (told,) = (item for item in run_job(job) if isinstance(item, Warned))
    assert told.message.startswith("The setting stuff_classes names class 7, but the classes are 1 (cell).")


def test_patches_that_are_too_small_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    job = _job(tmp_path, "joint", {}).model_copy(update={"config": {"data": {"patch_size": 2}}})
    for refuse in (check, lambda job: list(plan_job(job)), lambda job: list(run_job(job))):
        with pytest.raises(WrongUsage, match="Patches of 2 px are too small") as error:
            refuse(job)
        assert error.value.code == "patch-too-small"


@pytest.mark.parametrize(
    ("frozen", "epochs", "codes"),
    [
        (0, 4, set()),
        (2, 4, {"frozen-random"}),
        (2, 0, {"frozen-random"}),
        (4, 4, {"frozen-random", "frozen-throughout"}),
    ],
)
def test_a_frozen_encoder_that_helps_nothing_is_told(tmp_path: Path, frozen: int, epochs: int, codes: set[str]) -> None:
    write_splits(tmp_path / "data", 2, 1, shape=(48, 48), diameter=12)
    job = _job(tmp_path, "semantic", {})
    training = {"frozen_epochs": frozen, "epochs": epochs}
    messages = list(plan_job(job.model_copy(update={"config": {"training": training}})))
    assert {code for code in _said(messages) if code.startswith("frozen")} == codes


@pytest.mark.parametrize(
    ("formulation", "architecture", "fetched"),
    [
        (Choice(name="joint"), UNET, False),
        (Choice(name="joint"), Choice(name="fpn"), False),
        (Choice(name="joint"), Choice(name="fpn", settings={"pretrained": True}), True),
        (Choice(name="mask_rcnn"), Choice(name="fpn", settings={"pretrained": True}), False),
        (Choice(name="mask_rcnn", settings={"backbone": "resnet50", "pretrained": "imagenet"}), UNET, True),
    ],
    ids=["unet", "random encoder", "encoder", "network of its own", "backbone"],
)
def test_what_brings_the_network_says_whether_weights_are_fetched(
    tmp_path: Path, formulation: Choice, architecture: Choice, fetched: bool
) -> None:
    job = _job(tmp_path, "joint", {}).model_copy(update={"formulation": formulation, "architecture": architecture})
    assert fetches_weights(job) is fetched
    assert not fetches_weights(job.model_copy(update={"start_from": tmp_path}))


def test_a_network_that_fetches_weights_unasked_is_known_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family = architectures.get("unet")
    monkeypatch.setattr(family, "pretrained", property(lambda _self: True))
    assert fetches_weights(_job(tmp_path, "joint", {}))
