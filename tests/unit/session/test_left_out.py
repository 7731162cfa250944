"""Of images that are added together, how many were left out is said, and why."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.project.intake import Intake
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project
from segstudio.session import image_intake
from segstudio.session.notice import Notice
from segstudio.session.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    return Session()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder with one image and four files that only look like images."""
    folder = tmp_path / "images"
    folder.mkdir()
    tifffile.imwrite(folder / "good.tif", np.arange(1024, dtype=np.uint8).reshape(32, 32))
    for number in range(4):
        (folder / f"broken-{number}.png").write_bytes(b"no image")
    return folder


def _said_by(session: Session) -> list[Notice]:
    said: list[Notice] = []
    session.noticed.connect(said.append)
    return said


def test_the_first_of_several_reasons_says_how_many_files_were_left_out(
    session: Session, images: Path, tmp_path: Path
) -> None:
    said = _said_by(session)
    session.create_project(tmp_path / "project", [images])
    assert len(said) == 4
    assert len({notice.group for notice in said}) == 1  # shown as one
    assert said[0].message.startswith("4 of 5 were not added: broken-0.png ")
    assert said[1].message.startswith("broken-1.png ")
    session.close()


def test_how_many_were_left_out_is_said_when_images_are_added_later(
    session: Session, images: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "first.tif", np.zeros((32, 32), np.uint8))
    session.create_project(tmp_path / "project", [tmp_path / "first.tif"])
    said = _said_by(session)
    session.add_images([images / "good.tif", images / "broken-2.png"])
    (notice,) = said
    assert notice.message.startswith("1 of 2 was not added: broken-2.png ")
    session.close()


def test_of_many_images_is_said_how_far_they_are(
    session: Session, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_intake, "_TOLD_AFTER_S", -1.0)
    tifffile.imwrite(tmp_path / "first.tif", np.zeros((32, 32), np.uint8))
    session.create_project(tmp_path / "project", [tmp_path / "first.tif"])
    said = _said_by(session)
    session.add_images([images / "good.tif", images / "broken-2.png"])
    *on_the_way, end, left_out = said
    assert [notice.message for notice in on_the_way] == [
        "Images are being added: 0 files looked at.",
        "Images are being added: 1 file looked at.",
    ]
    assert end.message == "1 image was added."
    assert len({notice.about for notice in (*on_the_way, end)}) == 1, "the newest takes the place of the others"
    assert "was not added" in left_out.message
    session.close()


def test_images_that_come_after_the_project_was_closed_go_into_no_other_one(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    session, looks, closed = Session(calls.put), threading.Event(), threading.Event()
    look = Intake.look

    def until(reached: Callable[[], object]) -> None:
        while not reached():
            calls.get(timeout=30)()

    def slow(intake: Intake, path: Path, *split: Any) -> ImageEntry:
        looks.set()
        assert closed.wait(30)
        return look(intake, path, *split)

    for name in ("one", "two"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((32, 32), ord(name[0]), np.uint8))
        Project.create(tmp_path / f"project {name}", tmp_path / f"{name}.tif")[0].close()
    session.open_project(tmp_path / "project one")
    until(lambda: session.project is not None)
    monkeypatch.setattr(Intake, "look", slow)
    session.add_images([images / "good.tif", tmp_path / "two.tif"])
    assert looks.wait(30)
    session.open_project(tmp_path / "project two")
    until(lambda: session.project is not None and session.project.folder.name == "project two")
    closed.set()
    session.close()
    for name in ("one", "two"):
        with Project.open(tmp_path / f"project {name}", read_only=True) as project:
            assert [entry.name for entry in project.images] == [f"{name}.tif"]
