"""Images of one length, with the same ends, that are exchanged are noticed."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.project.image_files import fingerprint
from segstudio.project.project import Project

SHAPE = (600, 800)


def until(reached: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """Return a folder with two images of one length, of one time and with the same ends, as from an archive."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, value in (("a.tif", 50), ("b.tif", 150)):
        pixels = np.zeros(SHAPE, np.uint8)
        pixels[200:400, 200:400] = value
        tifffile.imwrite(folder / name, pixels, metadata=None)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    assert fingerprint(folder / "a.tif") == fingerprint(folder / "b.tif")
    return folder


def exchange(folder: Path) -> None:
    """Exchange two images by their names: times and lengths stay."""
    (folder / "a.tif").rename(folder / "c.tif")
    (folder / "b.tif").rename(folder / "a.tif")
    (folder / "c.tif").rename(folder / "b.tif")


def know_all(folder: Path) -> None:
    """Open all images of a project until their sums are known."""
    with Project.open(folder) as project:
        for entry in project.images:
            project.document(entry.id)
        until(lambda: all(project._images.sums.known(entry) for entry in project.images))


def refused(folder: Path) -> list[str]:
    """Return the names of those images of a project that are called changed."""
    names = []
    with Project.open(folder) as project:
        for entry in project.images:
            try:
                project.document(entry.id)
            except BadInput as error:
                assert error.code == "image-changed"  # noqa: PT017
                names.append(entry.name)
        assert project.warnings == []
    return names


def test_images_of_one_length_and_one_time_that_were_exchanged_are_noticed(tmp_path: Path, twins: Path) -> None:
    Project.create(tmp_path / "project", twins)[0].close()
    know_all(tmp_path / "project")
    exchange(twins)
    assert refused(tmp_path / "project") == ["a.tif", "b.tif"]
    exchange(twins)
    assert refused(tmp_path / "project") == []


def test_another_image_copied_over_one_with_its_time_is_noticed(tmp_path: Path, twins: Path) -> None:
    Project.create(tmp_path / "project", twins)[0].close()
    know_all(tmp_path / "project")
    shutil.copy2(twins / "b.tif", twins / "a.tif")  # the file stays the same one, its time is put back
    assert refused(tmp_path / "project") == ["a.tif"]


def test_the_images_of_a_copied_project_are_good(tmp_path: Path, twins: Path) -> None:
    Project.create(tmp_path / "project", twins)[0].close()
    know_all(tmp_path / "project")
    (tmp_path / "copy").mkdir()
    for name in ("project", "images"):
        shutil.copytree(tmp_path / name, tmp_path / "copy" / name)
    assert refused(tmp_path / "copy" / "project") == []
    exchange(tmp_path / "copy" / "images")
    assert refused(tmp_path / "copy" / "project") == ["a.tif", "b.tif"]
