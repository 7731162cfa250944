"""Images of one length, with the same ends, that are exchanged are noticed."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput, UserError
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project import image_sums, opening
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


def test_images_that_were_exchanged_before_anyone_opened_them_are_noticed(tmp_path: Path, twins: Path) -> None:
    Project.create(tmp_path / "project", twins)[0].close()
    exchange(twins)
    assert refused(tmp_path / "project") == ["a.tif", "b.tif"]
    exchange(twins)
    assert refused(tmp_path / "project") == []


def test_an_image_that_is_added_later_is_told_apart_from_those_with_its_ends(tmp_path: Path, twins: Path) -> None:
    with Project.create(tmp_path / "project", twins / "a.tif")[0] as project:
        assert project.add_images([twins / "b.tif"]) == []
    exchange(twins)
    assert refused(tmp_path / "project") == ["a.tif", "b.tif"]


def test_a_copy_that_is_not_taken_leaves_no_sum_to_the_next_image_of_its_name(tmp_path: Path, twins: Path) -> None:
    for name, image in (("copy", "a.tif"), ("other", "b.tif")):
        (tmp_path / name).mkdir()
        shutil.copy2(twins / image, tmp_path / name / "a.tif")
    paths = [twins / "a.tif", tmp_path / "copy", tmp_path / "other"]
    project, problems = Project.create(tmp_path / "project", paths)
    assert problems == ["a.tif is the same image as a.tif, which is in the project already."]
    assert len(project.images) == 2
    assert project.close()
    os.utime(tmp_path / "other" / "a.tif", (1_100_000_000, 1_100_000_000))
    assert refused(tmp_path / "project") == []
    shutil.copy2(twins / "a.tif", tmp_path / "other" / "a.tif")
    assert refused(tmp_path / "project") == ["a.tif"]


@pytest.mark.parametrize("labelled", [False, True])
def test_an_image_that_comes_back_is_another_one_only_for_labels_that_it_had(
    tmp_path: Path, twins: Path, labelled: bool
) -> None:
    with Project.create(tmp_path / "project", twins)[0] as project:
        image_id = project.images[0].id
        if labelled:
            project.document(image_id).apply(Stroke([(30.0, 30.0)], 9, 1))
    with Project.open(tmp_path / "project") as project:
        project.remove_images([image_id])
        pixels = tifffile.imread(twins / "a.tif")
        pixels[300, 300] = 7
        tifffile.imwrite(twins / "a.tif", pixels, metadata=None)
        assert project.add_images([twins / "a.tif"]) == []
        assert {entry.id for entry in project.images} >= {image_id}
    assert refused(tmp_path / "project") == (["a.tif"] if labelled else [])


def test_a_new_project_knows_no_sums_of_one_that_was_in_its_folder(tmp_path: Path, twins: Path) -> None:
    Project.create(tmp_path / "project", twins)[0].close()
    for name in ("project.json", "project.json.bak"):
        (tmp_path / "project" / name).unlink(missing_ok=True)
    pixels = tifffile.imread(twins / "a.tif")
    pixels[300, 300] = 7
    tifffile.imwrite(twins / "a.tif", pixels, metadata=None)
    (tmp_path / "elsewhere").mkdir()
    (twins / "b.tif").rename(tmp_path / "elsewhere" / "b.tif")
    Project.create(tmp_path / "project", twins)[0].close()
    assert refused(tmp_path / "project") == []


def test_a_project_that_cannot_be_made_leaves_no_sums(
    tmp_path: Path, twins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        assert (tmp_path / "project" / ".segstudio" / "images.json").is_file()
        raise UserError("The disk is full.")

    monkeypatch.setattr(opening, "save_manifest", refuse)
    with pytest.raises(UserError, match="full"):
        Project.create(tmp_path / "project", twins)
    assert not (tmp_path / "project").exists()


def test_sums_that_the_disk_refuses_are_written_when_the_project_closes(
    tmp_path: Path, twins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [UserError("The disk is full.")]

    def write(path: Path, data: bytes, disk: Disk) -> None:
        if refusals:
            raise refusals.pop()
        write_atomic(path, data, disk)

    with Project.create(tmp_path / "project", twins / "a.tif")[0] as project:
        monkeypatch.setattr(image_sums, "write_atomic", write)
        assert project.add_images([twins / "b.tif"]) == []
        assert not refusals
        assert not (project.folder / ".segstudio" / "images.json").exists()
    exchange(twins)
    assert refused(tmp_path / "project") == ["a.tif", "b.tif"]
