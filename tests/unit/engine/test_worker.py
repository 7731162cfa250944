"""The real worker process: started as the window starts it, killed as the system would."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile

from segstudio.jobs.catalogue import load_catalogue
from segstudio.jobs.messages import Artifact, Failed, Finished, Message
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import CatalogueJob, Choice, ClassSpec, SampleRecord, TrainJob, ValidateJob
from segstudio.jobs.warm_worker import WarmWorker


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def an_endless_job(folder: Path) -> TrainJob:
    rng = np.random.default_rng(0)
    labels = np.zeros((64, 64), np.uint16)
    labels[10:30, 10:30], labels[40:60, 30:50] = 1, 2
    tifffile.imwrite(folder / "image.tif", (labels > 0).astype(np.uint8) * 100 + rng.integers(0, 9, (64, 64), np.uint8))
    tifffile.imwrite(folder / "labels.tif", labels)
    sample = SampleRecord(image_id="a", image=folder / "image.tif", labels=folder / "labels.tif", complete=True)
    return TrainJob(
        job_id="t",
        name="endless",
        run_folder=folder / "run",
        samples=(sample, sample.model_copy(update={"image_id": "b", "split": "val"})),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={
            "data": {"patch_size": 32},
            "training": {"max_minutes": 0, "patience": 0, "steps_per_epoch": 5, "batch_size": 2},
        },
        device="cpu",
    )


def until(process: RunProcess, kind: str) -> list[Message]:
    seen = []
    for message in process.messages():
        seen.append(message)
        if message.kind == kind:
            return seen
    raise AssertionError(f"no {kind} among {[m.kind for m in seen]}: {seen[-1]}")


def wait_until_gone(pid: int, seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_training_killed_and_resumed_loses_nothing_and_goes_on_without_its_window(tmp_path: Path) -> None:
    process = RunProcess.start(an_endless_job(tmp_path))
    messages = until(process, "metric")
    run = RunFolder(tmp_path / "run")
    assert run.status == "running"
    started = next(message for message in messages if message.kind == "started")
    os.kill(started.pid, signal.SIGKILL)
    *_, last = process.messages()
    assert isinstance(last, Failed)
    assert last.code == "worker-died"
    assert run.status == "died"
    begun = time.time()  # the first process may have told more until it was killed
    resumed = RunProcess.start(run.job().model_copy(update={"resume": True}))
    next(message for message in resumed.messages() if message.kind == "metric" and message.time > begun)
    resumed.send("detach")
    time.sleep(1.0)
    assert resumed.alive
    again = RunProcess.attach(tmp_path / "run")
    again.send("stop")
    *_, last = again.messages()
    assert isinstance(last, Finished)
    assert last.outcome == "stopped"
    assert (run.model / "model.json").is_file()


def test_a_training_ends_when_its_window_dies(tmp_path: Path) -> None:
    job = an_endless_job(tmp_path)
    RunFolder.create(job)
    command = [sys.executable, "-m", "segstudio", "worker", "--run", str(job.run_folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    follower = RunProcess.attach(job.run_folder)
    while not follower.run.events_file.exists():
        time.sleep(0.05)
    until(follower, "metric")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(15) is not None
    failed = follower.run.events()[-1]
    assert isinstance(failed, Failed)
    assert failed.code == "interrupted"
    assert any(follower.run.checkpoints.iterdir())


def test_the_warm_worker_makes_the_catalogue_and_checks_settings(tmp_path: Path) -> None:
    worker = WarmWorker(tmp_path / "log.txt")
    messages = worker.messages()
    worker.submit(CatalogueJob(job_id="c", output=tmp_path / "catalogue.json"))
    seen = _to_end(messages)
    assert any(isinstance(message, Artifact) for message in seen)
    catalogue = load_catalogue(tmp_path / "catalogue.json")
    assert catalogue is not None
    assert {"semantic", "boundary", "joint"} <= {offer.name for offer in catalogue.formulations}
    assert catalogue.architecture("unet").settings["properties"]["width"]["zero"] == "automatic"
    wrong = ValidateJob(
        job_id="v",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet", settings={"width": 1}),
        config={"training": {"epochs": -1}},
    )
    worker.submit(wrong)
    places = [message.hint for message in _to_end(messages) if message.kind == "warned"]
    assert places == ["training.epochs", "architecture.width"]
    pid = worker.pid
    assert pid is not None
    worker.stop()
    assert wait_until_gone(pid)


def _to_end(messages: object) -> list[Message]:
    seen: list[Message] = []
    for message in messages:  # type: ignore[attr-defined]
        seen.append(message)
        if message.kind in ("finished", "failed"):
            return seen
    return seen


def test_a_line_that_is_no_job_is_answered(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segstudio", "worker", "--log", str(tmp_path / "log.txt")]
    done = subprocess.run(command, input=b'{"kind": "dance", "job_id": "d"}\n{"kind": "stop"}\n', capture_output=True)
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["job_id"] == "d"
    assert json.loads(line)["kind"] == "failed"
