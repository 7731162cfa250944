"""An image document: every action durable, undo over sessions, no other program's work overwritten."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segstudio.core.errors import BadInput, UserError
from segstudio.core.tiles import Window
from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, EraseStroke, PasteLabels, RegionFill, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.project import checkpoint, journal_writer
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry

SHAPE = (700, 900)
ENTRY = ImageEntry("img", "img.tif", "img.tif", "img", *SHAPE)


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    return tmp_path


def files_in(folder: Path) -> AnnotationFiles:
    return AnnotationFiles(
        folder / "labels" / "img.tif", folder / "regions.tif", folder / "labels" / "img.json", folder / "journal"
    )


def opened(folder: Path, *, read_only: bool = False, disk: Disk | None = None) -> ImageDocument:
    return ImageDocument.open(ENTRY, folder / "img.tif", files_in(folder), read_only=read_only, disk=disk or Disk())


def stroke(number: int, object_id: int | None = None) -> Stroke:
    points = np.array([[20.0 * number, 30], [20.0 * number + 40, 650]])
    return Stroke(points, 14, object_id or number)


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


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    steps=st.lists(st.sampled_from(["paint", "erase", "delete", "undo", "redo", "reopen", "publish"]), max_size=14),
    seed=st.integers(0, 100),
)
def test_any_order_of_actions_restarts_and_checkpoints_is_exact(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("d")
    tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
    rng = np.random.default_rng(seed)
    document = opened(folder)
    past = [(document.planes.labels.to_array(), dict(document.planes.objects))]
    future: list[tuple[np.ndarray, dict[int, object]]] = []
    for step in steps:
        points = rng.uniform(0, 700, (3, 2))
        if step in ("paint", "erase", "delete"):
            new_id = document.planes.objects.next_id()
            edits = {"paint": Stroke(points, 20, new_id), "erase": EraseStroke(points, 30), "delete": Delete((1,))}
            if document.apply(edits[step]) is not None:
                past.append((document.planes.labels.to_array(), dict(document.planes.objects)))
                future.clear()
        elif step == "undo" and document.undo() is not None:
            future.append(past.pop())
        elif step == "redo" and document.redo() is not None:
            past.append(future.pop())
        elif step == "publish":
            document.checkpoint()
        elif step == "reopen":
            assert document.close()
            document = opened(folder)
        assert np.array_equal(document.planes.labels.to_array(), past[-1][0])
        assert dict(document.planes.objects) == past[-1][1]
        assert len(document.history.entries()) == len(past) - 1
        assert document.history.can_redo == bool(future)
    document.close()


def test_undo_and_redo_after_a_restart_are_exact_over_a_thousand_actions(folder: Path) -> None:
    document = opened(folder)
    states = []
    for number in range(1, 1001):
        window = Window(number % 600, number % 800, number % 600 + 9, number % 800 + 7)
        tx = document.begin("paint")
        tx.write("labels", window, np.full(window.shape, number, np.int32))
        tx.commit()
        if number % 250 == 0:
            states.append(document.planes.labels.to_array())
    document.close()
    document = opened(folder)
    assert len(document.history.entries()) == 1000
    for expected in reversed(states):
        assert np.array_equal(document.planes.labels.to_array(), expected)
        for _ in range(250):
            document.undo()
    assert not document.planes.labels.to_array().any()
    assert document.undo() is None
    while document.redo():
        pass
    assert np.array_equal(document.planes.labels.to_array(), states[-1])
    document.close()


def test_listeners_hear_of_gestures_live_and_of_actions_once(folder: Path) -> None:
    document = opened(folder)
    heard: list[DocumentChange] = []
    document.changed.connect(heard.append)
    document.apply(stroke(1))
    final = [change for change in heard if not change.live]
    assert any(change.live for change in heard)
    assert len(final) == 1
    assert final[0].object_ids == {1}
    assert final[0].planes == {"labels"}
    document.undo()
    assert heard[-1].object_ids >= {1}
    document.close()


def _noted(name: str, calls: list[str]) -> Callable[..., object]:
    """Return a method of `LabelMap` that is noted where the window's thread calls it."""
    real, main = getattr(LabelMap, name), threading.get_ident()

    def noted(*words: object) -> object:
        if threading.get_ident() == main:
            calls.append(name)
        return real(*words)

    return noted


