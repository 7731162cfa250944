"""A training that is stopped and resumed is the same, to the last bit, as one that was never stopped."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from factories import cells

from segstudio.core.errors import BadModel, JobFailed
from segstudio.engine.control import Control
from segstudio.engine.run import run_job
from segstudio.engine.training.checkpoint import Checkpoint, read_newest, write_checkpoint
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.messages import Message, Metric, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

#: Epochs of 4 steps; the break after step 6 lies within the second one.
STEPS, BREAK = 11, 6

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleRecord, ...]:
    folder = tmp_path_factory.mktemp("cells")
    records = []
    for index, split in enumerate(("train", "train", "val")):
        made = cells((48, 48), 6, seed=index, diameter=12)
        tifffile.imwrite(folder / f"{index}.tif", made.image)
        tifffile.imwrite(folder / f"{index}-labels.tif", made.labels.astype(np.uint16))
        files = {"image": folder / f"{index}.tif", "labels": folder / f"{index}-labels.tif"}
        records.append(SampleRecord(image_id=str(index), complete=True, split=split, **files))
    return tuple(records)


def a_job(samples: tuple[SampleRecord, ...], folder: Path, **training: Any) -> TrainJob:
    plan = {"max_minutes": 0, "epochs": 3, "steps_per_epoch": 4, "batch_size": 2, "precision": "float32", "seed": 5}
    return TrainJob(
        job_id="j",
        name="run",
        run_folder=folder,
        samples=samples,
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="boundary"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1, "dropout": 0.3}),
        config={"data": {"patch_size": 32}, "training": {**plan, **training}},
        device="cpu",
    )


def train(job: TrainJob, until: int) -> list[Metric]:
    """Return the metrics of `train_all`."""
    return [message for message in train_all(job, until) if isinstance(message, Metric)]


def told_in(messages: list[Message]) -> set[str]:
    return {message.code for message in messages if isinstance(message, Warned)}


def train_all(job: TrainJob, until: int) -> list[Message]:
    """Train until so many steps are done and leave with a checkpoint, as when the window goes away."""
    control, done = Control(), 0
    original = Stepper.step

    def counted(stepper: Stepper, *arguments: Any) -> Any:
        nonlocal done
        done += 1
        if done == until:
            control.request("abandon")
        return original(stepper, *arguments)

    said: list[Message] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepper, "step", counted)
        with pytest.raises(JobFailed, match="window"):
            said.extend(run_job(job, control))
    return said


def metrics_of(job: TrainJob) -> list[dict[str, float]]:
    """Return the figures of each epoch that do not depend on the clock."""
    found = [message for message in RunFolder(job.run_folder).events() if isinstance(message, Metric)]
    return [
        {name: value for name, value in metric.values.items() if name != "images_per_s"} | {"step": metric.step}
        for metric in found
    ]


def state_of(job: TrainJob) -> Checkpoint:
    checkpoint = read_newest(RunFolder(job.run_folder).checkpoints)
    assert checkpoint is not None
    return checkpoint


EVERY: dict[str, dict[str, Any]] = {
    "AdamW, one cycle": {},
    "Adam, cosine": {"optimiser": "adam", "schedule": "cosine"},
    "SGD, constant": {"optimiser": "sgd", "schedule": "constant", "learning_rate": 0.05},
    "SGD without momentum": {"optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.05},
    "accumulated": {"accumulate": 3, "gradient_clip": 0.1},
    "deterministic, plateau": {"deterministic": True, "schedule": "plateau", "plateau_patience": 1},
    "encoder frozen until after the break": {"frozen_epochs": 2, "encoder_rate": 0.1},
    "encoder frozen until before the break": {"frozen_epochs": 1, "encoder_rate": 0.1},
}


@pytest.mark.parametrize("settings", EVERY.values(), ids=EVERY.keys())
def test_a_break_changes_nothing(samples: tuple[SampleRecord, ...], tmp_path: Path, settings: dict[str, Any]) -> None:
    whole, broken = (a_job(samples, tmp_path / name, **settings) for name in ("whole", "broken"))
    train(whole, STEPS)
    train(broken, BREAK)
    assert state_of(broken).state["step"] == BREAK
    train(broken.model_copy(update={"resume": True}), STEPS - BREAK)
    one, two = state_of(whole), state_of(broken)
    clock = {"best"} if not settings.get("deterministic") else set()  # which weights were validated, it decides
    names = {name for name in one.tensors if name.split(".")[0] not in clock}
    assert {name.split(".")[0] for name in names} >= {"network", "average", "rng"}
    for name in sorted(names):
        assert torch.equal(one.tensors[name], two.tensors[name]), name
    for key in ("step", "epoch", "average_steps", "rate_factor", "losses"):
        assert one.state[key] == two.state[key], key
    first, second = metrics_of(whole), metrics_of(broken)
    assert len(first) == len(second) == 2 or settings.get("deterministic")
    trained = [{k: v for k, v in item.items() if not k.startswith("val") or not clock} for item in (*first, *second)]
    assert trained[: len(first)] == trained[len(first) :]


def test_the_best_weights_are_judged_anew_on_labels_that_changed(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    job = a_job(samples, tmp_path / "run", deterministic=True, schedule="plateau")
    train(job, BREAK)
    before = state_of(job)
    assert before.part("best")
    bar = {"best_score": 2.0, "plateau": {**before.state["plateau"], "best": 2.0}}  # no score is that good
    write_checkpoint(RunFolder(job.run_folder).checkpoints, Checkpoint(before.tensors, {**before.state, **bar}))
    again = job.model_copy(update={"resume": True})
    assert "validation-changed" not in told_in(train_all(again, 1))
    same = state_of(job)
    assert (same.state["best_score"], same.state["plateau"]["best"]) == (2.0, 2.0)
    labels = tifffile.imread(samples[2].labels)
    tifffile.imwrite(tmp_path / "labels.tif", np.where(labels == 1, 0, labels))
    other = samples[2].model_copy(update={"labels": tmp_path / "labels.tif"})
    changed = again.model_copy(update={"samples": (*samples[:2], other)})
    assert "validation-changed" in told_in(train_all(changed, 1))
    now = state_of(job)
    assert now.state["step"] == BREAK + 2
    assert now.state["best_score"] <= 1
    assert now.state["plateau"]["best"] == now.state["best_score"]
    assert all(torch.equal(now.part("best")[name], tensor) for name, tensor in before.part("best").items())


def test_another_seed_trains_another_network(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    jobs = [a_job(samples, tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    for job in jobs:
        train(job, 2)
    weights = [state_of(job).part("network") for job in jobs]
    assert not torch.equal(*(next(iter(each.values())) for each in weights))


def test_a_checkpoint_is_not_taken_up_by_another_optimiser(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run")
    train(job, 2)
    other = a_job(samples, tmp_path / "run", optimiser="sgd").model_copy(update={"resume": True})
    with pytest.raises(BadModel, match="does not fit"):
        list(run_job(other))


def test_a_checkpoint_holds_tensors_and_plain_json(samples: tuple[SampleRecord, ...], tmp_path: Path) -> None:
    job = a_job(samples, tmp_path / "run", schedule="plateau")
    train(job, 5)
    files = list(RunFolder(job.run_folder).checkpoints.iterdir())
    assert {file.suffix for file in files} == {".safetensors"}
    header = files[0].read_bytes()
    size = int.from_bytes(header[:8], "little")
    state = json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["state"], parse_constant=pytest.fail)
    assert state["step"] <= 5
