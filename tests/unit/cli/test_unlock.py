"""``segstudio unlock``: who has left a project open is told, and only who says that this computer is off takes over."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.io.file_lock import open_lock, try_lock
from segstudio.labels.edits import Stroke
from segstudio.project.lock import LEFT_OPEN, left_open_by
from segstudio.project.project import Project

OWNER = {"pid": 12, "host": "node-7", "user": "anna", "computer": "0123456789abcdef"}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Return the lock file of a project that a node has left open, with a stroke that only the journal has."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((60, 70), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    with project:
        project.document(project.images[0].id).apply(Stroke(np.array([[20.0, 20.0]]), 5, 1))
    path = tmp_path / "project" / ".segstudio" / "lock"
    path.write_text(json.dumps(OWNER))
    os.utime(path, (1_800_000_000, 1_800_000_000))
    return path


def test_it_tells_who_has_left_it_open_and_changes_nothing(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lock.parents[1]
    assert main(["unlock", str(folder)]) == 3
    told = capsys.readouterr().err
    assert "project was opened on another computer (anna, node-7, process 12) on 2027-01-1" in told
    assert "add --yes" in told
    assert json.loads(lock.read_text()) == OWNER


def test_it_takes_over_and_what_was_drawn_there_is_brought_back(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = lock.parents[1]
    with pytest.raises(UserError, match="node-7") as refused:
        Project.open(folder)
    assert refused.value.code == LEFT_OPEN
    assert "segstudio unlock" in refused.value.hint
    assert main(["unlock", str(folder / "project.json"), "--yes"]) == 0
    assert "project can be opened again. What was drawn last on node-7" in capsys.readouterr().out
    with Project.open(folder) as project:
        assert project.behind, "nobody has closed it"
        project.catch_up(project.behind[0])
    assert main(["unlock", str(folder), "--yes"]) == 0
    assert "No other computer has left project open" in capsys.readouterr().out


def test_any_computer_opens_it_then(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["unlock", str(lock.parents[1]), "--yes"]) == 0
    monkeypatch.setattr("segstudio.project.lock.computer_mark", lambda: "a third one")
    monkeypatch.setattr("socket.gethostname", lambda: "a third one")
    with Project.open(lock.parents[1]) as project:
        assert project.behind


def test_what_is_really_open_is_not_taken_over(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    descriptor = open_lock(lock)
    try:
        assert try_lock(descriptor)
        assert main(["unlock", str(lock.parents[1]), "--yes"]) == 3
        assert "is already open for writing in another program (anna, node-7, process 12)" in capsys.readouterr().err
        assert json.loads(lock.read_text()) == OWNER
    finally:
        os.close(descriptor)


def test_who_has_opened_it_meanwhile_keeps_it(lock: Path) -> None:
    holder = left_open_by(lock)
    assert holder is not None
    lock.write_text(json.dumps(OWNER | {"pid": 13}))
    with pytest.raises(UserError, match="process 13"):
        Project.open(lock.parents[1], take_from=holder)
    assert json.loads(lock.read_text())["pid"] == 13


def test_a_folder_that_is_no_project_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unlock", str(tmp_path), "--yes"]) == 3
    assert "is no SegStudio project" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_is_open_on_this_computer_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((60, 70), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    with project:
        assert main(["unlock", str(project.folder), "--yes"]) != 0
        told = capsys.readouterr().err
        assert "project is already open for writing" in told
        assert f"process {os.getpid()}" in told
        project.set_name("still mine")
        project.save()
    assert main(["unlock", str(project.folder)]) == 0
