import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest

from segstudio.core.errors import WrongUsage
from segstudio.jobs.messages import Failed, Message, StateChanged
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import ClassSpec, DecodeJob, PredictImage, PredictJob, TrainJob
from segstudio.jobs.warm_worker import WarmWorker
from segstudio.session import job_queue
from segstudio.session.background import Background
from segstudio.session.job import clock, new_job_id
from segstudio.session.job_queue import JobQueue
from segstudio.session.project_runs import ProjectRuns

#: A training that obeys: two epochs, then it waits for "stop" unless it is told to end by itself.
TRAINING = """
import json, sys, time
from pathlib import Path
from segstudio.jobs.messages import Finished, Metric, Started, StateChanged
from segstudio.jobs.run_folder import RunFolder
run = RunFolder(Path(sys.argv[1]))
job = run.job()
run.claim()
def say(message):
    run.append(message.model_copy(update={"time": time.time(), "job_id": job.job_id}))
say(Started(device="cpu", device_name="a processor", pid=1))
for epoch in (1, 2):
    say(Metric(epoch=epoch, step=epoch, elapsed_s=epoch, values={"val_f1": 0.4 * epoch}, best=True))
(run.path / "model").mkdir(exist_ok=True)
(run.path / "model" / "model.json").write_text('{"decode": {"threshold": 0.6}, "scores": {"f1": 0.9}}')
done = 0
while job.name != "quick":
    lines = run.control_file.read_text().splitlines() if run.control_file.exists() else []
    for line in lines[done:]:
        word = json.loads(line)["command"]
        if word == "pause":
            say(StateChanged(state="paused"))
        if word == "resume":
            say(StateChanged(state="running"))
        if word == "stop":
            say(Finished(outcome="stopped"))
            sys.exit()
    done = len(lines)
    time.sleep(0.01)
say(Finished(outcome="done"))
"""

#: A worker that answers each job; a job whose image is called "die" ends it, one called "wait" waits for cancel.
WORKER = """
import json, sys, time
from segstudio.jobs.messages import Artifact, Finished, Started, to_line
def say(message, job):
    print(to_line(message.model_copy(update={"job_id": job["job_id"]})), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    if job["kind"] == "cancel":
        say(Finished(outcome="stopped"), job)
        continue
    say(Started(device="cpu", device_name="a processor", pid=2), job)
    name = job["images"][0]["image_id"] if "images" in job else job["image_id"]
    if name == "die":
        sys.exit(9)
    if name == "wait":
        continue
    time.sleep(0.05 if job["kind"] == "decode" else 0)
    say(Artifact(role="labels", path=job.get("output", ""), image_id=name, details=job["decode"]), job)
    say(Finished(outcome="done"), job)
"""


class Launcher:
    def __init__(self, script: Path) -> None:
        self._command = [sys.executable, str(script)]

    def start(self, job: TrainJob) -> RunProcess:
        return RunProcess.start(job, [*self._command, str(job.run_folder)])

    def attach(self, folder: Path) -> RunProcess:
        return RunProcess.attach(folder)


