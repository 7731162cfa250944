"""A journal that another program replaces while the image is open: both versions are kept."""

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project import checkpoint
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no open file is replaced there")
SHAPE = (300, 400)


def draw(document: ImageDocument, *ids: int) -> None:
    for number in ids:
        document.apply(Stroke(np.array([[20.0 * number, 30.0]]), 8, number))
    assert document.flush()


def replaced(path: Path, data: bytes) -> None:
    path.with_name("new").write_bytes(data)
    path.with_name("new").replace(path)


def changed_in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.truncate()
        file.write(data)


def a_moment_later(path: Path) -> None:
    """Have a file changed later than within one tick of the system's clock."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    made, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    yield made
    made.close()


def journal_of(project: Project) -> Path:
    return next(project.files(project.images[0].id).journal.glob("*.sj"))


def journal_files(folder: Path, project: Project) -> list[Path]:
    return sorted((folder / ".segstudio" / "journal" / project.images[0].id).glob("*.sj"))


def as_killed(project: Project) -> Path:
    """Copy a project as a kill would leave it now."""
    copy = project.folder.with_name("killed")
    shutil.copytree(project.folder, copy, ignore=shutil.ignore_patterns(f"{TEMP_MARK}*"))  # they come and go
    return copy


def numbers(folder: Path, project: Project) -> list[int]:
    entry = project.images[0]
    place = JournalPlace(folder / ".segstudio" / "journal" / entry.id, entry.id, SHAPE)
    return [record.seq for record in read_journal(place).records]


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "an older version": lambda data: data[: data.rindex(b"SJR1")],
    "no journal": lambda _data: b"something else",
    "another header": lambda data: data.replace(b'"image": "', b'"image": "x', 1),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_was_put_there_is_kept_and_our_own_actions_are_written_again(project: Project, other: str) -> None:
    document = project.document(project.images[0].id)
    told: list[str] = []
    document.noticed.connect(told.append)
    draw(document, 1, 2, 3)
    path = journal_of(project)
    foreign = OTHERS[other](path.read_bytes())
    replaced(path, foreign)
    draw(document, 4)
    killed = as_killed(project)
    assert numbers(killed, project) == [1, 2, 3, 4]
    (kept,) = killed.rglob("foreign-1/*.sj")
    assert kept.read_bytes() == foreign
    assert any("changed by another program" in sentence and "foreign-1" in sentence for sentence in told)
    with Project.open(killed) as again:
        reopened = again.document(again.images[0].id)
        assert reopened.planes.labels.values() == {1, 2, 3, 4}
        for _ in range(4):
            assert reopened.undo() is not None
        assert reopened.planes.blank
    assert verify_project(killed).whole


@pytest.mark.parametrize("end", [b"another", b"?" * 90], ids=["shorter", "as long"])
def test_what_was_changed_in_place_is_kept_and_the_label_files_are_published_at_once(
    project: Project, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 600.0)
    document = project.document(project.images[0].id)
    told: list[str] = []
    document.noticed.connect(told.append)
    draw(document, 1, 2, 3)
    path = journal_of(project)
    foreign = path.read_bytes()[:-90] + end
    changed_in_place(path, foreign)
    a_moment_later(path)
    draw(document, 4)
    (kept,) = project.folder.rglob("foreign-1/*.sj")
    assert kept.read_bytes() == foreign
    end = time.monotonic() + 30
    while not document.whole and time.monotonic() < end:
        time.sleep(0.01)
    (says,) = told
    assert "foreign-1" in says
    assert says.endswith("what you did earlier can no longer be undone once the image is closed.")
    killed = as_killed(project)
    with Project.open(killed) as again:
        reopened = again.document(again.images[0].id)
        assert reopened.planes.labels.values() == {1, 2, 3, 4}
        undone = 0
        while reopened.undo() is not None:
            undone += 1
        assert undone == 1


def test_what_was_put_there_and_undoes_an_action_of_another_file_stays(project: Project) -> None:
    draw(project.document(project.images[0].id), 1, 2)
    project.close()
    elsewhere = project.folder.with_name("elsewhere")
    shutil.copytree(project.folder, elsewhere)
    with Project.open(elsewhere) as other:
        assert other.document(other.images[0].id).undo() is not None
    (undone,) = (path for path in journal_files(elsewhere, project) if path.name.startswith("000000000003"))
    with Project.open(project.folder) as again:
        document = again.document(again.images[0].id)
        draw(document, 3)
        (ours,) = (path for path in journal_files(again.folder, project) if path.name.startswith("000000000003"))
        replaced(ours, undone.read_bytes())
        draw(document, 4)
        assert ours.read_bytes() == undone.read_bytes(), "it is one of two truths, which opening sets apart"


def test_a_journal_that_was_taken_away_is_written_again_when_the_image_is_closed(project: Project) -> None:
    document = project.document(project.images[0].id)
    draw(document, 1, 2)
    journal_of(project).unlink()
    assert document.close()
    assert numbers(project.folder, project) == [1, 2]


def test_the_same_bytes_under_another_number_are_no_other_version(project: Project) -> None:
    document = project.document(project.images[0].id)
    draw(document, 1, 2)
    path = journal_of(project)
    replaced(path, path.read_bytes())
    draw(document, 3)
    assert numbers(project.folder, project) == [1, 2, 3]
    assert not list(project.folder.rglob("foreign-*"))


def test_a_journal_that_was_only_touched_is_no_other_version_and_is_looked_after_still(project: Project) -> None:
    document = project.document(project.images[0].id)
    draw(document, 1, 2)
    a_moment_later(journal_of(project))
    draw(document, 3)
    assert numbers(project.folder, project) == [1, 2, 3]
    assert not list(project.folder.rglob("foreign-*"))
    path = journal_of(project)
    damaged = path.read_bytes()[:-90] + b"?" * 90
    changed_in_place(path, damaged)
    a_moment_later(path)
    draw(document, 4)
    (kept,) = project.folder.rglob("foreign-1/*.sj")
    assert kept.read_bytes() == damaged


class Full(Disk):
    """Takes no file called so while it is full."""

    full = False

    def make_folder(self, folder: Path) -> None:
        if self.full and folder.name.startswith("foreign"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().make_folder(folder)


def test_nothing_is_forgotten_while_the_disk_cannot_keep_the_other_version(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    disk = Full()
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk)
    with project:
        document = project.document(project.images[0].id)
        draw(document, 1, 2)
        path = journal_of(project)
        replaced(path, b"other")
        disk.full = True
        document.apply(Stroke(np.array([[90.0, 90.0]]), 8, 3))
        assert not document.flush(0.3)
        assert path.read_bytes() == b"other"
        disk.full = False
        document.retry()
        assert document.flush()
        assert numbers(project.folder, project) == [1, 2, 3]
        (kept,) = project.folder.rglob("foreign-1/*.sj")
        assert kept.read_bytes() == b"other"
