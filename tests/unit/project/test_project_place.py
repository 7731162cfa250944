"""A project that is not where it was opened: nothing is read as blank there and nothing made, and it is known again."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project_pictures import made

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk, DiskError
from segstudio.labels.edits import Stroke
from segstudio.project import project_place
from segstudio.project.project import Project
from segstudio.project.project_place import PlacedDisk, ProjectPlace
from segstudio.project.samples import labelled_samples


def stroke(number: int) -> Stroke:
    return Stroke([(20.0 + 3 * number, 20.0)], 5, number)


def labelled(tmp_path: Path, pictures: Path) -> Project:
    """Return a project of which the first image has the published object 1, closed."""
    project = made(tmp_path, pictures)
    document = project.document(project.images[0].id)
    document.apply(stroke(1))
    assert document.close()
    return project


def nothing(folder: Path) -> None:
    """The drive is gone, and its place with it."""


@pytest.fixture(params=[nothing, Path.mkdir], ids=["no-folder", "empty-folder"])
def left(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Return what leaves in the place of a project what its drive leaves there."""
    leaves: Callable[[Path], None] = request.param
    return leaves


@pytest.mark.parametrize("drive", ["there", "gone"])
def test_no_image_is_opened_as_blank_where_the_drive_was(
    tmp_path: Path, pictures: Path, left: Callable[[Path], None], drive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = labelled(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "away"
    folder.rename(away)
    left(folder)
    says = {"there": "was deleted, moved or renamed", "gone": "is gone"}[drive]
    with monkeypatch.context() as patch:
        if drive == "gone":
            patch.setattr(project_place, "_number_of", lambda place: (0, 0) if place.exists() else None)
        for entry in project.images[:2]:  # with labels, and never labelled
            with pytest.raises(DiskError, match=f"^{entry.name} cannot be opened: the project's folder {says}"):
                project.document(entry.id)
        with pytest.raises(DiskError, match=f"cannot be read: the project's folder {says}"):
            labelled_samples(project)
    assert list(folder.rglob("*")) == []
    shutil.rmtree(folder, ignore_errors=True)
    away.rename(folder)
    assert project.document(project.images[0].id).planes.labels.values() == {1}
    assert project.close()


def test_a_folder_that_may_not_be_read_is_called_so(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_place: ProjectPlace) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with labelled(tmp_path, pictures) as project, monkeypatch.context() as patch:
        patch.setattr(ProjectPlace, "look", refuse)
        with pytest.raises(DiskError, match=r"opened: the project's folder cannot be read\. Allow reading it again\.$"):
            project.document(project.images[0].id)


def test_labels_of_an_image_that_is_left_wait_for_the_drive(
    tmp_path: Path, pictures: Path, left: Callable[[Path], None]
) -> None:
    project = labelled(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "away"
    image_id = project.images[0].id
    document = project.document(image_id)
    document.apply(stroke(2))
    assert document.flush(5)
    folder.rename(away)
    left(folder)
    assert not document.close(), "saved, and not published"
    assert list(folder.rglob("*")) == []
    shutil.rmtree(folder, ignore_errors=True)
    away.rename(folder)
    assert project.document(image_id).planes.labels.values() == {1, 2}
    assert project.close()
    with Project.open(folder) as again:
        assert again.warnings == []
        entry = again.entry(image_id)
        assert again.files(image_id).read((entry.height, entry.width)).labels.values() == {1, 2}


def test_a_project_is_known_again_on_a_drive_that_numbers_its_folders_anew(tmp_path: Path, pictures: Path) -> None:
    project = labelled(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "away"
    document = project.document(project.images[0].id)
    document.apply(stroke(2))
    assert document.flush(5)
    folder.rename(away)
    document.apply(stroke(3))
    assert not document.flush(0.2)
    shutil.copytree(away, folder)
    project.retry()
    assert document.flush(10)
    assert project.close()
    with Project.open(folder) as again:
        assert again.document(again.images[0].id).planes.labels.values() == {1, 2, 3}


def test_another_project_in_the_place_is_left_alone(tmp_path: Path, pictures: Path) -> None:
    project = labelled(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "away"
    image_id, name = project.images[0].id, project.images[0].name
    document = project.document(image_id)
    folder.rename(away)
    other, _ = Project.create(folder, pictures)
    assert [entry.id for entry in other.images] == [entry.id for entry in project.images]
    assert other.close()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    document.apply(stroke(2))
    project.set_name("later")
    assert not document.close()
    says = "the project's folder holds another project, or another copy of this one"
    with pytest.raises(UserError, match=f"^{name} cannot be opened: {says}. Put back the one that was open, or close"):
        project.document(image_id)
    with pytest.raises(DiskError):
        project.save()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    shutil.rmtree(folder)
    away.rename(folder)
    assert project.document(image_id).planes.labels.values() == {1, 2}
    assert project.close()


def test_a_project_whose_internal_folder_was_deleted_is_there(tmp_path: Path, pictures: Path) -> None:
    with labelled(tmp_path, pictures) as project:
        shutil.rmtree(project.folder / ".segstudio")
        project.set_name("later")
        project.save()
        assert project.document(project.images[0].id).planes.labels.values() == {1}


@pytest.mark.parametrize(
    "change",
    [
        lambda disk, path: disk.create(path / "new"),
        lambda disk, path: disk.make_folder(path / "new"),
        lambda disk, path: disk.replace(path / "old", path / "new"),
        lambda disk, path: disk.link(path / "old", path / "new"),
        lambda disk, path: disk.unlink(path / "old"),
        lambda disk, path: disk.remove_folder(path / "folder"),
    ],
)
def test_nothing_is_changed_where_a_project_was(tmp_path: Path, change: Callable[[Disk, Path], object]) -> None:
    place = tmp_path / "project"
    place.mkdir()
    disk = PlacedDisk(Disk(), ProjectPlace(place, None, lambda: ""))
    (place / "old").write_text("of another drive")
    (place / "folder").mkdir()
    with pytest.raises(FileNotFoundError):
        change(disk, place)
    assert sorted(path.name for path in place.iterdir()) == ["folder", "old"]
    (place / "project.json").touch()
    change(disk, place)
    assert sorted(path.name for path in place.iterdir()) != ["folder", "old", "project.json"]
