"""The journal of an open image is deleted, with its folder or with more, while the project stays."""

import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project import checkpoint, replaced_journal, session_journal
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no open file is deleted there")
SHAPE = (300, 400)
PARTS = [".segstudio/journal/{}", ".segstudio/journal", ".segstudio"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 600.0)
    monkeypatch.setattr(checkpoint, "LATEST_SECONDS", 600.0)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    Project.create(tmp_path / "project", tmp_path / "img.tif")[0].close()
    return tmp_path / "project"


def draw(document: ImageDocument, *ids: int) -> None:
    for number in ids:
        document.apply(Stroke(np.array([[20.0 * number, 30.0]]), 8, number))
    assert document.flush()


def opened(project: Project) -> tuple[ImageDocument, list[str]]:
    document, told = project.document(project.images[0].id), []
    document.noticed.connect(told.append)
    return document, told


def delete(project: Project, part: str = PARTS[0]) -> None:
    path = project.folder / part.format(project.images[0].id)
    while path.exists():  # the project may be saved meanwhile
        shutil.rmtree(path, ignore_errors=True)


def as_killed(project: Project) -> Path:
    """Copy a project as a kill would leave it now."""
    copy = project.folder.with_name("killed")
    shutil.copytree(project.folder, copy, ignore=shutil.ignore_patterns(f"{TEMP_MARK}*"))  # they come and go
    return copy


def found_in(folder: Path) -> tuple[set[int], tuple[str, ...]]:
    """Return the labels that a project has when it is opened, and what is said of them."""
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        return document.planes.labels.values(), tuple(document.notices)


def comes(true: Callable[[], bool]) -> bool:
    """Return whether something becomes true in a while."""
    end = time.monotonic() + 30
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def publishes(document: ImageDocument) -> bool:
    """Return whether all gets into the label files, though it is not yet time for them."""
    return comes(lambda: document.whole)


@pytest.mark.parametrize("part", PARTS)
def test_all_that_was_done_since_the_image_was_opened_is_written_again(folder: Path, part: str) -> None:
    with Project.open(folder) as project:
        document, told = opened(project)
        draw(document, 1, 2)
        for number in (3, 5):  # and once more
            delete(project, part)
            draw(document, number, number + 1)
            assert document.save_state == "saved"
            assert document.checkpoint(wait=True)
        killed = as_killed(project)
        assert told == [sentence for sentence in told if "All of it was written again" in sentence]
        assert len(told) == 2
        assert all(
            sentence.startswith(f"The journal of {document.files.labels.stem} was taken away") for sentence in told
        )
    for place in (killed, folder):
        with Project.open(place) as again:
            reopened = again.document(again.images[0].id)
            assert reopened.planes.labels.values() == {1, 2, 3, 4, 5, 6}
            assert reopened.notices == []
            for _ in range(6):
                assert reopened.undo() is not None
            assert reopened.planes.blank
        assert verify_project(place).whole


def test_it_is_written_again_when_the_image_is_closed(folder: Path) -> None:
    with Project.open(folder) as project:
        document, _ = opened(project)
        draw(document, 1, 2)
        delete(project)
        assert document.close()
    assert found_in(folder) == ({1, 2}, ())


def test_the_lock_that_was_deleted_with_it_is_taken_again(folder: Path) -> None:
    with Project.open(folder) as project:
        document, _ = opened(project)
        draw(document, 1)
        delete(project, ".segstudio")
        draw(document, 2)
        lock = folder / ".segstudio" / "lock"
        assert comes(lambda: lock.exists() and lock.stat().st_size > 0)
        with pytest.raises(UserError, match="already open"):
            Project.open(folder)
    with Project.open(folder) as again:
        assert again.behind == (), "it was closed"


def test_who_opened_the_project_when_its_lock_was_deleted_is_told(folder: Path) -> None:
    with Project.open(folder) as project:
        told: list[str] = []
        project.tell_with(told.append)
        document, _ = opened(project)
        draw(document, 1)
        delete(project, ".segstudio")
        with Project.open(folder):
            draw(document, 2)
            assert document.checkpoint(wait=True)
            draw(document, 3)
            assert document.checkpoint(wait=True)
            assert comes(lambda: bool(told))
        assert "has opened it for writing" in told[0]
    assert len(told) == 1


@pytest.mark.parametrize("undone_before", [True, False])
def test_an_action_of_which_only_the_deleted_files_knew_is_undone_for_good(folder: Path, undone_before: bool) -> None:
    with Project.open(folder) as project:
        draw(opened(project)[0], 1, 2)
    with Project.open(folder) as project:
        document, told = opened(project)
        draw(document, 3)
        if undone_before:
            assert document.undo() is not None
            assert document.undo() is not None
            assert document.flush()
            delete(project)
            draw(document, 4)
        else:
            delete(project)
            assert document.undo() is not None
            assert document.flush()
        assert publishes(document)
        if not undone_before:
            assert document.undo() is not None
            draw(document, 4)
        draw(document, 5)
        assert document.undo() is not None
        assert document.flush()
        (says,) = told
        assert "can no longer be undone once the image is closed" in says
        killed = as_killed(project)
        place = JournalPlace(project.files(document.entry.id).journal, document.entry.id, SHAPE)
        files = read_journal(place).files
        assert files
        assert all(file.whole for file in files), "what is undone or redone lies in no file that is gone"
    assert found_in(killed) == ({1, 4}, ())


