"""Bake-offs with processes that stand in for the engine: order, faults, stops, and going on from the record."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from bake_off_records import record_of
from bake_off_stand_ins import TRAINING, WORKER

from segstudio.core.errors import WrongUsage
from segstudio.jobs.evaluation import Evaluation, ImageCounts
from segstudio.jobs.messages import Failed, Finished, Message, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import TrainJob
from segstudio.jobs.warm_worker import WarmWorker
from segstudio.session import bake_off_result
from segstudio.session.background import Background
from segstudio.session.bake_off import BakeOff
from segstudio.session.bake_off_record import (
    Row,
    minutes_each,
    read_record,
    record_path,
    training_job,
)
from segstudio.session.bake_off_result import JUDGES, verdict
from segstudio.session.job_queue import JobQueue


class Launcher:
    def __init__(self, script: Path) -> None:
        self._command = [sys.executable, str(script)]
        self.started: list[str] = []

    def start(self, job: TrainJob) -> RunProcess:
        self.started.append(job.job_id)
        return RunProcess.start(job, [*self._command, str(job.run_folder)])

    def attach(self, folder: Path) -> RunProcess:
        return RunProcess.attach(folder)


class Sitting:
    """A window without Qt: `until` runs its event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "train.py").write_text(TRAINING)
        (folder / "worker.py").write_text(WORKER)
        self.path = record_path(folder / "runs", "x")
        self._threads: list[threading.Thread] = []
        self.open()

    def open(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.background = Background(self._calls.put)
        worker = WarmWorker(command=[sys.executable, str(self.folder / "worker.py")])
        self.launcher = Launcher(self.folder / "train.py")
        self.jobs = JobQueue(self.background, worker, self.launcher)
        self.jobs.follow = self.follow
        self.bake_off = BakeOff(self.jobs, self.background)

    def follow(self, messages: Iterator[Message], handle: Callable[[Message], None]) -> None:
        calls = self._calls

        def read() -> None:
            for message in messages:
                calls.put(lambda message=message: handle(message))  # type: ignore[misc]

        self._threads.append(threading.Thread(target=read))
        self._threads[-1].start()

    def until(self, reached: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, "it did not happen"
            try:
                self._calls.get(timeout=0.02)()
            except Empty:
                continue

    def begin(self, *names: str) -> None:
        self.bake_off.begin(self.path, record_of(*names))

    def states(self) -> dict[str, str]:
        assert self.bake_off.record is not None
        return {row.run: row.state for row in self.bake_off.record.rows}

    def row(self, run: str) -> Row:
        assert self.bake_off.record is not None
        found = self.bake_off.record.row(run)
        assert found is not None
        return found

    def runs_job(self, run: str) -> bool:
        job = self.jobs.job(run)
        return job is not None and job.state == "running" and job.metric is not None

    def close(self) -> None:
        self.jobs.close()
        self.background.close()
        for thread in self._threads:
            thread.join(20)


@pytest.fixture
def sitting(tmp_path: Path) -> Iterator[Sitting]:
    made = Sitting(tmp_path)
    yield made
    for job in made.jobs.active:
        made.jobs.kill(job.id)
    made.until(lambda: not made.jobs.active or not made.jobs.trainings.running)
    made.close()


def test_candidates_are_trained_and_scored_one_after_the_other(sitting: Sitting) -> None:
    sitting.begin("fair", "good", "poor")
    most: list[int] = []
    sitting.jobs.changed.connect(lambda _id: most.append(sum(job.state == "running" for job in sitting.jobs.active)))
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.launcher.started == ["fair", "good", "poor"]
    assert max(most) == 1
    assert set(sitting.states().values()) == {"done"}
    assert sitting.row("good").minutes == 0.5
    sitting.until(lambda: read_record(sitting.path) == sitting.bake_off.record)
    kept = [RunFolder(sitting.folder / "runs" / run).job() for run in ("fair", "good", "poor")]
    assert {job.config["training"]["max_minutes"] for job in kept} == {2.0}
    assert {job.config["training"]["seed"] for job in kept} == {0}
    assert all(job.samples == kept[0].samples for job in kept)
    assert set(sitting.jobs.curves.shown) == {"fair", "good", "poor"}


def test_a_candidate_that_fails_is_a_row_and_the_others_go_on(sitting: Sitting) -> None:
    sitting.begin("breaks", "dies", "misfit", "good")
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.states() == {"breaks": "failed", "dies": "failed", "misfit": "failed", "good": "done"}
    assert (sitting.row("breaks").error, sitting.row("breaks").hint) == (
        "The memory did not suffice.",
        "Choose a smaller network.",
    )
    assert "ended unexpectedly" in sitting.row("dies").error
    assert sitting.row("misfit").error == "It does not fit."
    assert sitting.bake_off.record is not None
    assert "no other candidate could be scored" in verdict(sitting.bake_off.record)


def test_a_candidate_can_be_stopped_and_counts_with_what_it_learned(sitting: Sitting) -> None:
    sitting.begin("waits", "good")
    sitting.until(lambda: sitting.runs_job("waits"))
    sitting.bake_off.stop_current()
    sitting.until(lambda: not sitting.bake_off.running)
    assert set(sitting.states().values()) == {"done"}
    assert sitting.row("waits").stopped
    assert not sitting.row("good").stopped


def test_all_can_be_stopped_and_gone_on_with(sitting: Sitting) -> None:
    sitting.begin("waits", "good")
    sitting.until(lambda: sitting.runs_job("waits"))
    with pytest.raises(WrongUsage, match="running already"):
        sitting.begin("good", "fair")
    sitting.bake_off.halt()
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.states() == {"waits": "training", "good": "waiting"}
    assert "good" not in sitting.launcher.started
    sitting.bake_off.go_on()
    sitting.until(lambda: not sitting.bake_off.running)
    assert set(sitting.states().values()) == {"done"}
    assert not sitting.row("waits").stopped  # it had the rest of its minutes
    assert RunFolder(sitting.folder / "runs" / "waits").job().resume


def test_another_window_takes_up_the_record_after_a_crash(sitting: Sitting) -> None:
    sitting.begin("good", "waits", "fair")
    sitting.until(lambda: sitting.runs_job("waits"))
    run = RunFolder(sitting.folder / "runs" / "waits")
    run.kill()
    sitting.close()  # before anybody hears of it
    end = time.monotonic() + 30
    while run.process_alive():
        assert time.monotonic() < end
        time.sleep(0.01)
    sitting.open()
    sitting.bake_off.show(sitting.path, read_record(sitting.path))
    assert sitting.states() == {"good": "done", "waits": "training", "fair": "waiting"}
    asked: list[bool] = []
    sitting.bake_off.go_on_if_it_did(otherwise=lambda: asked.append(True))
    sitting.until(lambda: asked)
    sitting.bake_off.go_on()
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.launcher.started == ["waits", "fair"]
    assert set(sitting.states().values()) == {"done"}


def test_a_training_that_went_on_without_the_window_is_followed_again(sitting: Sitting) -> None:
    sitting.begin("waits", "fair")
    sitting.until(lambda: sitting.runs_job("waits"))
    sitting.jobs.trainings.detach()
    sitting.close()
    sitting.open()
    sitting.bake_off.show(sitting.path, read_record(sitting.path))
    sitting.bake_off.go_on_if_it_did(otherwise=lambda: pytest.fail("it did go on"))
    sitting.until(lambda: sitting.runs_job("waits"))
    sitting.jobs.stop("waits")
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.launcher.started == ["fair"]
    assert set(sitting.states().values()) == {"done"}


def test_one_that_takes_the_computer_down_again_and_again_is_given_up(sitting: Sitting) -> None:
    record = record_of("waits", "good").changed("waits", state="training", crashes=2)
    run = RunFolder.create(training_job(record, record.rows[0], sitting.path.parent))
    run.append(Started(job_id="waits", device="cpu", device_name="a processor", pid=1))
    sitting.bake_off.begin(sitting.path, record)
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.states() == {"waits": "failed", "good": "done"}
    assert "unexpectedly 3 times" in sitting.row("waits").error


def test_one_that_was_told_to_stop_is_never_given_up(sitting: Sitting) -> None:
    record = record_of("waits", "good").changed("waits", state="training", crashes=2)
    run = RunFolder.create(training_job(record, record.rows[0], sitting.path.parent))
    run.append(Started(job_id="waits", device="cpu", device_name="a processor", pid=1))
    run.append(Failed(job_id="waits", code="interrupted", message="The window went away."))
    sitting.bake_off.begin(sitting.path, record)
    sitting.until(lambda: not sitting.bake_off.running)
    assert sitting.states() == {"waits": "done", "good": "done"}


def test_a_closed_project_is_forgotten(sitting: Sitting) -> None:
    sitting.begin("waits", "good")
    sitting.until(lambda: sitting.runs_job("waits"))
    sitting.bake_off.leave()
    assert sitting.bake_off.record is None
    assert not sitting.bake_off.running
    sitting.jobs.stop("waits")
    sitting.until(lambda: not sitting.jobs.active)
    assert read_record(sitting.path).rows[0].state == "training"


class Held(Background):
    """Work waits until the test lets it happen."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Callable[[], Any], Callable[[Any], None] | None]] = []

    def run(
        self, work: Callable[[], Any], then: Callable[[Any], None] | None = None, failed: object = None, lane: str = ""
    ) -> None:
        self.waiting.append((work, then))

    def let_go(self) -> None:
        waiting, self.waiting = self.waiting, []
        for work, then in waiting:
            result = work()
            if then is not None:
                then(result)


def test_a_late_answer_about_a_closed_project_moves_nothing_in_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, asked = Held(), []
    jobs = JobQueue(held)
    monkeypatch.setattr(jobs, "evaluate", lambda job, _title: asked.append(job.model.parent.name))
    bake_off = BakeOff(jobs, held)
    bake_off.begin(record_path(tmp_path / "first", "x"), record_of("good"))
    held.waiting.clear()
    jobs.message.emit("good", Finished(job_id="good", outcome="done"))  # is looked at on a thread
    late, held.waiting = held.waiting, []
    bake_off.leave()
    RunFolder(tmp_path / "next" / "other").model.mkdir(parents=True)
    (RunFolder(tmp_path / "next" / "other").model / "model.json").write_text("{}")
    bake_off.begin(record_path(tmp_path / "next", "x"), record_of("other").changed("other", state="scoring"))
    held.waiting += late
    for _ in range(3):
        held.let_go()
    assert asked == ["other"]


def test_settings_are_the_same_for_all_and_only_the_time_ends_a_training() -> None:
    record = record_of("a", "b", config={"training": {"epochs": 7, "max_minutes": 0.0, "batch_size": 4, "seed": 5}})
    jobs = [training_job(record, row, Path("runs")) for row in record.rows]
    assert jobs[0].config == jobs[1].config
    assert jobs[0].config["training"] == {"max_minutes": 2.0, "batch_size": 4, "seed": 5}


def test_what_cannot_be_compared_is_refused_with_a_sentence() -> None:
    with pytest.raises(WrongUsage, match="No labelled image is kept for validation"):
        record_of("a", "b", validation=0)
    with pytest.raises(WrongUsage, match="a:net is in the list of candidates twice"):
        record_of("a", "a")
    with pytest.raises(WrongUsage, match="There is one candidate"):
        minutes_each(1, each=3)
    with pytest.raises(WrongUsage, match="too few"):
        minutes_each(2, each=0)
    assert minutes_each(4, each=3) == 3
    assert minutes_each(4, in_all=10) == 2.5


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), float("inf"), 1e9])
def test_a_time_that_no_training_can_have_is_refused_before_anything_starts(minutes: float) -> None:
    for budget in ({"each": minutes}, {"each": 10.0, "in_all": minutes}):
        with pytest.raises(WrongUsage, match="minutes for each candidate are too"):
            minutes_each(2, **budget)


def test_validation_images_without_objects_cannot_tell_who_is_better() -> None:
    none = Evaluation(
        thresholds=bake_off_result.JUDGES[0].thresholds,
        images=tuple(
            ImageCounts(image_id=str(number), **dict.fromkeys(("tp", "fp", "fn"), (0,) * len(JUDGES[0].thresholds)))
            for number in range(2)
        ),
        seconds_per_megapixel=1.0,
        parameters=1,
        weights_mb=1.0,
    )
    record = record_of("a", "b")
    for run in ("a", "b"):
        record = record.changed(run, state="done", evaluation=none)
    assert verdict(record).startswith("Nothing can tell which candidate is better: no object is labelled on")
