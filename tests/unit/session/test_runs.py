import json
import math
import shutil
from pathlib import Path

import pytest

from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.session.runs import read_run, read_runs


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
