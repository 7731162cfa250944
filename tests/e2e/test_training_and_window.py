"""A training outlives the window, or stops with it, as the user says; another process stands in for the engine."""

import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from window_driver import Driver, run_program

from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.project.project import Project

#: Learns an epoch every 0.05 s until it is told to stop; the end of its input without a "detach" ends it.
TRAINING = """
import json, os, sys, threading, time
from pathlib import Path
from segstudio.jobs.messages import Failed, Finished, Metric, Started
from segstudio.jobs.run_folder import RunFolder
run = RunFolder(Path(sys.argv[1]))
run.claim()
gone = threading.Event()
threading.Thread(target=lambda: (sys.stdin.buffer.read(), gone.set()), daemon=True).start()
def say(message):
    run.append(message.model_copy(update={"time": time.time(), "job_id": run.job().job_id}))
def told():
    text = run.control_file.read_text() if run.control_file.exists() else ""
    return [json.loads(line)["command"] for line in text.splitlines()]
say(Started(device="cpu", device_name="a processor", pid=os.getpid()))
(run.checkpoints).mkdir(exist_ok=True)
for epoch in range(1, 2000):
    (run.checkpoints / "last").write_text(str(epoch))
    say(Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values={"val_f1": 0.5}, best=epoch == 1))
    time.sleep(0.05)
    if "stop" in told():
        say(Finished(outcome="stopped"))
        break
    if gone.is_set() and "detach" not in told():
        say(Failed(code="window-gone", message="The window went away."))
        break
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "training.py"
    script.write_text(TRAINING)
    for module in ("warm_worker", "run_process"):
        monkeypatch.setattr(
            f"segstudio.jobs.{module}.worker_command", lambda *words: [sys.executable, script, words[-1]]
        )
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    Project.create(tmp_path / "project", [tmp_path / "a.tif"])[0].close()
    return tmp_path / "project"


def _train(hand: Driver, folder: Path) -> None:
    hand.wait(lambda: hand.session.document is not None, what="the image")
    job = TrainJob(
        job_id="t", name="Model 1", run_folder=folder / "runs" / "t", samples=(), classes=(ClassSpec(id=1, name="c"),)
    )
    hand.session.jobs.start_training(job)
    _wait_for_epoch(hand, 1)


def _wait_for_epoch(hand: Driver, epoch: int) -> None:
    def reached() -> bool:
        job = hand.session.jobs.job("t")
        return job is not None and job.metric is not None and job.metric.epoch >= epoch

    hand.wait(reached, what=f"epoch {epoch}")


def _answer_with(hand: Driver, text: str) -> None:
    hand.when_asked(text, name="close-while-training")
    hand.window.close()


def _until(condition: object, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.timeout(90)
def test_a_training_goes_on_without_the_window_and_is_found_again(folder: Path, qapp: object) -> None:
    run = RunFolder(folder / "runs" / "t")
    pids: list[int] = []

    def leave(hand: Driver) -> None:
        _train(hand, folder)
        pids.append(run.events()[0].pid)
        _answer_with(hand, "Cancel")
        assert hand.window.isVisible()
        _answer_with(hand, "Let it go on")
        assert not hand.window.isVisible()

    run_program([str(folder)], leave)
    known = len(run.events())
    _until(lambda: len(run.events()) > known + 2)

    def come_back(hand: Driver) -> None:
        hand.wait(lambda: hand.session.runs.training is not None, what="the training")
        epoch = len(run.events())
        _wait_for_epoch(hand, epoch)
        assert hand.session.runs.all[0].status == "running"
        hand.session.jobs.stop("t")
        hand.wait(lambda: hand.session.jobs.job("t").state == "stopped", what="its end")
        hand.wait(lambda: hand.session.runs.all[0].status == "stopped", what="the list")

    run_program([str(folder)], come_back)
    _until(lambda: not psutil.pid_exists(pids[0]) or psutil.Process(pids[0]).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.timeout(90)
def test_a_training_stops_with_the_window_and_can_be_resumed(folder: Path, qapp: object) -> None:
    run = RunFolder(folder / "runs" / "t")

    def leave(hand: Driver) -> None:
        _train(hand, folder)
        _answer_with(hand, "Stop and keep the best")

    run_program([str(folder)], leave)
    _until(lambda: run.status == "stopped" and not run.process_alive())
    epochs = len(run.events())

    def come_back(hand: Driver) -> None:
        hand.wait(lambda: hand.session.runs.all, what="the list")
        (found,) = hand.session.runs.all
        assert (found.status, found.resumable) == ("stopped", True)
        hand.session.runs.resume(found)
        hand.wait(lambda: hand.session.jobs.live("t"), what="the labels of now")
        hand.wait(lambda: hand.session.jobs.job("t").state == "running", what="the training")
        hand.wait(lambda: len(run.events()) > epochs + 3, what="more epochs")
        hand.session.jobs.stop("t")
        hand.wait(lambda: hand.session.jobs.job("t").state == "stopped", what="its end")

    run_program([str(folder)], come_back)


@pytest.mark.timeout(90)
def test_a_project_closed_in_a_training_shows_it_again(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _train(hand, folder)
        hand.action("file.close")
        hand.wait(lambda: hand.session.project is None, what="no project")
        hand.window.opening.open_paths([folder])
        hand.wait(lambda: hand.session.document is not None, what="the image")
        _wait_for_epoch(hand, hand.session.jobs.job("t").metric.epoch + 2)
        assert hand.session.runs.training.id == "t"
        hand.session.jobs.kill("t")
        hand.wait(lambda: hand.session.jobs.job("t").state == "failed", what="the sentence")
        assert "ended unexpectedly" in hand.session.jobs.job("t").error.message
        hand.wait(lambda: [run.status for run in hand.session.runs.all] == ["died"], what="the list")
        assert hand.session.runs.all[0].resumable

    run_program([str(folder)], script)
