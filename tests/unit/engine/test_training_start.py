"""What a training begins with: settings, data, a model; and what of them is refused or warned of."""

from pathlib import Path
from typing import Any

import pytest
import torch
from short_trainings import a_job, of

from segstudio.core.errors import BadModel, UserError, WrongUsage
from segstudio.engine.architectures.unet import UNet
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import load_model
from segstudio.engine.run import run_job
from segstudio.engine.training.start_from import started_from
from segstudio.jobs.messages import Finished, Metric, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord

pytestmark = pytest.mark.usefixtures("one_thread")


def test_what_is_asked_for_is_done_or_told(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.architectures.unet.UNet.build", _without_encoder(UNet.build))
    wishes = {"frozen_epochs": 1, "tensorboard": True, "deterministic": True, "validation_share": 0.01, "epochs": 3}
    messages = list(run_job(a_job(samples, tmp_path / "run", training=wishes)))
    assert [w.code for w in of(Warned, messages)] == ["no-encoder"]
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 1
    assert ["val_f1" in metric.values for metric in of(Metric, messages)] == [True] * 3, "not by the clock"
    assert not torch.are_deterministic_algorithms_enabled()


def _without_encoder(build: Any) -> Any:
    def built(*arguments: Any) -> Any:
        network = build(*arguments)
        network.encoder_parameters = lambda: iter(())
        return network

    return built


def test_a_schedule_without_its_length_is_refused_before_data_are_read(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    with pytest.raises(WrongUsage, match="cosine needs to know how long"):
        list(run_job(a_job(samples, tmp_path / "run", training={"schedule": "cosine", "epochs": 0})))


def test_without_validation_images_it_warns_and_still_trains(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    alone = tuple(sample for sample in samples if sample.split == "train")
    messages = list(run_job(a_job(alone, tmp_path / "run")))
    assert "no-validation" in [w.code for w in of(Warned, messages)]
    assert load_model(tmp_path / "run").card.trained_on["scored_on"] == "training"


def test_a_class_without_objects_is_named(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    classes = (ClassSpec(id=1, name="cell"), ClassSpec(id=2, name="debris"))
    messages = list(run_job(a_job(samples, tmp_path / "run", classes=classes)))
    (warning,) = [w for w in of(Warned, messages) if w.code == "class-missing"]
    assert "debris" in warning.message


def test_a_class_that_is_not_validated_is_named(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    classes = (ClassSpec(id=1, name="cell"), ClassSpec(id=2, name="debris"))
    both = tuple(s.model_copy(update={"object_classes": {1: 2}}) if s.split == "train" else s for s in samples)
    messages = list(run_job(a_job(both, tmp_path / "run", classes=classes, training={"epochs": 1})))
    (warning,) = [w for w in of(Warned, messages) if w.code == "class-not-validated"]
    assert "debris" in warning.message


def test_training_from_a_model_starts_with_its_weights(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    list(run_job(a_job(samples, tmp_path / "first", training={"epochs": 4, "steps_per_epoch": 10})))
    start = load_model(tmp_path / "first").card.scores["f1"]
    job = a_job(samples, tmp_path / "second", training={"epochs": 1}, start_from=tmp_path / "first")
    finished = list(run_job(job))[-1]
    assert isinstance(finished, Finished)
    assert float(finished.summary["f1"]) >= start - 0.1


@pytest.mark.parametrize("formulation", ["joint", "boundary", "semantic"])
def test_a_model_with_other_classes_is_a_start_too(
    samples: tuple[SampleRecord, ...], tmp_path: Path, formulation: str
) -> None:
    cell, debris, other = ClassSpec(id=1, name="cell"), ClassSpec(id=2, name="debris"), ClassSpec(id=7, name="other")
    kind = Choice(name=formulation)
    list(run_job(a_job(samples, tmp_path / "one", classes=(cell,), formulation=kind)))
    job = a_job(
        samples, tmp_path / "three", classes=(debris, other, cell), formulation=kind, start_from=tmp_path / "one"
    )
    assert isinstance(list(run_job(job))[-1], Finished)
    build = formulations.get(formulation)
    two = a_job(samples, tmp_path / "two", classes=(other, debris), formulation=kind)
    network = started_from(two, tmp_path / "three", build(None, (7, 2)), ChannelPlan("gray", 1))
    before, after = load_model(tmp_path / "three").network.state_dict(), network.state_dict()
    shared = before["head.weight"].shape[0] - 3
    assert torch.equal(after["head.weight"][:shared], before["head.weight"][:shared])
    assert torch.equal(after["head.weight"][shared:], before["head.weight"][[shared + 1, shared]])
    assert torch.equal(after["head.bias"][shared:], before["head.bias"][[shared + 1, shared]])


def test_a_start_model_of_another_kind_gives_its_network_and_that_is_said(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    list(run_job(a_job(samples, tmp_path / "first")))
    job = a_job(samples, tmp_path / "second", formulation=Choice(name="semantic"), start_from=tmp_path / "first")
    messages = list(run_job(job))
    assert isinstance(messages[-1], Finished)
    assert "new-head" in [warning.code for warning in of(Warned, messages)]


def test_a_start_model_with_another_network_is_refused(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    list(run_job(a_job(samples, tmp_path / "first", training={"epochs": 1})))
    job = a_job(samples, tmp_path / "second", architecture=Choice(name="linknet"), start_from=tmp_path / "first")
    with pytest.raises(BadModel, match="its network is U-Net"):
        list(run_job(job))


def _no_samples(samples: tuple[SampleRecord, ...]) -> tuple[SampleRecord, ...]:
    return ()


def _no_labels(samples: tuple[SampleRecord, ...]) -> tuple[SampleRecord, ...]:
    return tuple(sample.model_copy(update={"labels": None, "complete": False}) for sample in samples)


def _missing_image(samples: tuple[SampleRecord, ...]) -> tuple[SampleRecord, ...]:
    return (samples[0].model_copy(update={"image": samples[0].image.with_name("gone.tif")}), *samples[1:])


@pytest.mark.parametrize(
    ("change", "words"), [(_no_samples, "no image"), (_no_labels, "labelled object"), (_missing_image, "gone.tif")]
)
def test_unusable_data_get_a_sentence(
    samples: tuple[SampleRecord, ...], tmp_path: Path, change: Any, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        list(run_job(a_job(change(samples), tmp_path / "run")))
    failed = RunFolder(tmp_path / "run").events()[-1]
    assert failed.kind == "failed"


def test_wrong_settings_are_named(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="batch_size"):
        list(run_job(a_job(samples, tmp_path / "run", training={"batch_size": -1})))
