"""Projects whose disk hangs while they are closed: nothing is called whole that is not, nobody writes unlocked."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


class Hanging(Disk):
    """Hangs where label files are made, or take the place of the old ones, as long as it does not `answer`."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.at = "create"
        self.hung = threading.Event()

    def _ask(self, at: str, path: Path) -> None:
        if at == self.at and path.parent.name == "labels":
            if not self.answers.is_set():
                self.hung.set()
            self.answers.wait()

    def create(self, path: Path) -> int:
        self._ask("create", path)
        return super().create(path)

    def replace(self, source: Path, target: Path) -> None:
        self._ask("replace", target)
        super().replace(source, target)


@pytest.fixture
def disk() -> Hanging:
    return Hanging()


@pytest.fixture
def project(tmp_path: Path, disk: Hanging) -> Iterator[Project]:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((120, 150), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk, rescue=tmp_path / "rescue")
    yield project
    disk.answers.set()
    project.close()


def draw(document: ImageDocument, number: int) -> None:
    document.apply(Stroke(np.array([[30.0 * number, 20.0]]), 3, number))
    assert document.flush()


def drawn(project: Project, number: int) -> ImageDocument:
    document = project.document(project.images[0].id)
    draw(document, number)
    return document


def published(project: Project) -> set[int]:
    return set(map(int, np.unique(tifffile.imread(project.label_path(project.images[0].id)))))


def until(reached: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def hang(document: ImageDocument, disk: Hanging) -> None:
    """Close a document whose label file is on the way when its disk hangs."""
    disk.answers.clear()
    draw(document, 2)
    document.publish()
    assert disk.hung.wait(20)
    assert not document.close(timeout=0.1)


def test_a_label_file_that_lacks_actions_is_not_whole_however_often_one_asks(project: Project, disk: Hanging) -> None:
    document = drawn(project, 1)
    assert document.checkpoint(wait=True)
    hang(document, disk)
    assert published(project) == {0, 1}
    assert not document.close()
    with pytest.raises(UserError, match=r"The labels of img\.tif could not be saved: The disk .* does not answer"):
        project.publish()()
    assert not project.close()
    disk.answers.set()
    until(document.close)
    assert published(project) == {0, 1, 2}


def test_a_hung_label_file_keeps_the_lock_until_it_is_written(project: Project, disk: Hanging, tmp_path: Path) -> None:
    told: list[str] = []
    project.tell_with(told.append)
    document = drawn(project, 1)
    assert document.checkpoint(wait=True)
    disk.at = "replace"
    hang(document, disk)
    table = document.files.objects
    table.write_bytes(table.read_bytes() + b"\n")  # it is written after the labels
    assert not project.close()
    with pytest.raises(UserError, match="already open"):
        Project.open(project.folder, rescue=tmp_path / "other")
    disk.answers.set()
    until(lambda: not is_locked(project.folder, tmp_path / "other"))
    with Project.open(project.folder, rescue=tmp_path / "other") as later:
        drawn(later, 3)
    assert published(later) == {0, 1, 2, 3}
    assert [words.partition(" by ")[0] for words in told] == ["img.json was changed"], "said when the image was closed"


def is_locked(folder: Path, rescue: Path) -> bool:
    try:
        Project.open(folder, rescue=rescue).close()
    except UserError:
        return True
    return False


def test_a_closed_image_that_hangs_is_not_opened_a_second_time(
    project: Project, disk: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.project.open_documents._PATIENCE_SECONDS", 0.05)
    assert drawn(project, 1).checkpoint(wait=True)
    disk.at = "replace"
    document = project.document(project.images[0].id)
    hang(document, disk)
    with pytest.raises(UserError, match=r"img\.tif is still being saved"):
        project.document(project.images[0].id)
    disk.answers.set()
    assert document.join(20)
    assert drawn(project, 3).checkpoint(wait=True)
    assert published(project) == {0, 1, 2, 3}


def test_a_hung_image_that_is_whole_after_all_is_no_reason_to_wait_any_longer(project: Project, disk: Hanging) -> None:
    document = drawn(project, 1)
    assert document.checkpoint(wait=True)
    disk.at = "replace"
    hang(document, disk)
    wait = project.publish()
    disk.answers.set()
    assert document.join(20)
    wait()
    assert published(project) == {0, 1, 2}
