"""Projects: made of any folder, one writer, saved without being asked."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from project_pictures import made

from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError
from segstudio.labels.edits import Stroke
from segstudio.project.lock import ProjectLock
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project

ROOT = Path(__file__).resolve().parents[3]


def test_a_folder_of_images_becomes_a_project_and_opens_again(tmp_path: Path, pictures: Path) -> None:
    (pictures / "notes.txt").write_text("x")
    project, problems = Project.create(tmp_path / "project", pictures, "My cells")
    assert problems == []
    images = project.images
    assert [entry.name for entry in images] == [f"cell_{number}.tif" for number in range(4)]
    assert project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.images == images
        assert again.name == "My cells"
        assert again.warnings == []
        assert again.image_path(images[0].id) == pictures / "cell_0.tif"


def test_a_project_may_lie_in_the_folder_of_its_images(pictures: Path) -> None:
    project, problems = Project.create(pictures, pictures)
    assert problems == []
    assert project.images[0].path == "cell_0.tif"
    project.close()


def test_a_project_is_never_made_over_another(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    with pytest.raises(UserError, match="project already"):
        Project.create(tmp_path / "project", pictures)


def test_states_and_counts_follow_the_work(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    first, second, third, _ = (entry.id for entry in project.images)
    assert project.state(first) == "empty"
    document = project.document(first)
    document.apply(Stroke(np.array([[20.0, 20], [40, 30]]), 9, 1))
    document.close()
    project.set_reviewed(second)
    project.set_predicted(third, "run")
    assert [project.state(entry.id) for entry in project.images] == ["labelled", "reviewed", "predicted", "empty"]
    assert project.labelled_count() == (2, 4)
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.labelled_count() == (2, 4)


def test_an_open_document_is_one_document(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    one = project.document(project.images[0].id)
    assert project.document(project.images[0].id) is one
    one.close()
    two = project.document(project.images[0].id)
    assert two is not one
    project.close()
    assert two.closed


def test_a_second_writer_is_refused_and_told_who_has_it(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    who = rf"in another window or command on this computer \(process {os.getpid()}\)\."
    with pytest.raises(UserError, match=who) as caught:
        Project.open(tmp_path / "project")
    assert caught.value.code == "project-locked"
    with Project.open(tmp_path / "project", read_only=True) as reader:
        assert len(reader.images) == 4
        with pytest.raises(UserError, match="reading only"):
            reader.set_reviewed(reader.images[0].id)
    project.close()
    Project.open(tmp_path / "project").close()


def test_the_lock_of_a_killed_program_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from segstudio.project.lock import ProjectLock;"
        "lock = ProjectLock(Path(sys.argv[1])); lock.acquire(); print('locked', flush=True); time.sleep(60)"
    )
    path = tmp_path / "p" / ".segstudio" / "lock"
    path.parent.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"locked"
        with pytest.raises(UserError, match=f"process {process.pid}"):
            ProjectLock(path).acquire()
        process.kill()
        process.wait()
    lock = ProjectLock(path)
    lock.acquire()
    lock.release()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[ProjectLock]:
    """Return a lock of which another program deletes the file."""
    path = tmp_path / "cells" / ".segstudio" / "lock"
    path.parent.mkdir(parents=True)
    lock = ProjectLock(path)
    lock.acquire()
    yield lock
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="no open file is deleted there")
def test_images_that_are_written_at_once_take_a_deleted_lock_again_and_not_from_each_other(
    tmp_path: Path, held: ProjectLock
) -> None:
    path, together = tmp_path / "cells" / ".segstudio" / "lock", threading.Barrier(4)

    def publish(_: int) -> str:
        together.wait()
        return held.take_again()

    with ThreadPoolExecutor(together.parties) as images:
        for _ in range(10):
            path.unlink()
            assert list(images.map(publish, range(together.parties))) == [""] * together.parties
            with pytest.raises(UserError, match="already open"):
                ProjectLock(path).acquire()


@pytest.mark.skipif(sys.platform == "win32", reason="no open file is deleted there")
def test_who_took_a_deleted_lock_on_this_computer_is_another_window_here(tmp_path: Path, held: ProjectLock) -> None:
    path = tmp_path / "cells" / ".segstudio" / "lock"
    path.unlink()
    other = ProjectLock(path)
    other.acquire()
    told = held.take_again()
    other.release()
    assert told.startswith(
        "The lock of cells was deleted, and another window or command on this computer "
        f"(process {os.getpid()}) has opened it for writing since. Close it in one of both: "
    )
    assert held.take_again() == "", "told once"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_a_sentence(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="may not write"):
        Project.create(tmp_path / "locked" / "project", pictures)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UserError):
        Project.create(tmp_path / "file" / "project", pictures)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_classes_are_saved_without_being_asked(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    heard: list[str] = []
    project.classes_changed.connect(lambda: heard.append("classes"))
    project.set_classes(ClassTable().add("dividing"))
    assert heard == ["classes"]
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.classes.names == ("cell", "dividing")


def test_a_folder_that_cannot_be_locked_is_named_as_the_user_knows_it(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    lock = tmp_path / "project" / ".segstudio" / "lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(UserError, match=r"^project could not be opened for writing"):
        Project.open(tmp_path / "project")


def test_a_project_on_a_disk_that_is_read_only_can_be_read_or_copied(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    made(tmp_path, pictures).close()
    monkeypatch.setattr("segstudio.project.lock.open_lock", refuse)
    with pytest.raises(UserError, match="the disk is read-only") as told:
        Project.open(tmp_path / "project")
    assert told.value.hint.startswith("Open it for reading only")


def test_a_choice_does_not_undo_what_a_checkpoint_has_noted_meanwhile(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    document = project.document(image_id)
    document.apply(Stroke(np.array([[20.0, 20]]), 9, 1))
    entry = project.entry(image_id)

    def slowly(_image_id: str) -> ImageEntry:
        document.checkpoint(wait=True)  # on its own thread it notes one object
        return entry

    with monkeypatch.context() as patch:
        patch.setattr(project, "entry", slowly)
        project.set_reviewed(image_id)
    assert (project.entry(image_id).reviewed, project.entry(image_id).objects) == (True, 1)
    project.close()


def test_half_a_character_in_a_name_does_not_cost_the_project(tmp_path: Path, pictures: Path) -> None:
    project, _ = Project.create(tmp_path / "project", pictures, "cells \ud83d")
    project.set_classes(ClassTable().add("half \ud83d"))
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert (again.name, again.classes.names[-1], again.warnings) == ("cells ?", "half ?", [])


def test_a_file_in_the_place_of_the_labels_folder_is_no_crash(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    project.close()
    (tmp_path / "project" / "labels").write_text("not a folder")
    with Project.open(tmp_path / "project", read_only=True) as again:
        assert not again.document(image_id).planes.objects


def test_where_a_drive_was_nothing_is_written_into_its_empty_folder(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "drive"
    document = project.document(project.images[0].id)
    folder.rename(away)
    folder.mkdir()
    document.apply(Stroke([(20.0, 20.0)], 5, 1))
    project.set_name("later")
    with pytest.raises(UserError, match="the folder was deleted, moved or renamed"):
        project.save()
    assert not document.checkpoint(wait=True)
    assert list(folder.rglob("*")) == []
    folder.rmdir()
    away.rename(folder)
    project.retry()
    assert project.close()
    with Project.open(folder) as again:
        assert again.name == "later"
        assert again.document(again.images[0].id).planes.labels.values() == {1}
