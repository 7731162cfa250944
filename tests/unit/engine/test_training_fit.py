"""Trainings of a few seconds on synthetic discs: what a user would notice."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray

from segstudio.core.errors import BadInput, BadModel, JobFailed, UserError, WrongUsage
from segstudio.engine.architectures.unet import UNet
from segstudio.engine.control import Control
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import load_model
from segstudio.engine.run import run_job
from segstudio.engine.training.checkpoint import read_newest
from segstudio.engine.training.fit import Training
from segstudio.engine.training.judge import Judge
from segstudio.engine.training.start_from import started_from
from segstudio.engine.training.stepper import Stepper
from segstudio.engine.training.validate import Validator
from segstudio.jobs.messages import Artifact, Facts, Finished, Message, Metric, Preview, StateChanged, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

FAST: dict[str, dict[str, Any]] = {
    "data": {"patch_size": 64},
    "training": {"max_minutes": 0, "epochs": 2, "steps_per_epoch": 10, "batch_size": 4, "precision": "float32"},
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))


def discs(seed: int, size: int = 96, count: int = 7) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Bright discs that do not overlap on a dark, noisy ground."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    rows, columns = np.mgrid[:size, :size]
    for number in range(1, count + 1):
        for _ in range(50):
            (y, x), radius = rng.uniform(8, size - 8, 2), rng.uniform(6, 11)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            if not labels[disc].any():
                labels[disc] = number
                break
    image = np.where(labels > 0, 140, 30) + rng.normal(0, 8, labels.shape)
    return np.clip(image, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleRecord, ...]:
    folder = tmp_path_factory.mktemp("discs")
    records = []
    for index in range(6):
        image, labels = discs(index)
        tifffile.imwrite(folder / f"{index}.tif", image)
        tifffile.imwrite(folder / f"{index}-labels.tif", labels.astype(np.uint16))
        records.append(
            SampleRecord(
                image_id=str(index),
                image=folder / f"{index}.tif",
                labels=folder / f"{index}-labels.tif",
                complete=True,
                pixel_size_um=0.5,
                split="val" if index >= 4 else "train",
            )
        )
    return tuple(records)


def a_job(samples: tuple[SampleRecord, ...], folder: Path, **changes: Any) -> TrainJob:
    config = {name: {**section, **changes.pop(name, {})} for name, section in FAST.items()}
    values: dict[str, Any] = {
        "job_id": "j",
        "name": "discs",
        "run_folder": folder,
        "samples": samples,
        "classes": (ClassSpec(id=1, name="cell"),),
        "architecture": Choice(name="unet", settings={"width": 8, "depth": 2}),
        "formulation": Choice(name="boundary"),
        "config": config,
        "device": "cpu",
    }
    return TrainJob(**{**values, **changes})


def of(kind: type, messages: list[Message]) -> list[Any]:
    return [message for message in messages if isinstance(message, kind)]


def test_the_scores_of_a_model_are_of_all_validation_images(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.training.finish._seconds", lambda *_: 0.0)  # for the first image only
    list(run_job(a_job(samples, tmp_path / "run")))
    card = load_model(RunFolder(tmp_path / "run").path).card
    assert card.trained_on["scored_images"] == 2


def test_a_short_training_finds_the_discs(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"epochs": 6}, formulation=Choice(name="joint"))
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


class _Faulty:
    """Lets chosen steps fail as an out-of-memory or a broken network would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
        self.calls = 0
        original = Stepper.losses

        def losses(stepper: Stepper, batch: Any) -> Any:
            self.calls += 1
            changed = fault(self.calls, batch, stepper)
            return original(stepper, batch) if changed is None else changed

        monkeypatch.setattr(Stepper, "losses", losses)


def test_out_of_memory_halves_the_batch_and_says_so(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(call: int, batch: Any, stepper: Stepper) -> None:
        if len(batch.image) > 2 and stepper.network.training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    _Faulty(monkeypatch, fault)
    messages = list(run_job(a_job(samples, tmp_path / "run")))
    assert isinstance(messages[-1], Finished)
    (warning,) = [w for w in of(Warned, messages) if w.code == "batch-halved"]
    assert "2 patches" in warning.message


def test_out_of_memory_with_one_patch_fails_with_a_remedy(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(call: int, batch: Any, stepper: Stepper) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    _Faulty(monkeypatch, fault)
    with pytest.raises(JobFailed, match="memory"):
        list(run_job(a_job(samples, tmp_path / "run")))
    assert RunFolder(tmp_path / "run").status == "failed"


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_at_most_three_smaller_batches_are_tried_whenever_the_memory_runs_out(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    sizes: list[int] = []

    def fault(call: int, batch: Any, stepper: Stepper) -> None:
        if call > 3 and stepper.network.training:
            sizes.append(len(batch.image))
            raise torch.OutOfMemoryError("CUDA out of memory.")

    _Faulty(monkeypatch, fault)
    with pytest.raises(JobFailed, match=r"not even for batches of \d+ patch"):
        list(run_job(a_job(samples, tmp_path / "run", training={"batch_size": batch_size})))
    assert sizes == [size for size in (batch_size >> n for n in range(4)) if size]


def test_a_loss_that_is_not_finite_restores_weights_and_halves_the_rate(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(call: int, batch: Any, stepper: Stepper) -> Any:
        if 13 <= call < 16 and stepper.network.training:
            return {"broken": torch.tensor(float("nan"), requires_grad=True)}
        return None

    _Faulty(monkeypatch, fault)
    messages = list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 3})))
    assert isinstance(messages[-1], Finished)
    assert [w.code for w in of(Warned, messages)].count("not-finite") == 1
    weights = load_model(tmp_path / "run").network.state_dict().values()
    assert all(torch.isfinite(tensor).all() for tensor in weights if tensor.is_floating_point())


