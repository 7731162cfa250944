"""Real disks that refuse, and disks that are slow or gone for a while: painting goes on, and all comes back."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.tiles import Window
from segstudio.io.disk import Disk
from segstudio.labels.edits import PasteLabels, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.project import journal_writer
from segstudio.project.changes import RESCUED, SAVED
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Mount something at `place`; skip where that is not allowed."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux may mount a disk")
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def noise(document: ImageDocument, number: int) -> None:
    """Paste what hardly compresses: some 100 KB a record."""
    if document.can_undo:
        document.undo()
    rng = np.random.default_rng(number)
    labels = rng.integers(1, 200, (256, 256)).astype(np.int32)
    document.apply(PasteLabels(labels, Window.whole(labels.shape), {i: ObjectInfo() for i in range(1, 200)}))


def until(reached: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def kept_from_running() -> float:
    """Return how long the threads of this process were ready to run and others had the processors, seconds."""
    waited = 0.0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # a thread that ended meanwhile
            waited += int(path.read_text().split()[1]) / 1e9
    return waited


def is_back(folder: Path, rescue: Path, labels: np.ndarray) -> bool:
    with Project.open(folder, rescue=rescue) as project:
        document = project.document(project.images[0].id)
        done = document.checkpoint(wait=True)
        published = tifffile.imread(project.label_path(project.images[0].id))
        same = np.array_equal(document.planes.labels.to_array(), labels) and np.array_equal(published, labels)
        return done and same and not document.notices and not list(rescue.rglob("*.sj"))


@pytest.mark.parametrize("megabytes", [1, 2, 4, 8, 16])
def test_a_small_disk_that_fills_up(tmp_path: Path, megabytes: int, tier: Callable[..., int]) -> None:
    if megabytes > tier(merge=2, nightly=16, release=16):
        pytest.skip("larger disks are filled at night")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((256, 256), np.uint8))
    rescue = tmp_path / "rescue"
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs") as disk:
        filler = disk / "somebody else's"
        filler.write_bytes(bytes(300_000))
        project, _ = Project.create(disk / "project", tmp_path / "a.tif", rescue=rescue)
        document = project.document(project.images[0].id)
        for number in range(1000):
            noise(document, number)
            document.flush(0.05)
            if document.save_state.startswith(RESCUED):
                break
            if number % 5 == 4:
                document.checkpoint(wait=True, timeout=0.2)
        until(lambda: document.safe)
        assert document.save_state.startswith(RESCUED)
        assert "disk is full" in document.save_state
        for extra in range(3):
            noise(document, 2000 + extra)
        until(lambda: document.safe)
        labels = document.planes.labels.to_array()
        assert not project.close()
        # The published files are whole, whatever state they hold.
        for path in (disk / "project" / "labels").glob("*.tif"):
            assert tifffile.imread(path).shape == (256, 256)
        filler.unlink()
        for path in (disk / "project" / ".segstudio" / "snapshots").rglob("*.tif"):
            path.unlink()  # somebody makes room
        room = shutil.disk_usage(disk).free
        if room < 1_500_000:
            subprocess.run(["mount", "-o", f"remount,size={megabytes + 8}m", str(disk)], check=True)
        assert is_back(disk / "project", rescue, labels)


def test_a_disk_that_turns_read_only(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((256, 256), np.uint8))
    rescue = tmp_path / "rescue"
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        project, _ = Project.create(disk / "project", tmp_path / "a.tif", rescue=rescue)
        document = project.document(project.images[0].id)
        document.apply(Stroke(np.array([[20.0, 20.0]]), 9, 1))
        assert document.flush()
        document.checkpoint(wait=True)
        # A disk with a file open for writing cannot be made read-only; a view of it can.
        with mounted(tmp_path / "view", "--bind", str(disk)) as view:
            subprocess.run(["mount", "-o", "remount,ro,bind", str(view)], check=True)
            with pytest.raises(Exception, match="read-only") as refused:
                Project.open(view / "project", rescue=rescue)
            assert refused.value.code == "read-only"
            looked = Project.open(view / "project", rescue=rescue, read_only=True)
            assert len(looked.document(looked.images[0].id).planes.objects) == 1
            looked.close()
        project.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((256, 256), np.uint8))
    rescue = tmp_path / "rescue"
    project, _ = Project.create(tmp_path / "project", tmp_path / "a.tif", rescue=rescue)
    document = project.document(project.images[0].id)
    internal = tmp_path / "project" / ".segstudio"
    internal.chmod(0o500)
    try:
        document.apply(Stroke(np.array([[20.0, 20.0]]), 9, 1))
        until(lambda: document.save_state.startswith(RESCUED))
        assert "cannot be written to" in document.save_state
    finally:
        internal.chmod(0o700)
    until(lambda: document.save_state == SAVED)
    labels = document.planes.labels.to_array()
    project.close()
    assert is_back(tmp_path / "project", rescue, labels)


class SlowDisk(Disk):
    """Every primitive takes `delay` seconds, and fails with `code` then, if any."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.code = 0
        self._over = threading.Event()

    def well(self) -> None:
        self.delay, self.code = 0.0, 0
        self._over.set()

    def _suffer(self) -> None:
        if self.delay:
            self._over.wait(self.delay)
        if self.code:
            raise OSError(self.code, os.strerror(self.code))

    def create(self, path: Path) -> int:
        self._suffer()
        return super().create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self._suffer()
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._suffer()
        super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._suffer()
        super().replace(source, target)


