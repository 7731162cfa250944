"""Findings follow a training while it runs, and a range test tells its rate."""

from pathlib import Path

import pytest
from later_background import LaterBackground
from recorded_runs import a_job, recorded

from segstudio.jobs.messages import Failed, Finished, Message, Metric, Progress, Started, Warned
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import RangeTestJob, TrainJob
from segstudio.session.background import Background
from segstudio.session.doctor import desk
from segstudio.session.doctor.desk import Doctor
from segstudio.session.doctor.rate_search import RateSearch
from segstudio.session.job import Job
from segstudio.session.job_queue import JobQueue
from segstudio.session.project_runs import ProjectRuns
from segstudio.session.runs import read_run
from segstudio.session.session import Session


class Jobs(JobQueue):
    """A queue whose processes do nothing: the messages come from the test."""

    def __init__(self) -> None:
        super().__init__(Background())
        self.trainings.start = lambda *_: None  # type: ignore[method-assign]
        self.stopped: list[str] = []
        self.range_tests: list[RangeTestJob] = []

    def range_test(self, spec: RangeTestJob, title: str) -> str:
        self.range_tests.append(spec)
        self.attach_silently(spec)
        return spec.job_id

    def attach_silently(self, spec: RangeTestJob) -> None:
        self._jobs[spec.job_id] = Job(spec.job_id, "Learning rates", spec, state="running")

    def stop(self, job_id: str) -> None:
        self.stopped.append(job_id)

    def say(self, job_id: str, *messages: Message) -> None:
        for message in messages:
            self.handle(message.model_copy(update={"job_id": job_id}))


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def doctor(jobs: Jobs) -> Doctor:
    return Doctor(jobs, ProjectRuns(lambda: None, jobs, Background()), Background())


def test_a_training_is_examined_while_the_window_goes_on(jobs: Jobs) -> None:
    background, told = LaterBackground(), list[str]()
    doctor = Doctor(jobs, ProjectRuns(lambda: None, jobs, Background()), background)
    doctor.changed.connect(told.append)
    job, messages = recorded("rate-too-high")
    jobs.start_training(job)
    jobs.say(job.job_id, *messages[:-1])
    told.clear()
    assert doctor.findings(job.job_id) is None
    assert doctor.findings(job.job_id) is None
    assert len(background.waiting) == 1, "asked twice, examined once"
    background.work()
    assert told == [job.job_id]
    assert (doctor.findings(job.job_id) or ())[0].code == "rate-too-high"
    assert background.waiting == []
    jobs.say(job.job_id, messages[-1])
    assert (doctor.findings(job.job_id) or ())[0].code == "rate-too-high", "what was found before stays meanwhile"
    assert len(background.waiting) == 1
    doctor.project_closed()
    told.clear()
    background.work()
    assert told == []
    assert doctor.findings(job.job_id) is None