def _not_finite_at(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """Let the loss of these training steps, from 1, be no number; validations do not count."""
    taken = count(1)

    def fault(call: int, batch: Any, stepper: Stepper) -> Any:
        broken = stepper.network.training and next(taken) in steps
        return {"broken": torch.tensor(float("nan"), requires_grad=True)} if broken else None

    _Faulty(monkeypatch, fault)


def _rates(metrics: list[Metric]) -> list[float]:
    return [metric.values["learning_rate"] for metric in metrics]


#: No cycle, no warm-up: the rate says what was done to it.
STEADY = {"schedule": "plateau", "warm_up": 0.0, "learning_rate": 4e-3, "plateau_patience": 1000, "patience": 0}


def test_after_three_steps_that_are_not_finite_the_rate_is_half(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _not_finite_at(monkeypatch, 23, 24, 25)
    metrics = of(Metric, list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 4, **STEADY}))))
    rates = _rates(metrics)
    assert rates[0] == pytest.approx(4e-3)
    assert rates[-1] == pytest.approx(2e-3)


def test_on_a_plateau_the_rate_is_halved_each_time(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Validator.run

    def no_better(validator: Validator, *arguments: Any) -> Any:
        decode, result = original(validator, *arguments)
        return decode, replace(result, ap=0.5, ap75=0.5)

    monkeypatch.setattr(Validator, "run", no_better)
    limits = {"epochs": 6, "steps_per_epoch": 2, **STEADY, "plateau_patience": 2, "validation_share": 0.9}
    monkeypatch.setattr(Judge, "preview", lambda *arguments: iter(()))
    monkeypatch.setattr(Training, "_first_look_due", False)
    job = a_job(samples, tmp_path / "run", training=limits)
    rates: list[float] = []
    for message in run_job(job):
        if isinstance(message, Metric):
            rates.append(message.values["learning_rate"])
    assert rates[0] == pytest.approx(4e-3)
    assert rates[-1] <= 2e-3
    assert all(before / after in (pytest.approx(1), pytest.approx(2)) for before, after in pairwise(rates))


def test_without_a_length_the_rate_warms_up(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    warm = {**STEADY, "warm_up": 0.05, "epochs": 2}  # 5 of 100 epochs of 10 steps: 50 steps
    rates = _rates(of(Metric, list(run_job(a_job(samples, tmp_path / "run", training=warm)))))
    assert rates[:2] == pytest.approx([4e-3 * 11 / 50, 4e-3 * 21 / 50])


@pytest.mark.parametrize("together", [1, 2])
def test_single_steps_that_are_not_finite_are_told_once_and_counted(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    _not_finite_at(monkeypatch, *range(3, 3 + together), 9)
    messages = list(run_job(a_job(samples, tmp_path / "run")))
    assert [w.code for w in of(Warned, messages)] == ["step-left-out"]
    assert messages[-1].summary["steps_left_out"] == together + 1  # type: ignore[union-attr]


def test_a_sound_training_speaks_of_no_steps_left_out(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    messages = list(run_job(a_job(samples, tmp_path / "run")))
    assert "steps_left_out" not in messages[-1].summary  # type: ignore[union-attr]


def test_float16_trains_and_keeps_its_scale_over_a_break(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", training={"precision": "float16"})
    messages = run_job(job)
    for message in messages:
        if isinstance(message, Metric) and message.epoch == 1:
            break
    messages.close()
    state = read_newest(RunFolder(job.run_folder).checkpoints)
    assert state is not None
    assert state.state["precision"] == "float16"
    seen: list[dict[str, Any]] = []
    original = torch.amp.GradScaler.load_state_dict
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.amp.GradScaler, "load_state_dict", lambda self, state: (seen.append(state), original(self, state))[1]
        )
        finished = list(run_job(job.model_copy(update={"resume": True})))[-1]
    assert isinstance(finished, Finished)
    assert "steps_left_out" not in finished.summary
    assert seen == [state.state["scaler"]]
    assert seen[0]["scale"] > 0


def test_a_training_that_never_is_finite_gives_up(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(call: int, batch: Any, stepper: Stepper) -> Any:
        return {"broken": torch.tensor(float("inf"), requires_grad=True)} if stepper.network.training else None

    _Faulty(monkeypatch, fault)
    with pytest.raises(JobFailed, match="finite"):
        list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 100})))


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
    list(run_job(a_job(samples, tmp_path / "first", training={"epochs": 4})))
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
