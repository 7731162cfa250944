"""A bake-off beside the other trainings of a project: only its own candidates are told about at its end."""

from pathlib import Path

import pytest
from bake_off_records import record_of, scored
from factories import write_pairs

from segstudio.core.errors import UserError
from segstudio.jobs.messages import Finished
from segstudio.jobs.spec import Choice
from segstudio.project.project import Project
from segstudio.session.bake_off_record import all_records, record_path, training_job
from segstudio.session.job_specs import TrainingWish
from segstudio.session.notice import Notice
from segstudio.session.project_bake_off import BakeOffWish
from segstudio.session.session import Session


def test_a_training_with_the_title_of_a_candidate_is_told_as_ready_the_candidate_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told = Session(), []
    session.noticed.connect(lambda notice: told.append(notice) if isinstance(notice, Notice) else None)
    monkeypatch.setattr(session.jobs.trainings, "start", lambda *_: None)
    record = record_of("good", "fair")
    candidate = training_job(record, record.rows[0], tmp_path)
    session.bake_off.runner.begin(record_path(tmp_path, "x"), record)
    for job_id in ("a training of the user", candidate.job_id):
        if job_id != candidate.job_id:
            session.jobs.start_training(candidate.model_copy(update={"job_id": job_id, "run_folder": tmp_path / "own"}))
        assert session.jobs.job(job_id).title == "Comparison 1: Good"
        session.jobs.handle(Finished(job_id=job_id, outcome="done", summary={"f1": 0.8}))
    ready = [notice.message for notice in told if "is ready" in notice.message]
    assert ready == ["Comparison 1: Good is ready: F1 0.80."]
    session.close()


@pytest.mark.parametrize(("found", "level"), [(9, "good"), (0, "warning")])
def test_a_comparison_in_which_nobody_finds_anything_is_no_good_news(tmp_path: Path, found: int, level: str) -> None:
    session, told = Session(), []
    session.noticed.connect(lambda notice: told.append(notice) if isinstance(notice, Notice) else None)
    session.bake_off.runner.show(record_path(tmp_path, "x"), scored([found] * 6, [0] * 6))
    session.bake_off.runner.ended.emit()
    assert [notice.level for notice in told] == [level]
    session.close()


def test_of_two_begun_at_once_the_second_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its window was closed and opened again while the labels were saved."""
    write_pairs(tmp_path, 4, (48, 48))
    project, problems = Project.create(tmp_path / "project", [tmp_path / "images"])
    problems += project.import_masks()
    project.close()
    assert not problems
    session, refused = Session(), list[UserError]()
    monkeypatch.setattr(session.jobs.trainings, "start", lambda *_: None)
    session.open_project(tmp_path / "project")
    assert session.project is not None
    candidates = tuple(row.candidate for row in record_of("good", "fair").rows)
    wish = BakeOffWish(candidates, 1.0, TrainingWish("", Choice(name="joint"), Choice(name="unet"), {}))
    for _ in range(2):
        session.bake_off.start(wish, lambda: None, refused.append)
    assert [error.code for error in refused] == ["bake-off-busy"]
    base = session.project.runs_folder
    assert all_records(base) == [session.bake_off.runner.path]
    assert len(list(base.glob("*.labels"))) == 1
    session.close()


def test_copies_that_a_killed_window_left_are_cleared_when_the_project_is_opened(tmp_path: Path) -> None:
    write_pairs(tmp_path, 1, (48, 48))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "images"])
    left = project.runs_folder / "20260101-100000-abcd.labels"
    project.close()
    left.mkdir(parents=True)
    (left / "0000-labels.tif").write_bytes(b"half a fi")
    session = Session()
    session.open_project(tmp_path / "project")
    assert not left.exists()
    session.close()
