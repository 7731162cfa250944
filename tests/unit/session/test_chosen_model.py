"""Which model predicts: the newest, until the user has chosen one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from bake_off_records import record_of
from recorded_runs import a_job

from segstudio.jobs.messages import Finished
from segstudio.session.bake_off_record import record_path
from segstudio.session.chosen_model import ChosenModel
from segstudio.session.notice import Notice
from segstudio.session.predictions import Prediction
from segstudio.session.runs import Run
from segstudio.session.session import Session


@dataclass
class Desk:
    """Trainings that begin and end without a process."""

    session: Session

    @property
    def models(self) -> ChosenModel:
        return self.session.models

    def begin(self, run_id: str) -> None:
        self.session.jobs.start_training(a_job(job_id=run_id, name=run_id, run_folder=Path(run_id)))

    def has_model(self, run_id: str) -> None:
        run = Run(run_id, run_id, Path(run_id), "done", a_job(job_id=run_id), best=None, has_model=True)
        self._list(run, *self.session.runs.all)

    def train(self, run_id: str) -> None:
        self.begin(run_id)
        self.has_model(run_id)

    def delete(self, run_id: str) -> None:
        self._list(*(run for run in self.session.runs.all if run.id != run_id))

    def _list(self, *runs: Run) -> None:
        self.session.runs.all = runs
        self.session.runs.changed.emit()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    made = Desk(Session())
    monkeypatch.setattr(made.session.jobs.trainings, "start", lambda *_: None)
    yield made
    made.session.close()


def test_the_newest_is_chosen_while_nobody_has_chosen(desk: Desk) -> None:
    assert (desk.models.run_id, desk.models.run) == ("", None)
    for name in ("a", "b", "c"):
        desk.train(name)
        assert desk.models.run is not None
        assert desk.models.run.id == name
    desk.delete("c")
    assert desk.models.run_id == "b"


def test_a_choice_outlives_the_trainings_that_had_begun(desk: Desk) -> None:
    desk.train("a")
    desk.train("b")
    desk.begin("c")
    desk.models.choose("a")
    assert desk.models.stays("c")
    desk.has_model("c")
    assert desk.models.run_id == "a"
    desk.begin("d")
    assert not desk.models.stays("d")
    desk.has_model("d")
    assert desk.models.run_id == "d", "begun since: the user wants to see what it does"
    desk.train("e")
    assert desk.models.run_id == "e"


def test_who_chose_a_model_is_told_that_a_new_one_does_not_predict(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Notice] = []
    desk.session.noticed.connect(told.append)
    monkeypatch.setattr(desk.session.runs, "owns", lambda _job: True)
    monkeypatch.setattr(desk.session.runs, "refresh", lambda: None)  # there is no project to read
    desk.train("a")
    desk.begin("b")
    desk.models.choose("a")
    desk.begin("c")
    for name in ("b", "c"):
        desk.session.jobs.handle(Finished(job_id=name, outcome="done", summary={"f1": 0.8}))
    assert "a stays the model that predicts, as you chose" in told[0].hint
    assert "Ctrl+P" in told[1].hint


def test_a_model_that_only_came_into_the_project_takes_no_place(desk: Desk) -> None:
    desk.train("a")
    desk.train("b")
    desk.models.choose("a")
    desk.has_model("from a folder")
    assert desk.models.run_id == "a"
    desk.delete("a")
    assert desk.models.run_id == "from a folder", "the newest again"
    desk.train("c")
    assert desk.models.run_id == "c"


def test_a_candidate_does_not_take_the_place_of_what_was_taken(desk: Desk, tmp_path: Path) -> None:
    record = record_of("good", "fair", "slow")
    first, second, third = (row.run for row in record.rows)
    desk.session.bake_off.runner.show(record_path(tmp_path, "x"), record)
    desk.train(first)
    desk.train(second)
    assert desk.models.run_id == second
    desk.models.choose(first)
    desk.train(third)
    assert desk.models.run_id == first


def test_no_model_changes_under_who_steps_through_its_proposals(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.train("a")
    review = desk.session.review
    review.prediction = Prediction("image", "a", Path("a"), Path("a.tif"), Path("a.npy"))
    monkeypatch.setattr(type(review), "pending_count", property(lambda _self: 1))
    desk.train("b")
    assert desk.models.run_id == "a"
    monkeypatch.setattr(type(review), "pending_count", property(lambda _self: 0))
    desk.train("c")
    assert desk.models.run_id == "c"


def _step_through(desk: Desk, monkeypatch: pytest.MonkeyPatch, run_id: str, pending: int) -> None:
    """Let `pending` proposals of a model wait in the image in front."""
    review = desk.session.review
    review.prediction = Prediction("image", run_id, Path(run_id), Path("a.tif"), Path("a.npy"))
    monkeypatch.setattr(type(review), "pending_count", property(lambda _self: pending))
    review.changed.emit(None)


def test_the_model_that_waited_predicts_when_the_proposals_are_decided(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.train("a")
    _step_through(desk, monkeypatch, "a", 2)
    desk.train("b")
    _step_through(desk, monkeypatch, "a", 1)
    assert desk.models.run_id == "a"
    _step_through(desk, monkeypatch, "a", 0)
    assert desk.models.run_id == "b"
    _step_through(desk, monkeypatch, "b", 1)
    desk.train("c")
    desk.models.choose("a")
    _step_through(desk, monkeypatch, "b", 0)
    assert desk.models.run_id == "a", "chosen since"


def test_the_notice_says_when_a_new_model_waits_for_the_review(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Notice] = []
    desk.session.noticed.connect(told.append)
    monkeypatch.setattr(desk.session.runs, "owns", lambda _job: True)
    monkeypatch.setattr(desk.session.runs, "refresh", lambda: None)  # there is no project to read
    desk.train("a")
    _step_through(desk, monkeypatch, "a", 1)
    desk.begin("b")
    desk.session.jobs.handle(Finished(job_id="b", outcome="done", summary={"f1": 0.8}))
    assert "Ctrl+P" not in told[0].hint
    assert "when you have accepted or rejected what a proposes" in told[0].hint


def test_another_project_begins_with_its_newest(desk: Desk) -> None:
    desk.train("a")
    desk.train("b")
    desk.models.choose("a")
    desk.session.runs.project_closed()
    assert desk.models.run_id == ""
    desk.has_model("x")
    desk.has_model("y")
    assert desk.models.run_id == "y"


def test_a_choice_that_was_brought_back_stays_one_when_the_models_are_listed(desk: Desk) -> None:
    desk.train("a")
    desk.train("b")
    listed = desk.session.runs.all
    desk.session.runs.project_closed()
    desk.models.choose("a")  # before the models of the project are read
    desk.session.runs.all = listed
    desk.session.runs.changed.emit()
    assert desk.models.wish == "a"
    desk.has_model("from a folder")
    assert desk.models.run_id == "a"


@pytest.mark.parametrize(("begun", "predicts"), [(10.0, "a"), (30.0, "b")])
def test_a_training_that_outlived_the_window_counts_from_when_it_began(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, begun: float, predicts: str
) -> None:
    monkeypatch.setattr(desk.session.jobs.trainings, "attach", lambda *_: None)
    first = Run("a", "a", Path("a"), "done", a_job(job_id="a", name="a"), best=None, has_model=True)
    job = a_job(job_id="b", name="b")
    running = Run("b", "b", Path("b"), "running", job, best=None, has_model=False, begun=begun)
    desk.models.choose("a", 20.0)  # what was chosen in the sitting before, until the runs are listed
    desk.session.runs.all = (running, first)
    desk.session.jobs.attach(job, running.folder)
    desk.session.runs.changed.emit()
    desk.session.runs.all = (replace(running, status="done", has_model=True), first)
    desk.session.runs.changed.emit()
    assert desk.models.run_id == predicts
