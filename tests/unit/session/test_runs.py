import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.project.project import Project
from segstudio.session.runs import read_run, read_runs
from segstudio.session.session import Session


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    classes = (ClassSpec(id=1, name="cell"),)
    made = RunFolder.create(TrainJob(job_id="a", name="a", run_folder=tmp_path / "a", samples=(), classes=classes))
    made.append(Finished(job_id="a", outcome="stopped"))
    return made


def test_a_run_that_ended_can_go_on_from_its_checkpoint(folder: RunFolder) -> None:
    assert not read_run(folder).resumable
    folder.checkpoints.mkdir()
    assert not read_run(folder).resumable
    (folder.checkpoints / "last.pt").touch()
    assert read_run(folder).resumable


def test_a_run_that_is_finished_cannot_go_on(folder: RunFolder) -> None:
    folder.checkpoints.mkdir()
    (folder.checkpoints / "last.pt").touch()
    folder.append(Finished(job_id="a", outcome="done"))
    assert not read_run(folder).resumable


def test_a_run_is_known_without_looking_at_the_disk_again(folder: RunFolder) -> None:
    folder.checkpoints.mkdir()
    (folder.checkpoints / "last.pt").touch()
    run = read_run(folder)
    shutil.rmtree(folder.path)  # as a network drive that went away
    assert run.resumable


def test_one_run_that_cannot_be_read_hides_no_other(folder: RunFolder) -> None:
    other = RunFolder.create(folder.job().model_copy(update={"job_id": "b", "run_folder": folder.path.with_name("b")}))
    other.job_file.unlink()
    other.job_file.mkdir()  # stands for any refusal of the disk
    runs, problems = read_runs(folder.path.parent)
    assert [run.id for run in runs] == ["a"]
    assert len(problems) == 1


@pytest.mark.parametrize("value", ["high", None, [1], True, math.nan, 10**400])
def test_a_score_that_is_no_number_is_none(folder: RunFolder, value: object) -> None:
    folder.model.mkdir()
    (folder.model / "model.json").write_text(json.dumps({"scores": {"f1": value, "ap50": 0.5}}))
    run = read_run(folder)
    assert (run.f1, run.scores, run.has_model) == (None, {"ap50": 0.5}, True)


def test_a_run_of_another_version_is_told_once(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.eye(16, dtype=np.uint8))
    Project.create(tmp_path / "project", [tmp_path / "images"])[0].close()
    runs = tmp_path / "project" / "runs"
    shutil.copytree(folder.path, runs / "a")
    shutil.copytree(folder.path, runs / "b")
    (runs / "b" / "job.json").write_text(json.dumps({**json.loads(folder.job_file.read_text()), "later": 1}))
    session, told = Session(), list[str]()
    session.noticed.connect(lambda notice: told.append(notice.message))
    session.open_project(tmp_path / "project")
    session.runs.refresh()
    assert [run.id for run in session.runs.all] == ["a"]
    (sentence,) = told
    assert "damaged or of a newer version" in sentence
    session.close()