def test_undoing_a_large_action_tells_of_all_objects_without_a_look_at_the_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 1496
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((side, side), np.uint8))
    entry = ImageEntry("img", "img.tif", "img.tif", "img", side, side)
    document = ImageDocument.open(entry, tmp_path / "img.tif", files_in(tmp_path))
    labels = np.arange(1, 122, dtype=np.int32).reshape(11, 11).repeat(136, 0).repeat(136, 1)
    document.apply(PasteLabels(labels, Window.whole(labels.shape), {item: ObjectInfo() for item in range(1, 122)}))
    document.apply(Delete(tuple(range(1, 61))))
    heard: list[DocumentChange] = []
    document.changed.connect(heard.append)
    looks: list[str] = []
    with monkeypatch.context() as patch:
        for look in ("index", "read", "values_in", "digest"):
            patch.setattr(LabelMap, look, _noted(look, looks))
        document.undo()
        document.redo()
    assert looks == []
    assert [change.object_ids for change in heard] == [set(range(1, 122))] * 2
    assert set(document.planes.objects) == document.planes.labels.values() == set(range(61, 122))
    document.close()


def test_an_aborted_gesture_leaves_no_trace(folder: Path) -> None:
    document = opened(folder)
    tx = document.begin("paint")
    tx.write("labels", Window(0, 0, 5, 5), np.ones((5, 5), np.int32))
    tx.abort()
    assert not document.planes.labels.to_array().any()
    assert not document.history.can_undo
    assert document.close()
    assert not files_in(folder).journal.exists()


def test_an_edit_that_raises_changes_nothing(folder: Path) -> None:
    class Broken:
        name = "Broken"

        def apply(self, tx: Transaction) -> None:
            tx.write("labels", Window(0, 0, 5, 5), np.ones((5, 5), np.int32))
            raise ValueError("broken")

    document = opened(folder)
    with pytest.raises(ValueError, match="broken"):
        document.apply(Broken())
    assert not document.planes.labels.to_array().any()
    document.close()


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


def test_a_file_changed_by_another_program_between_sessions_is_kept_beside_ours(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(1))
    ours = document.planes.labels.to_array()
    document.close()
    path = files_in(folder).labels
    theirs = ours.astype(np.uint16)
    theirs[40:60, 20:30] = 99
    tifffile.imwrite(path, theirs)
    document = opened(folder)
    assert "changed" in document.notices[0]
    assert "img.foreign-1.tif" in document.notices[0]
    assert np.array_equal(document.planes.labels.to_array(), ours)
    assert document.history.can_undo
    assert document.close()
    assert np.array_equal(tifffile.imread(path.with_name("img.foreign-1.tif")), theirs)
    assert np.array_equal(tifffile.imread(path), ours)


def test_a_file_changed_while_it_is_open_is_kept_beside_ours(folder: Path) -> None:
    document = opened(folder)
    heard: list[str] = []
    document.noticed.connect(heard.append)
    document.apply(stroke(1))
    document.checkpoint(wait=True)
    path = files_in(folder).labels
    theirs = np.full(SHAPE, 5, np.uint16)
    tifffile.imwrite(path, theirs)
    document.apply(stroke(2))
    assert document.checkpoint(wait=True)
    assert "img.foreign-1.tif" in heard[0]
    assert np.array_equal(tifffile.imread(path), document.planes.labels.to_array())
    assert np.array_equal(tifffile.imread(path.with_name("img.foreign-1.tif")), theirs)
    document.close()


@pytest.mark.parametrize("damage", ["deleted", "cut", "emptied"])
def test_a_lost_label_file_comes_back_from_the_journal(folder: Path, damage: str) -> None:
    tx_base = opened(folder)
    tx_base.apply(stroke(1))
    tx_base.close()
    files = files_in(folder)
    # As after an import: labels from before the journal.
    for path in files.journal.iterdir():
        path.unlink()
    document = opened(folder)
    document.apply(stroke(12, 2))
    expected = document.planes.labels.to_array()
    assert document.close()
    if damage == "deleted":
        files.labels.unlink()
    elif damage == "cut":
        files.labels.write_bytes(files.labels.read_bytes()[:-50])
    else:
        files.labels.write_bytes(b"")
    document = opened(folder)
    assert np.array_equal(document.planes.labels.to_array(), expected)
    document.apply(stroke(13, 3))
    expected = document.planes.labels.to_array()
    assert document.close()
    assert np.array_equal(tifffile.imread(files.labels), expected)


