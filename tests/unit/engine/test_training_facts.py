"""What a training says of its data, network and plan, and how far its scores can be believed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from factories import discs, write_pairs
from hypothesis import given
from hypothesis import strategies as st
from recorded_runs import a_job

from segstudio.engine.architectures import architectures
from segstudio.engine.data.dataset import LabelledPart
from segstudio.engine.formulations import DecodeSettings, formulations
from segstudio.engine.formulations.semantic import Semantic
from segstudio.engine.network import Network
from segstudio.engine.run import run_job
from segstudio.engine.training.confidence import f1_interval
from segstudio.engine.training.facts import class_pixels, data_facts, level_facts, network_facts
from segstudio.engine.training.validate import Validator
from segstudio.jobs.messages import Facts
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob
from segstudio.project.folder_samples import folder_samples

CELL, DEBRIS = ClassSpec(id=1, name="cell"), ClassSpec(id=4, name="debris")


def a_part(image_id: str, known: np.ndarray, **classes: int) -> LabelledPart:
    sample = SampleRecord(
        image_id=image_id, image=Path(f"{image_id}.tif"), object_classes={int(k[1:]): v for k, v in classes.items()}
    )
    return LabelledPart(sample, np.zeros((1, *known.shape), np.float32), known)


def test_images_and_objects_are_counted_by_split_and_class() -> None:
    three = discs((64, 64), [(10, 10), (10, 40), (40, 30)], 6)
    three[60:] = -1
    one = discs((32, 32), [(16, 16)], 6)
    facts = data_facts((CELL, DEBRIS), [a_part("a", three, o2=4), a_part("b", one)], [a_part("c", one)])
    assert (facts["train_images"], facts["train_objects"]) == (2, 4)
    assert (facts["train_objects:cell"], facts["train_objects:debris"]) == (3, 1)
    assert (facts["validation_objects:cell"], facts["validation_objects:debris"]) == (1, 0)
    assert facts["train_labelled_px"] == 60 * 64 + 32 * 32
    assert facts["object_diameter_px"] == pytest.approx(12, abs=0.5)


def test_an_object_in_two_parts_of_an_image_counts_once() -> None:
    whole = discs((64, 64), [(32, 20)], 8)
    facts = data_facts((CELL,), [a_part("a", whole), a_part("a", whole[:34])], [])
    assert (facts["train_images"], facts["train_objects"], facts["validation_images"]) == (1, 1, 0)
    assert facts["object_diameter_px"] == pytest.approx(16, abs=0.5)


def test_labelled_pixels_are_counted_by_class() -> None:
    known = np.zeros((10, 10), np.int32)
    known[0, :3], known[1, :5], known[2] = 1, 2, -1
    assert class_pixels((CELL, DEBRIS), [a_part("a", known, o2=4)]) == (82, 3, 5)


class _Blind(Network):
    stride, in_channels, out_channels = 4, 2, 1


def test_a_network_that_knows_its_reach_is_believed() -> None:
    network = _Blind()
    network.reach = 30
    assert network_facts(network) == {
        "parameters": 0,
        "stride": 4,
        "channels": 2,
        "reach_px": 30,
        "sees_whole": False,
    }


@pytest.mark.parametrize(
    ("name", "settings", "levels"),
    [
        ("unet", {"depth": 4}, ("depth", 4, 6)),
        ("encoder_unet", {}, ("encoder_depth", 3, 5)),
        ("encoder_unet", {"encoder": "squeezenet1_1", "encoder_depth": 2}, ("encoder_depth", 2, 4)),
    ],
)
def test_the_levels_of_a_network_are_told_with_how_many_it_may_have(
    name: str, settings: dict[str, Any], levels: tuple[str, int, int]
) -> None:
    job = a_job(architecture=Choice(name=name, settings=settings))
    told = level_facts(job)
    assert (told["levels_setting"], told["levels"], told["most_levels"]) == levels
    assert level_facts(job.model_copy(update={"formulation": Choice(name="mask_rcnn")})) == {}
    assert level_facts(job.model_copy(update={"start_from": Path("m")})) == {}


def test_a_network_that_sees_all_has_no_reach() -> None:
    network = _Blind()
    network.sees_whole = True
    assert network_facts(network)["reach_px"] is None
    assert network_facts(network)["sees_whole"] is True


def test_images_that_differ_give_a_wide_interval_and_many_alike_a_narrow_one() -> None:
    wide = f1_interval([[10, 0, 0], [0, 10, 10]], ["a", "b"])
    assert wide == (0.0, 1.0)
    many = f1_interval([[9, 1, 1]] * 60 + [[8, 2, 2]] * 60, [str(i) for i in range(120)])
    assert many is not None
    assert many[0] < 0.85 < many[1]
    assert many[1] - many[0] < 0.03


def test_one_image_says_nothing_about_others() -> None:
    assert f1_interval([[9, 1, 1], [2, 5, 5]], ["a", "a"]) is None


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=2, max_size=12))
def test_an_interval_holds_the_score_and_lies_between_the_worst_and_best_image(
    counts: list[tuple[int, int, int]],
) -> None:
    found = f1_interval(counts, [str(i) for i in range(len(counts))])
    assert found is not None
    low, high = found
    single = [2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0 for tp, fp, fn in counts]
    assert min(single) - 1e-9 <= low <= high <= max(single) + 1e-9


def test_the_picture_of_a_validation_is_of_the_part_with_the_most_objects() -> None:
    """Ids are those of whole images: a part of few objects may hold large ones."""
    few, many = discs((32, 32), [(16, 16)], 6) * 500, discs((32, 32), [(8, 8), (8, 24), (24, 16)], 5)
    formulation = formulations.get("semantic")()
    network = architectures.get("unet")(architectures.get("unet").smallest()).build(1, 2)
    validator = Validator([a_part("a", few), a_part("b", many)], network, formulation, torch.device("cpu"))
    shown = validator.pictures(network.state_dict(), formulation.decode_candidates()[0])
    assert shown.caption.endswith("of 3 objects")


class _Shy(Network):
    """Sees what is brighter as more likely, and is never sure: 45 % at most."""

    stride, in_channels, out_channels, reach = 1, 1, 2, 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        sure = (0.05 + 0.4 * image).logit()
        return torch.cat([torch.zeros_like(sure), sure], dim=1)


def test_a_network_that_is_right_before_it_is_sure_is_scored_for_what_it_finds() -> None:
    known = discs((64, 64), [(12, 12), (12, 44), (44, 30)], 8)
    part = LabelledPart(a_part("a", known).sample, (known > 0)[None].astype(np.float32), known)
    formulation = formulations.get("semantic")()
    validator = Validator([part], _Shy(), formulation, torch.device("cpu"))
    candidates = formulation.decode_candidates()
    assert candidates[0].threshold > 0.45
    decode, result = validator.run({}, candidates[0])
    assert (result.found, result.predicted, result.f1) == (3, 3, 1.0)
    assert decode.threshold < 0.45
    assert validator.pictures({}, decode).caption == "finds 3 of 3 objects"


def test_few_images_choose_another_decoder_only_when_chance_does_not_explain_it() -> None:
    """On one image a lower threshold finds two faint objects more, on the other it finds a false one."""
    faint = discs((64, 64), [(12, 12), (12, 44), (44, 30)], 8)
    false = discs((64, 64), [(12, 12), (12, 44)], 8)
    found = {"a": np.where(faint == 1, 1.0, 0.85 * (faint > 0)), "b": np.where(false == 1, 1.0, 0.85 * (false > 0))}
    known = {"a": faint, "b": np.where(false == 1, 1, 0).astype(np.int32)}
    parts = [
        LabelledPart(a_part(name, known[name]).sample, found[name][None].astype(np.float32), known[name])
        for name in ("a", "b")
    ]

    class Few(Semantic):
        def decode_candidates(self) -> list[DecodeSettings]:
            return [self.DecodeConfig(threshold=threshold) for threshold in (0.42, 0.35)]

    class Doubtful(Few):
        first_in_doubt = True

    def chosen(formulation: Semantic, parts: list[LabelledPart]) -> float:
        *_, (_, decode, _) = Validator(parts, _Shy(), formulation, torch.device("cpu")).tune({}, 60)
        return decode.threshold

    assert chosen(Few(), parts) == 0.35
    assert chosen(Doubtful(), parts) == 0.42
    assert chosen(Few(), parts[:1]) == 0.35
    assert chosen(Doubtful(), parts[:1]) == 0.42, "one image says nothing about others"
    # It is better on each image: chance does not explain that.
    assert chosen(Doubtful(), [parts[0], replace(parts[0], sample=a_part("c", faint).sample)]) == 0.35


def test_a_network_of_the_formulation_is_called_its_own(tmp_path: Path) -> None:
    write_pairs(tmp_path, 2, (64, 64))
    job = TrainJob(
        job_id="1",
        name="boxes",
        run_folder=tmp_path / "run",
        samples=tuple(folder_samples(tmp_path)),
        classes=(CELL,),
        formulation=Choice(name="detection", settings={"width": 8}),
        config={"training": {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "precision": "float32"}},
        device="cpu",
    )
    (facts,) = (message for message in run_job(job) if isinstance(message, Facts))
    assert facts.values["architecture"] == "own"
    assert (facts.values["result"], facts.values["separates"]) == ("boxes", True)
    assert (facts.values["largest_setting"], facts.values["most_px"]) == ("largest", 4096)
