"""Handing records to the journal: in order, slower when the disk does not keep up, durable when it is called so."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segstudio.core.tiles import Window
from segstudio.io.disk import Disk
from segstudio.labels.history import Planes
from segstudio.labels.transaction import Transaction
from segstudio.project import journal_writer
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.journal_records import JournalRecord, encode_record
from segstudio.project.journal_writer import JournalWriter
from segstudio.project.rescue import RescueStore
from segstudio.project.rescue_watch import Late, RescueWatch

SHAPE = (100, 100)


def records(count: int) -> list[JournalRecord]:
    planes, made = Planes.empty(SHAPE), []
    for number in range(1, count + 1):
        tx = Transaction(planes, f"dot {number}")
        tx.write("labels", Window(number, 0, number + 1, 1), np.full((1, 1), number, np.int32))
        edit = tx.commit()
        assert edit is not None
        made.append(JournalRecord(number, "edit", edit, bytes(8), bytes(8)))
    return made


@pytest.fixture
def place(tmp_path: Path) -> JournalPlace:
    return JournalPlace(tmp_path / "project" / ".segstudio" / "journal" / "img", "img", SHAPE)


@pytest.fixture(autouse=True)
def _project(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()


class Slow(Disk):
    """Has nothing on the medium before `ready` is set."""

    def __init__(self) -> None:
        self.ready = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.ready.wait(20)
        super().sync(descriptor)


def test_records_are_taken_in_their_order_alone(place: JournalPlace) -> None:
    one, two, three = records(3)
    writer = JournalWriter(place, 0)
    writer.append(one)
    with pytest.raises(ValueError, match="Record 3 does not follow 1"):
        writer.append(three)
    with pytest.raises(ValueError, match="Record 1 does not follow 1"):
        writer.append(one)
    writer.append(two)
    assert writer.close()
    with pytest.raises(RuntimeError, match="The journal is closed"):
        writer.append(three)
    assert writer.join(20)
    assert list(read_journal(place).records) == [one, two]


def test_who_draws_faster_than_the_disk_writes_is_slowed_down_and_nothing_is_lost(
    place: JournalPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_writer, "QUEUE_LIMIT", 3)
    disk = Slow()
    writer = JournalWriter(place, 0, disk=disk)
    made = records(6)
    here, wait, waited = threading.current_thread(), writer._condition.wait, []

    def noted(timeout: float | None = None) -> bool:
        if threading.current_thread() is here:
            waited.append(writer.last)
        return wait(timeout)

    monkeypatch.setattr(writer._condition, "wait", noted)
    for record in made:
        writer.append(record)
    assert waited == [4, 5, 6]
    disk.ready.set()
    assert writer.close()
    assert writer.join(20)
    assert list(read_journal(place).records) == made


class Drive(Slow):
    """Knows what a power cut would leave of each file: what was there when its last sync began."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self._medium: dict[int, bytes] = {}

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._medium.pop(os.fstat(descriptor).st_ino, None)
        return descriptor

    def sync(self, descriptor: int) -> None:
        data = os.pread(descriptor, 1 << 20, 0)
        self.asked.set()
        super().sync(descriptor)
        self._medium[os.fstat(descriptor).st_ino] = data

    def after_a_cut(self, place: JournalPlace) -> set[int]:
        """Return the numbers of the records that are found then."""
        left = place.folder.parent / "left"
        left.mkdir()
        for path in place.folder.glob("*.sj"):
            (left / path.name).write_bytes(self._medium.get(path.stat().st_ino, b""))
        return {record.seq for record in read_journal(JournalPlace(left, place.image_id, place.shape)).records}


def written_again(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    path.with_name("new").replace(path)


def made_longer(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


@pytest.mark.skipif(sys.platform == "win32", reason="no open file is replaced there")
@pytest.mark.parametrize(("by_another", "kept"), [(written_again, {1, 2, 3, 4}), (made_longer, {2, 3, 4})])
def test_what_is_called_durable_is_found_after_a_power_cut_whatever_another_program_did(
    place: JournalPlace, by_another: Callable[[Path], None], kept: set[int]
) -> None:
    disk, made = Drive(), records(4)
    disk.ready.set()
    writer = JournalWriter(place, 0, disk=disk)
    writer.append(made[0])
    assert writer.wait(1, 20)
    disk.ready.clear()
    disk.asked.clear()
    writer.append(made[1])
    assert disk.asked.wait(20)
    writer.append(made[2])
    end = time.monotonic() + 20
    while len(read_journal(place).records) < 3:
        assert time.monotonic() < end
        time.sleep(0.005)
    (path,) = place.folder.iterdir()
    by_another(path)
    writer.append(made[3])
    disk.ready.set()
    assert writer.wait(4, 20)
    # Actions that were overwritten after they were durable are published at once.
    assert disk.after_a_cut(place) >= kept
    assert writer.close()
    assert writer.join(20)


def test_a_head_at_the_very_end_of_damage_is_no_record(place: JournalPlace) -> None:
    made = records(3)
    writer = JournalWriter(place, 0)
    for record in made:
        writer.append(record)
    assert writer.close()
    assert writer.join(20)
    (path,) = place.folder.iterdir()
    data = bytearray(path.read_bytes())
    first = data.index(b"SJR1")
    data[first + 30] ^= 255
    path.write_bytes(data + b"??SJR1")
    journal = read_journal(place)
    assert list(journal.records) == made[1:]
    assert [encode_record(record) for record in journal.records] == [encode_record(record) for record in made[1:]]
    assert journal.files[0].damaged


def test_a_watch_that_never_began_ends_and_forgets_only_what_it_has(tmp_path: Path) -> None:
    def watch_over(pending: list[JournalRecord]) -> RescueWatch:
        image = RescueStore(tmp_path / "project", "p", tmp_path / "rescue").image("img", SHAPE)
        image.keep(made)
        image.pending = tuple(pending)
        return RescueWatch(image, lambda: Late((), 0.0, 0.0), lambda: None)

    made = records(2)
    watch = watch_over([])
    watch.close(1.0)
    watch.forget()
    assert list(tmp_path.rglob("*.sj")), "nobody has said that the journal has them"
    watch = watch_over(made)
    watch.start()
    assert watch.rescued == 2
    watch.close(20.0)
    assert watch.rescued == 0, "nothing is late any more"
