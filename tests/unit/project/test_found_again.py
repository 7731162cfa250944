"""Images that moved are found by their content, whatever else lies in the folder; the same image is taken once."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.project import locating
from segstudio.project.image_files import fingerprint
from segstudio.project.project import Project

#: Both ends of a file are looked at to know it: these images differ in their middle only.
SIDE = 1500


def image(path: Path, middle: int) -> Path:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[SIDE // 2] = middle
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, metadata=None)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    images = [image(tmp_path / "images" / f"{name}.tif", number) for number, name in enumerate("abc", 1)]
    assert len({fingerprint(path) for path in images}) == 1
    project, problems = Project.create(tmp_path / "project", [tmp_path / "images"])
    assert problems == []
    for entry in project.images:
        project.document(entry.id)
        until(lambda entry=entry: project._images.sums.known(entry) is not None)
    return project


def until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.005)


def places(project: Project) -> dict[str, str]:
    return {entry.name: project.image_path(entry.id).parent.name for entry in project.images}


def test_images_that_differ_in_their_middle_only_are_different_images(project: Project, tmp_path: Path) -> None:
    assert [entry.name for entry in project.images] == ["a.tif", "b.tif", "c.tif"]
    assert len({entry.id for entry in project.images}) == 3
    again = image(tmp_path / "more" / "d.tif", 2)
    (problem,) = project.add_images([again])
    assert "d.tif is the same image as b.tif" in problem
    assert project.close()


def test_each_of_them_is_found_where_it_is_now(project: Project, tmp_path: Path) -> None:
    image(tmp_path / "images" / "other.tif", 77)
    (tmp_path / "images").rename(tmp_path / "moved")
    (tmp_path / "moved" / "a.tif").rename(tmp_path / "moved" / "z.tif")
    assert project.find_moved(tmp_path / "moved") == 3
    assert places(project) == {"z.tif": "moved", "b.tif": "moved", "c.tif": "moved"}
    for number, entry in enumerate(sorted(project.images, key=lambda entry: "abc".index(entry.stem)), 1):
        assert tifffile.imread(project.image_path(entry.id))[SIDE // 2, 0] == number
    assert project.close()


def test_a_file_that_cannot_be_read_hides_no_other_one(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").rename(tmp_path / "moved")
    real = locating.fingerprint

    def refused(path: Path) -> str:
        if path.name == "a.tif":
            raise BadInput("a.tif cannot be read: Permission denied.")
        return real(path)

    monkeypatch.setattr(locating, "fingerprint", refused)
    assert project.find_moved(tmp_path / "moved") == 2
    assert places(project) == {"a.tif": "images", "b.tif": "moved", "c.tif": "moved"}
    assert project.close()


def test_of_images_whose_middle_nobody_has_looked_at_the_name_decides(tmp_path: Path) -> None:
    for number, name in enumerate("abc", 1):
        image(tmp_path / "images" / f"{name}.tif", number)
    with Project.create(tmp_path / "project", [tmp_path / "images"])[0] as project:
        (tmp_path / "images").rename(tmp_path / "moved")
        assert project.find_moved(tmp_path / "moved") == 3
        assert all(project.image_path(entry.id).stem == entry.stem for entry in project.images)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_hides_no_other_one(project: Project, tmp_path: Path) -> None:
    (tmp_path / "images").rename(tmp_path / "moved")
    (tmp_path / "moved" / "a.tif").chmod(0)
    assert project.find_moved(tmp_path / "moved") == 2
    assert project.close()
