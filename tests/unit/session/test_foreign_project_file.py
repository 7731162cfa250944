"""What another program does to project.json, or leaves beside it, is told in the window."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.project.project import Project
from segstudio.session.notice import Notice
from segstudio.session.session import Session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("a.tif", "a (1).tif"):
        tifffile.imwrite(tmp_path / "images" / name, np.full((32, 32), len(name), np.uint8))
    project, problems = Project.create(tmp_path / "project", tmp_path / "images")
    assert problems == []
    project.close()
    (tmp_path / "project" / "labels").mkdir()
    return tmp_path / "project"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    return Session()


def said_by(session: Session) -> list[str]:
    notices: list[str] = []
    session.noticed.connect(lambda notice: notices.append(_words(notice)))
    return notices


def _words(notice: Notice) -> str:
    return f"{notice.message} {notice.hint}"


def test_a_project_file_changed_while_it_is_open_is_kept_and_told(session: Session, folder: Path) -> None:
    session.open_project(folder)
    said = said_by(session)
    theirs = (folder / "project.json").read_bytes().replace(b'"name": "project"', b'"name": "theirs"')
    (folder / "project.json").write_bytes(theirs)
    assert session.project is not None
    session.project.set_name("ours")
    session.project.save()
    assert any("project.foreign-1.json" in words for words in said)
    assert (folder / "project.foreign-1.json").read_bytes() == theirs
    assert json.loads((folder / "project.json").read_bytes())["name"] == "ours"
    session.close()


def test_copies_of_a_sync_program_are_told_and_left_alone(session: Session, folder: Path) -> None:
    copies = [folder / "project (1).json", folder / "labels" / "a.sync-conflict-20260102-101112-ABCDEFG.tif"]
    for copy in copies:
        copy.write_bytes(b"x")
    shutil.copy(copies[1], folder / "labels" / "a (1).tif")  # the labels of another image, which is called so
    said = said_by(session)
    session.open_project(folder)
    (sentence,) = [words for words in said if "sync program" in words]
    assert "“project (1).json”" in sentence
    assert "and 1 more" in sentence
    assert all(copy.read_bytes() == b"x" for copy in copies)
    session.close()


def test_an_older_project_file_that_is_put_back_is_told_and_ours_kept(session: Session, folder: Path) -> None:
    old = (folder / "project.json").read_bytes()
    with Project.open(folder) as project:
        project.set_name("newest")
        project.save()
        project.set_name("the newest")
    (folder / "project.json").write_bytes(old)
    said = said_by(session)
    session.open_project(folder)
    assert any("An older project.json was put in the place" in words for words in said)
    assert session.project is not None
    assert session.project.name == "the newest"
    session.close()
    assert (folder / "project.foreign-1.json").read_bytes() == old
    assert json.loads((folder / "project.json").read_bytes())["name"] == "the newest"
    with Project.open(folder) as again:
        assert again.warnings == [], "told once"


def test_a_newer_project_is_offered_for_reading(session: Session, folder: Path) -> None:
    content = json.loads((folder / "project.json").read_bytes())
    (folder / "project.json").write_text(json.dumps(content | {"schema_version": 99}))
    refused: list[UserError] = []
    session.door.refused.connect(lambda _folder, error: refused.append(error))
    session.open_project(folder)
    assert session.project is None
    assert "newer SegStudio" in refused[0].message
    said = said_by(session)
    session.door.open(folder, read_only=True)
    assert session.project is not None
    assert session.project.read_only
    assert any("newer SegStudio" in words for words in said)
    session.close()


def test_a_project_on_a_drive_without_locks_is_offered_for_reading(
    session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> bool:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("segstudio.project.lock.try_lock", refuse)
    refused: list[UserError] = []
    session.door.refused.connect(lambda _folder, error: refused.append(error))
    session.open_project(folder)
    assert session.project is None
    assert "cannot tell who has it open" in refused[0].message
    session.door.open(folder, read_only=True)
    assert session.project is not None
    session.close()
