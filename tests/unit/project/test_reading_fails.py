"""A disk that does not let its files be read, or a program without memory: told, tried again, and nothing is lost."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.labels.edits import Delete, Stroke
from segstudio.project import checkpoint, journal_writer, published_files, publisher, rescue_watch, session_journal
from segstudio.project.changes import FAILED, SAVED
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

STALE = OSError(errno.ESTALE, os.strerror(errno.ESTALE))


class FailsOnce:
    """Calls what it stands for, but for the first call on a thread of that name."""

    def __init__(self, real: Callable[..., Any], error: BaseException, thread: str) -> None:
        self.failed = False
        self._real = real
        self._error = error
        self._thread = thread

    def __call__(self, *args: Any, **named: Any) -> Any:
        if not self.failed and threading.current_thread().name == self._thread:
            self.failed = True
            raise self._error
        return self._real(*args, **named)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for module in (checkpoint, journal_writer, rescue_watch):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((200, 200), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", rescue=tmp_path / "rescue")
    yield project
    project.close()


def draw(project: Project, number: int) -> ImageDocument:
    document = project.document(project.images[0].id)
    document.apply(Stroke([(20.0 * number, 20.0)], 3, number))
    return document


def until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def published(project: Project) -> set[int]:
    return set(np.unique(tifffile.imread(project.label_path(project.images[0].id))).tolist())


@pytest.mark.parametrize("error", [STALE, MemoryError(), RuntimeError("unforeseen")], ids=["disk", "memory", "fault"])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (publisher.TileFile, "open"),
        (published_files._Signature, "of"),
        (checkpoint.Checkpoint, "_refusal"),
        (publisher.Publisher, "_take"),
        (publisher.Publisher, "_known"),
    ],
    ids=["tiles", "signature", "project", "step", "known"],
)
def test_whatever_stops_a_checkpoint_is_told_and_the_next_one_has_all(
    project: Project, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: BaseException
) -> None:
    assert draw(project, 1).checkpoint(wait=True)
    failing = FailsOnce(getattr(owner, name), error, "checkpoint")
    is_method = owner in (checkpoint.Checkpoint, publisher.Publisher)
    monkeypatch.setattr(owner, name, (lambda *args: failing(*args)) if is_method else failing)
    document = draw(project, 2)
    gesture = document.begin("Delete", restore_point="Delete")  # a state to be kept, so that there are two steps
    Delete((1,)).apply(gesture)
    gesture.commit()
    draw(project, 3)
    assert document.flush()
    document.checkpoint(wait=True)
    assert failing.failed
    draw(project, 4)
    assert document.checkpoint(wait=True)
    assert document.save_state == SAVED
    assert published(project) == {0, 2, 3, 4}


def test_a_checkpoint_that_fails_is_not_called_saved(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    document = draw(project, 1)
    assert document.checkpoint(wait=True)

    def refuse(path: Path) -> None:
        raise STALE

    with monkeypatch.context() as patch:
        patch.setattr(publisher.TileFile, "open", refuse)
        draw(project, 2)
        assert document.flush()
        assert not document.checkpoint(wait=True)
        assert document.save_state.startswith(FAILED)
        assert "img.tif could not be saved" in document.save_state
    assert document.checkpoint(wait=True)
    assert document.save_state == SAVED


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("unforeseen")], ids=["memory", "fault"])
def test_whatever_stops_the_journal_it_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    for owner, name, thread in (
        (session_journal, "encode_records", "journal"),
        (session_journal.AppendFile, "sync", "journal sync"),
    ):
        failing = FailsOnce(getattr(owner, name), error, thread)
        monkeypatch.setattr(owner, name, lambda *args, failing=failing: failing(*args))
        document = draw(project, project.document(project.images[0].id).seq + 1)
        assert document.flush()
        assert failing.failed
    assert document.checkpoint(wait=True)
    assert published(project) == {0, 1, 2}


def test_a_folder_that_cannot_be_looked_at_is_an_error_of_the_disk(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = draw(project, 1)
    assert document.flush()
    failing = FailsOnce(Path.exists, STALE, "checkpoint")
    monkeypatch.setattr(Path, "exists", lambda path: failing(path))
    document.checkpoint(wait=True)
    assert failing.failed
    assert document.checkpoint(wait=True)
    assert published(project) == {0, 1}


def test_a_listener_that_fails_is_told_and_the_next_checkpoint_has_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = draw(project, 1)
    assert document.checkpoint(wait=True)
    failing = FailsOnce(project._store.change_image, RuntimeError("unforeseen"), "checkpoint")
    monkeypatch.setattr(project._store, "change_image", failing)
    draw(project, 2)
    document.checkpoint(wait=True)
    until(lambda: document.save_state.startswith(FAILED))
    draw(project, 3)
    assert document.checkpoint(wait=True)
    until(lambda: document.save_state == SAVED)
    assert published(project) == {0, 1, 2, 3}


def test_states_that_were_kept_before_a_fault_are_not_published_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = draw(project, 1)
    assert document.checkpoint(wait=True)
    failing = FailsOnce(checkpoint.SnapshotKeeper.keep_before, RuntimeError("unforeseen"), "checkpoint")
    monkeypatch.setattr(checkpoint.SnapshotKeeper, "keep_before", lambda *args: failing(*args))
    gesture = document.begin("Delete", restore_point="Delete")
    Delete((1,)).apply(gesture)
    gesture.commit()
    draw(project, 2)
    document.checkpoint(wait=True)
    assert failing.failed
    assert document.checkpoint(wait=True)
    assert published(project) == {0, 2}
    assert project.close()


def test_labels_are_not_published_where_the_project_was(project: Project, tmp_path: Path) -> None:
    document = draw(project, 1)
    assert document.checkpoint(wait=True)
    draw(project, 2)
    assert document.flush()
    project.folder.rename(tmp_path / "unplugged")
    with pytest.raises(UserError, match="the folder was deleted, moved or renamed"):
        document.publish()()
    assert not project.folder.exists()
    (tmp_path / "unplugged").rename(project.folder)
    assert document.checkpoint(wait=True)
    assert published(project) == {0, 1, 2}