def test_a_damaged_label_file_without_a_journal_is_refused_and_kept(folder: Path) -> None:
    files = files_in(folder)
    files.labels.parent.mkdir()
    files.labels.write_bytes(b"II*\0 nothing")
    with pytest.raises(BadInput, match=r"img\.tif"):
        opened(folder)
    assert files.labels.read_bytes() == b"II*\0 nothing"


def test_of_a_damaged_tile_is_said_which_file_it_is_and_what_to_do(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(30, 1))
    document.close()
    files = files_in(folder)
    shutil.rmtree(files.journal)
    raw = bytearray(files.labels.read_bytes())
    raw[-20] ^= 0xFF
    files.labels.write_bytes(raw)
    with pytest.raises(
        BadInput, match=r"^The labels of this image cannot be opened: labels/img\.tif is damaged"
    ) as told:
        opened(folder)
    assert "restore that file from a backup" in told.value.hint


def test_a_deleted_object_table_comes_back(folder: Path) -> None:
    document = opened(folder)
    document.apply(Stroke(np.array([[30.0, 30], [60, 60]]), 10, 1, class_id=3))
    document.close()
    files_in(folder).objects.unlink()
    document = opened(folder)
    assert document.planes.objects[1].class_id == 3
    document.close()
    assert files_in(folder).objects.exists()


def test_pixels_without_a_row_get_one(folder: Path) -> None:
    files = files_in(folder)
    files.labels.parent.mkdir()
    labels = np.zeros(SHAPE, np.uint16)
    labels[5:20, 5:20] = 42
    tifffile.imwrite(files.labels, labels)
    document = opened(folder)
    assert document.planes.objects[42].source == "import"
    assert not document.history.can_undo
    document.apply(Delete((42,)))
    document.undo()
    assert document.close()
    document = opened(folder)
    assert document.notices == []
    assert set(document.planes.objects) == {42}
    assert document.history.can_redo
    document.close()


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


def test_labels_are_never_laid_on_an_image_of_another_size(folder: Path) -> None:
    tifffile.imwrite(folder / "img.tif", np.zeros((10, 10), np.uint8))
    with pytest.raises(BadInput, match="10 × 10"):
        opened(folder)


def test_events_come_on_the_editing_thread_through_deliver(folder: Path) -> None:
    document = opened(folder)
    calls: list[object] = []
    document.deliver_with(calls.append)
    document.apply(stroke(1))
    document.flush()
    deadline = time.monotonic() + 30
    while not calls and time.monotonic() < deadline:
        time.sleep(0.01)
    assert calls
    document.close()


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


def test_one_gesture_at_a_time_and_none_after_closing(folder: Path) -> None:
    document = opened(folder)
    assert document.pixel_size is None
    document.apply(stroke(1))
    gesture = document.begin("Draw")
    assert not document.can_undo
    assert document.undo() is None
    with pytest.raises(RuntimeError, match="still going on"):
        document.begin("Draw another")
    gesture.write("labels", Window(0, 0, 5, 5), np.full((5, 5), 9, np.int32))
    assert document.close(), "what was begun is taken back"
    with pytest.raises(RuntimeError, match="closed"):
        document.apply(stroke(2))
    again = opened(folder)
    assert set(again.planes.objects) == {1}
    assert again.can_undo
    assert not again.can_redo
    again.close()
    looking = opened(folder, read_only=True)
    assert not looking.can_undo
    assert looking.checkpoint()
    looking.publish()()
    looking.close()


def test_news_that_comes_after_closing_is_told_to_nobody(folder: Path) -> None:
    document = opened(folder)
    waiting: list[object] = []
    document.deliver_with(waiting.append)
    heard: list[str] = []
    document.saved.connect(heard.append)
    document.apply(stroke(1))
    assert document.flush()
    deadline = time.monotonic() + 10
    while not waiting and time.monotonic() < deadline:
        time.sleep(0.005)
    assert document.close()
    heard.clear()
    for call in waiting:
        call()  # type: ignore[operator]
    assert heard == []


def test_a_label_file_of_a_newer_program_is_not_opened(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(1))
    assert document.close()
    path = files_in(folder).objects
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(BadInput, match="newer"):
        opened(folder)