def test_an_examination_that_fails_is_raised_and_the_next_is_made(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = Doctor(jobs, ProjectRuns(lambda: None, jobs, Background()), Background())
    job, messages = recorded("rate-too-high")
    jobs.start_training(job)
    jobs.say(job.job_id, *messages)
    with monkeypatch.context() as patch:
        patch.setattr(desk, "examine", lambda _case: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            doctor.findings(job.job_id)
    assert doctor.findings(job.job_id)


def test_of_a_very_long_training_a_part_is_kept_and_found_out_from_it(
    jobs: Jobs, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST", 50)
    job, messages = _start(jobs, "overfitting")
    figures = [message for message in messages if isinstance(message, Metric)]
    jobs.say(job.job_id, *(message for message in messages if message not in figures))
    between = [
        figure.model_copy(update={"epoch": figure.epoch + 0.1 * step}) for figure in figures for step in range(9)
    ]
    jobs.say(job.job_id, *between)
    assert len(doctor._said(job.job_id)) <= 2 * desk.MOST < len(between)
    assert "overfitting" in {finding.code for finding in doctor.findings(job.job_id) or ()}


def _start(jobs: Jobs, name: str) -> tuple[TrainJob, list[Message]]:
    job, messages = recorded(name)
    jobs.start_training(job)
    return job, messages


def test_findings_come_while_the_training_runs(jobs: Jobs, doctor: Doctor) -> None:
    job, messages = _start(jobs, "overfitting")
    told: list[str] = []
    doctor.changed.connect(told.append)
    assert doctor.findings(job.job_id) is None
    jobs.say(job.job_id, Started(device="cpu", device_name="", pid=1), *messages[:5])
    assert "overfitting" not in {finding.code for finding in doctor.findings(job.job_id) or ()}
    jobs.say(job.job_id, *messages[5:])
    assert "overfitting" in {finding.code for finding in doctor.findings(job.job_id) or ()}
    assert set(told) == {job.job_id}


def test_with_its_project_goes_what_a_training_said_unless_it_goes_on(jobs: Jobs, doctor: Doctor) -> None:
    over, messages = _start(jobs, "overfitting")
    jobs.say(over.job_id, *messages, Finished(outcome="done"))
    going, messages = _start(jobs, "rate-too-low")
    jobs.say(going.job_id, *[message for message in messages if not isinstance(message, Finished)])
    doctor.project_closed()
    assert not doctor.has_learned(over.job_id)
    assert doctor.findings(over.job_id) is None
    assert doctor.has_learned(going.job_id)


def test_progress_is_no_reason_to_look_again(jobs: Jobs, doctor: Doctor) -> None:
    job, _ = _start(jobs, "healthy")
    told: list[str] = []
    doctor.changed.connect(told.append)
    jobs.say(job.job_id, Progress(stage="Training", done=1, total=2))
    assert told == []


def test_a_run_on_the_disk_is_examined_from_its_events(jobs: Jobs, tmp_path: Path) -> None:
    job, messages = recorded("rate-too-high")
    run = RunFolder.create(job.model_copy(update={"run_folder": tmp_path / "run"}))
    for message in messages:
        run.append(message)
    runs = ProjectRuns(lambda: None, jobs, Background())
    runs.all = (read_run(run),)
    assert next(f.code for f in Doctor(jobs, runs, Background()).findings(job.job_id) or ()) == "rate-too-high"
    assert Doctor(jobs, runs, Background()).findings("another") is None


def test_a_finished_run_is_made_longer_while_it_has_its_checkpoint(jobs: Jobs, tmp_path: Path) -> None:
    job, messages = recorded("too-short")
    run = RunFolder.create(job.model_copy(update={"run_folder": tmp_path / "run"}))
    for message in messages:
        run.append(message)
    runs = ProjectRuns(lambda: None, jobs, Background())
    doctor = Doctor(jobs, runs, Background())

    def label() -> str:
        runs.all = (read_run(run),)
        (remedy,) = (f.remedy for f in doctor.findings(job.job_id) or () if f.code == "too-short")
        assert remedy is not None
        return remedy.label

    assert label() == "Train again with 8 epochs"
    run.checkpoints.mkdir()
    (run.checkpoints / "last.safetensors").touch()
    assert label() == "Train longer"


def test_a_resumed_run_tells_its_facts_again(tmp_path: Path) -> None:
    job, messages = recorded("small-patch")
    run = RunFolder.create(job.model_copy(update={"run_folder": tmp_path / "run"}))
    for message in (Started(device="cpu", device_name="", pid=1), *messages[:3]):
        run.append(message)
    run.append(Started(device="cpu", device_name="", pid=2))
    said = [message.kind for message in RunProcess.attach(run.path).messages()]
    assert said[0] == "facts"


def _point(rate: float, loss: float) -> Metric:
    values = {"learning_rate": rate, "train_loss": loss, "smooth_loss": loss}
    return Metric(epoch=1, step=1, elapsed_s=0, values=values)


def test_a_range_test_tells_its_curve_and_its_rate(jobs: Jobs) -> None:
    search = RateSearch(jobs)
    search.start(a_job(), "Learning rates")
    (spec,) = jobs.range_tests
    jobs.say(spec.job_id, _point(1e-6, 1.0), _point(1e-5, 0.9))
    assert search.state == "running"
    assert search.curve[0].tolist() == [1e-6, 1e-5]
    jobs.say(spec.job_id, Finished(outcome="done", summary={"suggested_rate": 0.0041}))
    assert (search.state, search.suggested) == ("done", 0.0041)
    assert jobs.curves.runs() == []


def test_a_training_that_starts_from_a_model_gets_the_setting_not_the_rate(jobs: Jobs) -> None:
    search = RateSearch(jobs)
    search.start(a_job(start_from="model"), "Learning rates")
    jobs.say(jobs.range_tests[0].job_id, Finished(outcome="done", summary={"suggested_rate": 0.001}))
    assert search.suggested == pytest.approx(0.005)


def test_a_range_test_without_a_rate_says_why(jobs: Jobs) -> None:
    search = RateSearch(jobs)
    search.start(a_job(), "Learning rates")
    job_id = jobs.range_tests[0].job_id
    jobs.say(job_id, Warned(code="range-test-flat", message="No rate.", hint="Look."), Finished(outcome="done"))
    assert (search.suggested, search.problem) == (None, "No rate. Look.")
    search.start(a_job(), "Learning rates")
    assert search.problem == ""
    jobs.say(jobs.range_tests[1].job_id, Failed(code="x", message="It broke.", hint="Mend it."))
    assert (search.state, search.problem) == ("failed", "It broke. Mend it.")


def test_what_an_earlier_range_test_still_says_is_not_heard(jobs: Jobs) -> None:
    search = RateSearch(jobs)
    search.start(a_job(), "Learning rates")
    search.start(a_job(), "Learning rates")
    first, second = jobs.range_tests
    assert jobs.stopped == [first.job_id]
    jobs.say(first.job_id, _point(1e-6, 1.0), Finished(outcome="stopped"))
    assert (search.state, len(search.curve[0])) == ("running", 0)
    search.forget()
    jobs.say(second.job_id, Finished(outcome="done", summary={"suggested_rate": 0.1}))
    assert (search.state, search.suggested) == ("none", None)


def test_a_range_test_goes_with_its_project() -> None:
    session = Session()
    session.rates.state, session.rates.suggested = "done", 0.01
    session.close_project()
    assert (session.rates.state, session.rates.suggested) == ("none", None)
    session.close()
