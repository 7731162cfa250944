"""Trainings that run out of memory, whose loss is not finite or whose folder goes: they go on, and say so, or end."""

import shutil
import sys
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from short_trainings import a_job, of

from segstudio.core.errors import JobFailed
from segstudio.engine.model_card import load_model
from segstudio.engine.run import run_job
from segstudio.engine.training.checkpoint import read_newest
from segstudio.engine.training.fit import Training
from segstudio.engine.training.judge import Judge
from segstudio.engine.training.stepper import Stepper
from segstudio.engine.training.validate import Validator
from segstudio.jobs.messages import Finished, Metric, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import SampleRecord

pytestmark = pytest.mark.usefixtures("one_thread")

#: So long are the epochs of tests that count steps.
TEN = {"steps_per_epoch": 10}


@pytest.mark.skipif(sys.platform == "win32", reason="no folder with an open file is deleted there")
def test_a_training_that_ends_when_its_folder_was_just_deleted_leaves_a_checkpoint(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.jobs.run_keeper._LOOK_S", 60.0)
    messages = run_job(a_job(samples, tmp_path / "run"))
    next(message for message in messages if isinstance(message, Metric))
    shutil.rmtree(tmp_path / "run")
    messages.close()
    run = RunFolder(tmp_path / "run")
    assert read_newest(run.checkpoints) is not None
    assert of(Warned, run.events())[-1].code == "run-folder-deleted"


@pytest.mark.skipif(sys.platform == "win32", reason="no folder with an open file is renamed there")
def test_nothing_is_written_into_the_empty_folder_that_a_drive_leaves(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    drive = tmp_path / "drive"
    messages = run_job(a_job(samples, drive / "runs" / "run"))
    next(message for message in messages if isinstance(message, Metric))
    drive.rename(tmp_path / "unplugged")
    drive.mkdir()
    with pytest.raises(JobFailed, match="not there any more"):  # a picture comes next
        next(messages)
    assert list(drive.iterdir()) == []


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
    messages = list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 3, **TEN})))
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
    metrics = of(Metric, list(run_job(a_job(samples, tmp_path / "run", training={"epochs": 4, **TEN, **STEADY}))))
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
    warm = {**STEADY, "warm_up": 0.05, "epochs": 2, **TEN}  # 5 of 100 epochs of 10 steps: 50 steps
    rates = _rates(of(Metric, list(run_job(a_job(samples, tmp_path / "run", training=warm)))))
    assert rates[:2] == pytest.approx([4e-3 * 11 / 50, 4e-3 * 21 / 50])


@pytest.mark.parametrize("together", [1, 2])
def test_single_steps_that_are_not_finite_are_told_once_and_counted(
    samples: tuple[SampleRecord, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    _not_finite_at(monkeypatch, *range(3, 3 + together), 9)
    messages = list(run_job(a_job(samples, tmp_path / "run", training=TEN)))
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