@pytest.mark.parametrize("with_folder", [True, False])
def test_what_cannot_be_written_again_is_published_at_once(folder: Path, with_folder: bool) -> None:
    with Project.open(folder) as project:
        draw(opened(project)[0], 1, 2)
        killed = as_killed(project)
    with Project.open(killed) as project:
        document, told = opened(project)
        assert not project.files(document.entry.id).labels.exists()
        if with_folder:
            delete(project)
        else:
            for path in project.files(document.entry.id).journal.glob("*.sj"):
                path.unlink()
        draw(document, 3)
        assert "can no longer be undone" in told[0]
        assert publishes(document)
        labels = project.files(document.entry.id).labels
        assert set(np.unique(tifffile.imread(labels)).tolist()) == {0, 1, 2, 3}
    assert found_in(killed) == ({1, 2, 3}, ())


def journal_files(project: Project) -> list[Path]:
    return sorted(project.files(project.images[0].id).journal.glob("*.sj"))


def test_what_is_undone_after_its_action_was_cut_off_the_journal_is_found(folder: Path) -> None:
    with Project.open(folder) as project:
        document, told = opened(project)
        draw(document, 1)
        (path,) = journal_files(project)
        size = path.stat().st_size
        draw(document, 2, 3)
        with path.open("r+b") as file:
            file.truncate(size)
        draw(document, 4)
        (says,) = told
        assert says.endswith("what you did earlier can no longer be undone once the image is closed.")
        assert publishes(document)
        assert document.undo() is not None
        assert document.undo() is not None
        draw(document, 5)
        killed = as_killed(project)
    assert found_in(killed) == ({1, 2, 5}, ())


def test_what_is_undone_after_the_file_of_its_action_was_deleted_is_found(folder: Path) -> None:
    with Project.open(folder) as project:
        draw(opened(project)[0], 1, 2)
    with Project.open(folder) as project:
        document, told = opened(project)
        draw(document, 3)
        assert document.undo() is not None
        assert document.undo() is not None
        assert document.flush()
        journal_files(project)[0].unlink()  # nobody watches it
        draw(document, 4)
        assert told == []
        killed = as_killed(project)
    assert found_in(killed) == ({1, 4}, ())


def test_a_copy_that_is_the_same_does_not_end_the_watch(folder: Path) -> None:
    with Project.open(folder) as project:
        document, told = opened(project)
        for number in (1, 2, 3, 4, 5):
            draw(document, number, number + 5)
            path = journal_files(project)[-1]
            shutil.copy2(path, path.with_suffix(".copy")).replace(path)
        draw(document, 11)
        delete(project)
        draw(document, 12)
        assert publishes(document)
        assert len(told) == 1
        killed = as_killed(project)
    assert found_in(killed)[0] == set(range(1, 13))


class _Held(Disk):
    """A disk whose syncs wait."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def sync(self, file: int) -> None:
        if threading.current_thread().name == "journal sync":
            assert self.go_on.wait(30)
        super().sync(file)


def test_of_a_journal_that_was_deleted_before_its_first_sync_nothing_is_lost(folder: Path) -> None:
    disk = _Held()
    with Project.open(folder, disk=disk) as project:
        document, told = opened(project)
        document.apply(Stroke(np.array([[20.0, 30.0]]), 8, 1))
        assert comes(lambda: any(path.stat().st_size for path in journal_files(project)))
        delete(project)
        document.apply(Stroke(np.array([[40.0, 30.0]]), 8, 2))
        disk.go_on.set()
        assert document.flush()
        assert comes(lambda: bool(told))
        assert told[0].endswith("All of it was written again.")
    with Project.open(folder) as project:
        assert opened(project)[0].can_undo


@pytest.mark.parametrize("fault", ["gone", "memory"])
def test_a_fault_while_a_journal_is_put_right_does_not_end_its_thread(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    copy, faults = replaced_journal.copy_atomic, ["once"]

    def copied_and_gone(path: Path, target: Path, disk: Disk) -> None:
        copy(path, target, disk)
        path.unlink()

    def put_right(*arguments: object) -> str:
        if faults:
            raise MemoryError(faults.pop())
        return replaced_journal.put_right(*arguments)  # type: ignore[arg-type]

    with Project.open(folder) as project:
        document, told = opened(project)
        draw(document, 1)
        if fault == "gone":
            monkeypatch.setattr(replaced_journal, "copy_atomic", copied_and_gone)
        else:
            monkeypatch.setattr(session_journal, "put_right", put_right)
        (path,) = journal_files(project)
        path.write_bytes(bytes(path.stat().st_size))  # as a program does that shreds it
        draw(document, 2)
        assert publishes(document)
        assert len(told) == 1
        killed = as_killed(project)
    assert found_in(killed)[0] == {1, 2}
