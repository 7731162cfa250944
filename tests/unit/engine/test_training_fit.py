"""Trainings of a few seconds on synthetic discs: what a user would notice."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import tifffile
import torch
from short_trainings import a_job, of

from segstudio.core.errors import BadInput, WrongUsage
from segstudio.engine.control import Control
from segstudio.engine.model_card import load_model
from segstudio.engine.run import run_job
from segstudio.engine.training.judge import Judge
from segstudio.engine.training.schedule import Plateau
from segstudio.jobs.messages import Artifact, Facts, Finished, Message, Metric, Preview, StateChanged, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, SampleRecord

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_scores_of_a_model_are_of_all_validation_images(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.training.finish._seconds", lambda *_: 0.0)  # for the first image only
    list(run_job(a_job(samples, tmp_path / "run")))
    card = load_model(RunFolder(tmp_path / "run").path).card
    assert card.trained_on["scored_images"] == 2


def test_a_short_training_finds_the_discs(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(
        samples, tmp_path / "run", training={"epochs": 6, "steps_per_epoch": 10}, formulation=Choice(name="joint")
    )
    messages = list(run_job(job))
    assert messages[0].kind == "started"
    assert isinstance(messages[-1], Finished)
    assert messages[-1].outcome == "done"
    assert float(messages[-1].summary["f1"]) > 0.8
    metrics = of(Metric, messages)
    assert len(metrics) >= 6
    assert {"train_loss", "learning_rate", "images_per_s"} <= metrics[0].values.keys()
    assert any({"val_loss", "val_f1", "val_ap", "val_iou"} <= metric.values.keys() for metric in metrics)
    assert any(metric.best for metric in metrics)
    assert all(message.job_id == "j" and message.time > 0 for message in messages)
    run = RunFolder(tmp_path / "run")
    assert run.status == "done"
    assert [event.kind for event in run.events()] == [message.kind for message in messages]
    preview = of(Preview, messages)[-1]
    assert preview.caption.startswith("finds ")
    assert all(Path(path).is_file() for path in (preview.image, preview.truth, preview.prediction))
    card = load_model(run.path).card
    assert card.scores["f1"] == messages[-1].summary["f1"]
    assert {"width": 8, "depth": 2}.items() <= card.architecture.settings.items()
    assert (card.trained_on["patch_size"], card.trained_on["batch_size"]) == (64, 4)
    assert card.trained_on["scored_on"] == "validation"
    assert card.pixel_size_um == 0.5
    assert card.object_diameter_px == pytest.approx(17, abs=5)
    assert not (run.path / "cache").exists()


def test_a_training_says_what_it_works_with_before_it_learns(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    messages = list(run_job(a_job(samples, tmp_path / "run")))
    kinds = [message.kind for message in messages]
    assert kinds.count("facts") == 1
    assert kinds.index("facts") < kinds.index("metric")
    values = of(Facts, messages)[0].values
    assert (values["train_images"], values["validation_images"], values["own_validation"]) == (4, 2, True)
    assert (values["patch_px"], values["batch"], values["stride"], values["channels"]) == (64, 4, 4, 1)
    assert (values["learning_rate"], values["schedule"], values["precision"]) == (5e-3, "one-cycle", "float32")
    assert (values["formulation"], values["from_scratch"], values["device"]) == ("boundary", True, "cpu")
    planned = RunFolder(tmp_path / "run").job().config["training"]
    assert (values["minutes"], values["epochs"]) == (planned["max_minutes"], planned["epochs"])
    assert values["train_objects:cell"] == values["train_objects"]
    assert 15 <= values["reach_px"] <= 40
    assert values["sees_whole"] is False
    last = of(Metric, messages)[-1].values
    assert last["val_f1_low"] <= last["val_f1"] <= last["val_f1_high"]
    assert last["val_objects"] == values["validation_objects"]


def test_the_first_look_does_not_wait_for_the_end_of_an_epoch(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.training.fit._FIRST_LOOK_S", 0.0)
    messages = list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 2})))
    metrics = of(Metric, messages)
    assert 0 < metrics[0].epoch < 1
    assert "val_f1" in metrics[0].values
    # On a slow computer the last epoch is told before it is judged, and again with what it was worth.
    assert [epoch for epoch, _ in groupby(metric.epoch for metric in metrics[1:])] == [1, 2]
    assert of(Preview, messages)[0].epoch == metrics[0].epoch


def test_stop_keeps_the_best_model(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"epochs": 1000})
    control = Control()
    messages = []
    for message in run_job(job, control):
        messages.append(message)
        if isinstance(message, Metric):
            control.request("stop")
    assert isinstance(messages[-1], Finished)
    assert messages[-1].outcome == "stopped"
    assert load_model(tmp_path / "run").card.name == "discs"
    assert RunFolder(tmp_path / "run").status == "stopped"


def test_pause_waits_and_resume_goes_on(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"epochs": 2})
    run = RunFolder.create(job)
    control = Control(run)
    kinds = []
    for message in run_job(job, control):
        kinds.append(message.kind)
        if isinstance(message, Metric) and message.epoch == 1:
            run.command("pause")
            control.refresh()
        if isinstance(message, StateChanged) and message.state == "paused":
            assert run.checkpoints.exists()
            run.command("resume")
    assert kinds.count("state") == 2
    assert kinds[-1] == "finished"


def test_a_stop_before_the_first_step_leaves_no_checkpoint(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", resume=True)
    run, control = RunFolder.create(job), Control()
    for message in run_job(job, control):
        if isinstance(message, Warned) and message.code == "no-checkpoint":
            control.request("stop")
    assert run.status == "stopped"
    assert not run.learned


def test_resume_gives_the_same_weights_as_one_run(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    whole = a_job(samples, tmp_path / "whole", training={"validation_share": 0.9})
    list(run_job(whole))
    cut = a_job(samples, tmp_path / "cut", training={"validation_share": 0.9})
    messages = run_job(cut)
    for message in messages:
        if isinstance(message, Metric) and message.epoch == 1:
            break
    messages.close()
    list(run_job(cut.model_copy(update={"resume": True})))
    first, second = load_model(tmp_path / "whole").network, load_model(tmp_path / "cut").network
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"epochs": 3})
    list(run_job(job))
    newest = sorted(RunFolder(job.run_folder).checkpoints.iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:500])
    longer = a_job(samples, tmp_path / "run", training={"epochs": 4}, resume=True)
    metrics = of(Metric, list(run_job(longer)))
    assert metrics[-1].epoch == 4
    assert metrics[0].epoch >= 3


def test_a_model_is_not_trained_over_when_no_checkpoint_can_be_read(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 1})))
    run = RunFolder(tmp_path / "run")
    for checkpoint in run.checkpoints.iterdir():
        checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    before = (run.model / "weights.safetensors").read_bytes()
    longer = a_job(samples, tmp_path / "run", training={"epochs": 2}, resume=True)
    with pytest.raises(WrongUsage, match="no checkpoint that can be read"):
        list(run_job(longer))
    assert (run.model / "weights.safetensors").read_bytes() == before


@pytest.mark.timeout(60)
def test_a_time_limit_is_kept(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    messages = list(run_job(a_job(samples, tmp_path / "run", training={"max_minutes": 0.05, "epochs": 0})))
    assert isinstance(messages[-1], Finished)
    rates = [metric.values["learning_rate"] for metric in of(Metric, messages)]
    assert rates[-1] < 0.001


def test_a_limit_that_is_over_before_the_first_step_gives_a_model(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    messages = list(run_job(a_job(samples, tmp_path / "run", training={"max_minutes": 1e-6, "epochs": 0})))
    assert [message.outcome for message in of(Finished, messages)] == ["done"]
    assert RunFolder(tmp_path / "run").model.is_dir()


def test_an_open_training_stops_when_it_gets_no_better(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"epochs": 0, "steps_per_epoch": 2, "patience": 2, "plateau_patience": 1, "learning_rate": 1e-6}
    monkeypatch.setattr(Judge, "preview", lambda *arguments: iter(()))
    messages = list(run_job(a_job(samples, tmp_path / "run", training=limits)))
    assert isinstance(messages[-1], Finished)
    assert messages[-1].outcome == "done"


def test_colour_and_gray_images_train_together(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    gray = tifffile.imread(samples[0].image)
    tifffile.imwrite(tmp_path / "colour.tif", np.stack([gray] * 3, axis=-1), photometric="rgb")
    mixed = (samples[0].model_copy(update={"image": tmp_path / "colour.tif"}), *samples[1:])
    messages = list(run_job(a_job(mixed, tmp_path / "run")))
    assert "channels-converted" in [w.code for w in of(Warned, messages)]
    assert load_model(tmp_path / "run").card.channels == "gray"


def _artifacts(messages: list[Message]) -> Iterator[str]:
    return (message.path for message in messages if isinstance(message, Artifact))


def test_the_model_is_announced(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    messages = list(run_job(a_job(samples, tmp_path / "run")))
    assert list(_artifacts(messages)) == [str(tmp_path / "run" / "model")]


def test_a_folder_with_a_run_is_not_trained_over(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"epochs": 1})
    list(run_job(job))
    with pytest.raises((WrongUsage, BadInput), match="not empty"):
        list(run_job(job))


def test_of_weights_that_find_nothing_those_of_the_least_loss_are_the_best() -> None:
    scores, losses = iter([0.0, 0.0, 0.0, 0.3, 0.3]), iter([9.0, 4.0, 5.0, 6.0, 7.0])

    def judged(_weights: Any, decode: Any) -> Any:
        return decode, SimpleNamespace(score=next(scores), figures=dict)

    prepared = SimpleNamespace(validation_batches=(1,), validator=SimpleNamespace(run=judged))
    stepper = SimpleNamespace(
        average=SimpleNamespace(weights={}), validation_loss=lambda _batches, _weights: next(losses)
    )
    judge = Judge(cast("Any", prepared), cast("Any", None), Plateau(3, 0))
    better = [judge.validate(cast("Any", stepper), step, float(step))[1] for step in range(5)]
    assert better == [True, True, False, True, False]