@pytest.mark.parametrize(
    ("delay", "code"),
    [(0.05, 0), (3.0, 0), (30.0, 0), (0.5, errno.ESTALE), (2.0, errno.ETIMEDOUT), (0.0, errno.ENODEV)],
)
def test_a_drive_that_is_slow_or_gone_keeps_no_hand_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay: float, code: int
) -> None:
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.05)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((256, 256), np.uint8))
    rescue, disk = tmp_path / "rescue", SlowDisk()
    project, _ = Project.create(tmp_path / "project", tmp_path / "a.tif", disk=disk, rescue=rescue)
    document = project.document(project.images[0].id)
    document.apply(Stroke(np.array([[20.0, 20.0]]), 9, 1))
    assert document.flush()
    disk.delay, disk.code = delay, code
    waits = []
    for number in range(2, 62):
        began, kept = time.monotonic(), kept_from_running()
        document.apply(Stroke(np.array([[4.0 * number, 4.0 * number]]), 5, number))
        waits.append(time.monotonic() - began - (kept_from_running() - kept))
        time.sleep(0.02)
    until(lambda: document.safe)
    if delay > 1 or code:
        until(lambda: document.save_state.startswith(RESCUED))
    disk.well()
    until(lambda: document.save_state == SAVED)
    labels = document.planes.labels.to_array()
    assert project.close()
    assert is_back(tmp_path / "project", rescue, labels)
    assert sorted(waits)[-3] < 0.1, "two of sixty are left to a busy computer"


@pytest.mark.parametrize("well", [True, False])
def test_a_drive_that_hangs_is_left_alone_when_the_project_closes(tmp_path: Path, well: bool) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((256, 256), np.uint8))
    rescue, disk, others = tmp_path / "rescue", SlowDisk(), set(threading.enumerate())
    project, _ = Project.create(tmp_path / "project", tmp_path / "a.tif", disk=disk, rescue=rescue)
    document = project.document(project.images[0].id)
    document.apply(Stroke(np.array([[20.0, 20.0]]), 9, 1))
    assert document.flush()
    disk.delay = 600.0
    document.apply(Stroke(np.array([[80.0, 80.0]]), 9, 2))
    labels = document.planes.labels.to_array()
    if well:
        threading.Timer(0.5, disk.well).start()
    closer = threading.Thread(target=project.close)
    closer.start()
    closer.join(30)
    assert not closer.is_alive()
    assert bool(list(rescue.rglob("*.sj"))) is not well
    disk.well()
    own = ("journal", "rescue", "checkpoint", "project-save")  # the last one gives the lock back
    until(lambda: not [item for item in set(threading.enumerate()) - others if item.name in own])
    assert is_back(tmp_path / "project", rescue, labels)


def test_a_drive_that_hangs_while_an_image_is_opened_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, np.full((64, 64), ord(name[0]), np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    first, second = project.images
    document = project.document(first.id)
    begun, answers = threading.Event(), threading.Event()
    open_it = ImageDocument.open

    def hang(*args: object, **options: object) -> ImageDocument:
        begun.set()
        answers.wait()
        return open_it(*args, **options)

    monkeypatch.setattr(ImageDocument, "open", hang)
    opener = threading.Thread(target=lambda: project.document(second.id))
    opener.start()
    assert begun.wait(10)

    def work() -> None:
        project.set_reviewed(first.id)
        project.set_classes(project.classes.add("mitotic"))
        document.apply(Stroke(np.array([[20.0, 20.0]]), 9, 1))
        assert document.checkpoint(wait=True)
        project.publish()
        assert project.unsaved(0) == project.rescued() == {}
        assert project.is_open(first.id)
        assert not project.is_open(second.id)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(20)
    still_waits = worker.is_alive()
    answers.set()
    for thread in (opener, worker):
        thread.join()
    assert not still_waits
    assert project.close()
