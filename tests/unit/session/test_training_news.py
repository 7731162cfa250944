"""What is told when a training ends that went on with a model it had made before."""

from pathlib import Path

import pytest
from recorded_runs import a_job

from segstudio.jobs.messages import Finished, Metric, Started
from segstudio.session.notice import Notice
from segstudio.session.runs import Run
from segstudio.session.session import Session


def _metric(step: int, *, best: bool = False) -> Metric:
    return Metric(job_id="a", epoch=step / 10, step=step, elapsed_s=step, values={"val_f1": 0.8}, best=best)


@pytest.mark.parametrize(
    ("better", "told"),
    [
        (False, "Model 1: 22 more steps, and no better than before: F1 0.80. The model stays as it was."),
        (True, "Model 1 is ready: F1 0.80."),
    ],
)
def test_more_time_says_what_came_of_it(
    better: bool, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    session, notices = Session(), list[Notice]()
    monkeypatch.setattr(session.jobs.trainings, "start", lambda *_: None)
    monkeypatch.setattr(session.runs, "refresh", lambda: None)  # there is no project to read
    monkeypatch.setattr(session.runs, "owns", lambda _job: True)
    session.noticed.connect(notices.append)
    job = a_job(job_id="a", name="Model 1", run_folder=tmp_path / "a")
    events = (_metric(10, best=True), _metric(30))
    session.runs.all = (Run("a", "Model 1", tmp_path / "a", "done", job, events[0], has_model=True, events=events),)
    session.jobs.start_training(job.model_copy(update={"resume": True}))
    end = Finished(job_id="a", outcome="done", summary={"f1": 0.8})
    for message in (Started(job_id="a", device="cpu", device_name="a processor", pid=1), _metric(52, best=better), end):
        session.jobs.handle(message)
    assert [notice.text.startswith(told) for notice in notices] == [True]
    session.close()