class Sitting:
    """A queue with an event loop of its own: `until` runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "train.py").write_text(TRAINING)
        (folder / "worker.py").write_text(WORKER)
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.background = Background(self._calls.put)
        self.open_window()

    def open_window(self) -> None:
        project = cast(
            "Any",
            SimpleNamespace(
                runs_folder=self.folder / "runs",
                check_writable=lambda: None,
                check_there=lambda says: None,
                images=(),
                publish=lambda: lambda: None,
            ),
        )
        worker = WarmWorker(command=[sys.executable, str(self.folder / "worker.py")])
        self.jobs = JobQueue(self.background, worker, Launcher(self.folder / "train.py"))
        self.jobs.follow = self.follow
        self.runs = ProjectRuns(lambda: project, self.jobs, self.background)

    def follow(self, messages: Iterator[Message], handle: Callable[[Message], None]) -> None:
        def read() -> None:
            for message in messages:
                self._calls.put(lambda message=message: handle(message))  # type: ignore[misc]

        thread = threading.Thread(target=read)
        thread.start()
        self._threads.append(thread)

    def until(self, reached: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, "it did not happen"
            try:
                self._calls.get(timeout=0.02)()
            except Empty:
                continue

    def state(self, job_id: str) -> str:
        job = self.jobs.job(job_id)
        return job.state if job else "gone"

    def train(self, name: str = "long") -> str:
        job_id = new_job_id()
        return self.jobs.start_training(
            TrainJob(
                job_id=job_id,
                name=name,
                run_folder=self.folder / "runs" / job_id,
                samples=(),
                classes=(ClassSpec(id=1, name="cell"),),
                device="cpu",
            )
        )

    def predict(self, name: str = "a12") -> str:
        image = PredictImage(image_id=name, image=Path("a.tif"), output=Path("b.tif"))
        return self.jobs.predict(
            PredictJob(job_id=new_job_id(), model=Path("m"), images=(image,), device="cpu"), "Predict"
        )

    def close(self) -> None:
        self.jobs.close()
        for thread in self._threads:
            thread.join(10)
        self.background.close()


@pytest.fixture
def sitting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sitting]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    (tmp_path / "runs").mkdir()
    made = Sitting(tmp_path)
    yield made
    made.jobs.trainings.stop()
    made.close()
    deadline = time.monotonic() + 10
    runs = [RunFolder(path) for path in (tmp_path / "runs").iterdir()]
    while any(run.process_alive() for run in runs) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_training_runs_reports_and_becomes_a_run_with_a_model(sitting: Sitting) -> None:
    job_id = sitting.train("quick")
    sitting.until(lambda: sitting.state(job_id) == "done")
    sitting.until(lambda: sitting.runs.all)
    (run,) = sitting.runs.all
    assert (run.name, run.status, run.has_model, run.value("val_f1")) == ("quick", "done", True, 0.8)
    assert run.decode == {"threshold": 0.6}
    assert run.f1 == 0.9, "the model's own score counts, not that of its best epoch"
    assert sitting.jobs.curves.best_epoch(job_id) == 2
    assert not sitting.jobs.trainings.running


def test_a_training_pauses_goes_on_and_stops_with_its_best(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    sitting.jobs.pause(job_id)
    sitting.until(lambda: sitting.state(job_id) == "paused")
    sitting.jobs.resume(job_id)
    sitting.until(lambda: sitting.state(job_id) == "running")
    sitting.jobs.stop(job_id)
    assert sitting.state(job_id) == "stopping"
    sitting.until(lambda: sitting.state(job_id) == "stopped")


def test_a_prediction_waits_for_the_training_on_its_device_and_runs_while_that_is_paused(sitting: Sitting) -> None:
    training = sitting.train()
    sitting.until(lambda: sitting.state(training) == "running")
    prediction = sitting.predict()
    job = sitting.jobs.job(prediction)
    assert job is not None
    assert (job.state, job.waits_for) == ("queued", "long")
    sitting.jobs.pause(training)
    sitting.until(lambda: sitting.state(prediction) == "done")


def test_a_killed_training_says_so_and_leaves_what_it_had(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.jobs.curves.best_epoch(job_id) == 2)
    sitting.jobs.kill(job_id)
    sitting.until(lambda: sitting.state(job_id) == "failed")
    job = sitting.jobs.job(job_id)
    assert job is not None
    assert job.error is not None
    assert job.error.code == "worker-died"
    sitting.until(lambda: sitting.runs.all)
    assert sitting.runs.all[0].value("val_f1") == 0.8


def test_a_dead_worker_fails_its_job_and_the_next_job_gets_a_new_one(sitting: Sitting) -> None:
    first = sitting.predict("die")
    sitting.until(lambda: sitting.state(first) == "failed")
    second = sitting.predict()
    sitting.until(lambda: sitting.state(second) == "done")


@pytest.mark.leaves_threads  # the worker's patience with a cancelled job is a timer that ends by itself
def test_a_running_prediction_can_be_cancelled_and_a_waiting_one_removed(sitting: Sitting) -> None:
    first, second = sitting.predict("wait"), sitting.predict()
    sitting.until(lambda: sitting.state(first) == "running")
    sitting.jobs.stop(second)
    assert sitting.state(second) == "stopped"
    sitting.jobs.stop(first)
    sitting.until(lambda: sitting.state(first) == "stopped")


def test_of_many_moves_of_a_slider_only_the_newest_waits(sitting: Sitting) -> None:
    seen: list[object] = []
    sitting.jobs.message.connect(
        lambda _job, message: seen.append(message.details["threshold"]) if message.kind == "artifact" else None
    )
    for step in range(10):
        sitting.jobs.decode(
            DecodeJob(
                job_id=new_job_id(),
                model=Path("m"),
                image_id="a12",
                maps=Path("maps"),
                output=Path("out.tif"),
                decode={"threshold": step / 10},
            )
        )
    sitting.until(lambda: len(seen) == 2)
    assert seen == [0.0, 0.9]
    assert sitting.jobs.jobs == []


def test_a_window_that_opens_again_finds_the_training_that_goes_on(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    first = sitting.jobs
    first.trainings.detach()
    first.close()
    sitting.open_window()
    sitting.runs.project_opened()
    sitting.until(lambda: sitting.state(job_id) == "running")
    sitting.until(lambda: sitting.jobs.curves.best_epoch(job_id) == 2)
    sitting.jobs.stop(job_id)
    sitting.until(lambda: sitting.state(job_id) == "stopped")


def test_runs_are_renamed_compared_and_deleted(sitting: Sitting) -> None:
    ids = [sitting.train("quick"), sitting.train("quick")]
    sitting.until(lambda: all(sitting.state(job_id) == "done" for job_id in ids) and len(sitting.runs.all) == 2)
    runs = {run.id: run for run in sitting.runs.all}
    sitting.runs.rename(runs[ids[0]], "better")
    sitting.until(lambda: {run.name for run in sitting.runs.all} == {"better", "quick"})
    with pytest.raises(WrongUsage, match="Another training is called better"):
        sitting.runs.rename(runs[ids[1]], "better")
    sitting.runs.compare(sitting.runs.all)
    assert set(sitting.jobs.curves.shown) == set(ids)
    sitting.runs.delete(runs[ids[1]])
    sitting.until(lambda: [run.name for run in sitting.runs.all] == ["better"])
    assert sitting.jobs.curves.shown == (ids[0],)


@pytest.mark.leaves_threads  # as above
def test_of_the_jobs_that_are_over_the_last_stay(sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_queue, "ENDED_KEPT", 3)
    told: list[str] = []
    waits = sitting.predict("wait")
    trained = sitting.train("quick")  # waits, and ends last
    sitting.until(lambda: sitting.state(waits) == "running")
    failed = [sitting.predict() for _ in range(4)]
    sitting.jobs.changed.connect(told.append)
    for job_id in failed:
        sitting.jobs.stop(job_id)
    assert {job.id for job in sitting.jobs.jobs} == {waits, trained, *failed[1:]}
    assert told[-1] == failed[0], "nobody knows that it is gone"
    sitting.jobs.stop(waits)
    sitting.until(lambda: sitting.state(trained) == "done")
    assert {job.id for job in sitting.jobs.jobs} == {failed[3], waits, trained}
    sitting.until(lambda: sitting.runs.run(trained) is not None)
    for job_id in [sitting.predict() for _ in range(3)]:
        sitting.until(lambda job_id=job_id: not sitting.jobs.live(job_id))  # type: ignore[misc]
    assert sitting.jobs.job(trained) is None
    assert sitting.jobs.curves.runs() == [trained], "its curve is in sight"
    assert sitting.runs.run(trained) is not None
    sitting.runs.compare(())
    sitting.runs.compare(sitting.runs.all)
    assert sitting.jobs.curves.best_epoch(trained) == 2


def test_messages_of_unknown_jobs_are_ignored(sitting: Sitting) -> None:
    sitting.jobs.handle(StateChanged(job_id="nobody", state="running"))
    assert sitting.jobs.jobs == []


def test_the_summary_names_the_running_job(sitting: Sitting) -> None:
    assert sitting.jobs.summary() == ("", None)
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    assert sitting.jobs.summary() == ("long: running", None)
    assert sitting.jobs.device_name == "a processor"


def test_a_folder_that_is_taken_fails_the_job_with_a_sentence(sitting: Sitting) -> None:
    job_id = sitting.train("quick")
    sitting.until(lambda: sitting.state(job_id) == "done" and sitting.runs.all)
    again = sitting.runs.all[0].job
    sitting.jobs.start_training(again)
    sitting.until(lambda: sitting.state(again.job_id) == "failed")
    job = sitting.jobs.job(again.job_id)
    assert job is not None
    assert job.error is not None
    assert job.error.hint


def test_times_left_are_written_as_clocks() -> None:
    assert [clock(s) for s in (0, 65.4, 3600)] == ["0:00", "1:05", "1:00:00"]


def test_a_training_whose_folder_cannot_be_written_fails_with_a_sentence(sitting: Sitting) -> None:
    (sitting.folder / "runs").rmdir()
    (sitting.folder / "runs").write_text("a file is in the way")
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "failed")
    job = sitting.jobs.job(job_id)
    assert job is not None
    assert job.error is not None
    assert "runs" in job.error.message
    assert job.error.hint
    (sitting.folder / "runs").unlink()
    (sitting.folder / "runs").mkdir()


def test_a_training_found_again_can_be_killed(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    found = RunProcess.attach(sitting.folder / "runs" / job_id)
    assert found.alive
    found.kill()
    sitting.until(lambda: not found.alive)
    sitting.until(lambda: sitting.state(job_id) == "failed")


def test_a_run_that_trains_is_neither_deleted_nor_started_twice(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    sitting.runs.refresh()
    sitting.until(lambda: sitting.runs.all)
    run = sitting.runs.all[0]
    with pytest.raises(WrongUsage, match="still training"):
        sitting.runs.delete(run)
    assert sitting.runs.resume(run) == job_id
    assert sitting.state(job_id) == "running"
    sitting.jobs.stop(job_id)
    sitting.until(lambda: sitting.state(job_id) == "stopped")


def test_predictions_of_a_closed_project_stop(sitting: Sitting) -> None:
    training, prediction = sitting.train(), sitting.predict("wait")
    sitting.until(lambda: sitting.state(training) == "running")
    sitting.jobs.stop_predictions()
    sitting.until(lambda: sitting.state(prediction) == "stopped")
    assert sitting.state(training) == "running"
    sitting.jobs.stop(training)
    sitting.until(lambda: sitting.state(training) == "stopped")


def test_a_training_is_in_the_list_of_runs_as_soon_as_it_runs(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: [(run.id, run.status) for run in sitting.runs.all] == [(job_id, "running")])
    sitting.jobs.stop(job_id)
    sitting.until(lambda: sitting.state(job_id) == "stopped")


def test_a_run_that_failed_can_be_resumed_and_stopped(sitting: Sitting) -> None:
    job_id = sitting.train()
    sitting.until(lambda: sitting.state(job_id) == "running")
    sitting.jobs.kill(job_id)
    sitting.until(lambda: sitting.state(job_id) == "failed")
    run = RunFolder(sitting.folder / "runs" / job_id)
    run.append(Failed(job_id=job_id, code="window-gone", message="The window went away."))
    run.checkpoints.mkdir()
    (run.checkpoints / "last.safetensors").touch()  # it may have had the time to make a model, or not
    sitting.runs.refresh()
    sitting.until(lambda: sitting.runs.all and sitting.runs.all[0].status == "failed")
    sitting.runs.resume(sitting.runs.all[0])
    sitting.until(lambda: sitting.state(job_id) == "running")
    assert sitting.jobs.trainings.running
    sitting.jobs.stop(job_id)
    sitting.until(lambda: sitting.state(job_id) == "stopped")
