"""Targets are looked for where images or folders have changed, and not after every stroke that was saved."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.project.image_files import find_target
from segstudio.session.session import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Yield a session with two images, one of which has a target."""
    for place, names in (("images", "ab"), ("targets", "a")):
        (tmp_path / place).mkdir()
        for name in names:
            tifffile.imwrite(tmp_path / place / f"{name}.tif", np.full((32, 32), ord(name), np.uint8))
    os.utime(tmp_path / "targets", (1000, 1000))
    made = Session()
    made.create_project(tmp_path / "project", [tmp_path / "images"])
    yield made
    made.close()


def test_the_disk_is_searched_only_when_images_or_folders_changed(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def find(image: Path) -> Path | None:
        searched.append(image.name)
        return find_target(image)

    monkeypatch.setattr("segstudio.project.samples.find_target", find)
    project = session.project
    assert project is not None
    first, second = (entry.id for entry in project.images)
    assert session.targets.splits.keys() == {first}
    session.images_changed.emit()  # as after each checkpoint
    assert searched == []
    tifffile.imwrite(tmp_path / "targets" / "b.tif", np.zeros((32, 32), np.uint8))
    session.images_changed.emit()
    assert session.targets.splits.keys() == {first, second}
    os.utime(tmp_path / "targets", (2000, 2000))
    session.images_changed.emit()
    session.states.set_split([first], "test")
    assert session.targets.splits[first] == "test"
    tifffile.imwrite(tmp_path / "images" / "c.tif", np.full((32, 32), 3, np.uint8))
    searched.clear()
    session.add_images([tmp_path / "images" / "c.tif"])
    assert "c.tif" in searched


def test_an_error_that_nobody_expected_does_not_end_the_looking(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_project: Any) -> Any:
        raise RuntimeError("Unexpected")

    found = session.targets.splits
    session.targets.forget()
    with monkeypatch.context() as broken:
        broken.setattr("segstudio.session.targets.project_pairs", fail)
        with pytest.raises(RuntimeError):
            session.targets.look()
    session.targets.look()
    assert session.targets.splits == found
