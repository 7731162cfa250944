"""When the work on an image counts as saved, and when it is published."""

import errno
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from one_document import files_in, opened, stroke

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.labels.edits import RegionFill
from segstudio.project import checkpoint, journal_writer


class Switch(Disk):
    """A disk that can be switched off."""

    def __init__(self) -> None:
        self.code = 0

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self._check()
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._check()
        super().sync(descriptor)

    def create(self, path: Path) -> int:
        self._check()
        return super().create(path)

    def _check(self) -> None:
        if self.code:
            raise OSError(self.code, os.strerror(self.code))


class SlowDisk(Disk):
    """A disk on which nothing has arrived before `reached` is set."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.reached.set()

    def sync(self, descriptor: int) -> None:
        self.reached.wait(20)
        super().sync(descriptor)


def test_a_stroke_is_called_saved_only_once_it_is_on_the_disk(folder: Path) -> None:
    disk = SlowDisk()
    document = opened(folder, disk=disk)
    states: list[str] = []
    document.saved.connect(states.append)
    disk.reached.clear()
    assert document.apply(stroke(1)) is not None
    assert not document.flush(0.05)
    assert (document.save_state, states) == ("saving", ["saving"])
    disk.reached.set()
    assert document.flush(10.0)
    assert (document.save_state, states) == ("saved", ["saving", "saved"])
    assert document.close()


def test_published_files_hold_what_was_painted(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(1))
    document.apply(stroke(2))
    document.apply(RegionFill(None, 1))
    counts: list[int] = []
    document.checkpointed.connect(counts.append)
    assert document.checkpoint(wait=True)
    assert counts == [2]
    assert np.array_equal(tifffile.imread(files_in(folder).labels), document.planes.labels.to_array())
    assert (tifffile.imread(files_in(folder).regions) == 1).all()
    assert document.close()


def test_a_checkpoint_with_nothing_to_do_is_done_at_once(folder: Path) -> None:
    document = opened(folder)
    assert document.checkpoint()
    document.apply(stroke(1))
    assert document.checkpoint(wait=True)
    assert document.checkpoint()
    document.close()
    assert threading.active_count() >= 1


def test_only_looking_writes_nothing(folder: Path) -> None:
    document = opened(folder)
    assert document.close()
    assert sorted(path.name for path in folder.iterdir()) == ["img.tif"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_failing_disk_is_told_and_painting_goes_on_until_it_works_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    disk = Switch()
    document = opened(folder, disk=disk)
    document.apply(stroke(1))
    assert document.flush()
    disk.code = code
    document.apply(stroke(2))
    assert not document.flush(0.3)
    assert document.save_state.startswith("failed: ")
    document.apply(stroke(3))
    assert document.planes.labels.values() == {1, 2, 3}
    disk.code = 0
    assert document.flush(3.0)
    document.checkpoint(wait=True)
    assert document.save_state == "saved"
    expected = document.planes.labels.to_array()
    assert document.close()
    document = opened(folder)
    assert np.array_equal(document.planes.labels.to_array(), expected)
    assert len(document.history.entries()) == 3
    document.close()


def test_nothing_is_published_that_the_journal_does_not_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_DURABLE_SECONDS", 0.05)
    disk = Switch()
    document = opened(folder, disk=disk)
    document.apply(stroke(1))
    document.checkpoint(wait=True)
    disk.code = errno.ENOSPC
    document.apply(stroke(2))
    assert not document.checkpoint(wait=True, timeout=2.0)
    assert set(np.unique(tifffile.imread(files_in(folder).labels))) == {0, 1}
    assert not document.close(1.0)


def test_reading_only_sees_what_is_not_published_yet_and_writes_nothing(folder: Path) -> None:
    writer = opened(folder)
    writer.apply(stroke(1))
    writer.flush()
    before = sorted(path.name for path in folder.rglob("*"))
    reader = opened(folder, read_only=True)
    assert np.array_equal(reader.planes.labels.to_array(), writer.planes.labels.to_array())
    with pytest.raises(UserError, match="reading only"):
        reader.apply(stroke(2))
    assert reader.close()
    assert sorted(path.name for path in folder.rglob("*")) == before
    writer.close()


def test_idle_documents_publish_by_themselves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 0.1)
    document = opened(folder)
    document.apply(stroke(1))
    deadline = time.monotonic() + 30
    while not files_in(folder).objects.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert tifffile.imread(files_in(folder).labels).max() == 1
    document.close()


def test_what_a_crash_left_is_published_and_told(folder: Path) -> None:
    crashed = opened(folder)
    crashed.apply(stroke(1))
    crashed.flush()
    document = opened(folder)
    told: list[int] = []
    document.checkpointed.connect(told.append)
    assert document.checkpoint(wait=True)
    assert told == [1]
    assert tifffile.imread(files_in(folder).labels).max() == 1
    document.close()
    crashed.close()
