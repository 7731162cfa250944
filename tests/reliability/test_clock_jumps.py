"""The clock of the computer jumps by days, to 1970 and beyond 2038: order is by sequence number and nothing is lost."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.labels.edits import Stroke
from segstudio.project import snapshot_keeper
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project

DAY = 86_400
#: Seconds since 1970 that the clock shows, one session after the other.
NOW = 1_790_000_000
JUMPS = {
    "three days ahead": (NOW, NOW + 3 * DAY, NOW + 3 * DAY + 60),
    "three days back": (NOW, NOW - 3 * DAY, NOW - 3 * DAY + 60),
    "summer time ends": (NOW, NOW - 3600, NOW),
    "the battery is empty": (NOW, 0, NOW),
    "beyond 2038": (NOW, 2**31 + 10, NOW + 60),
    "to and fro": (NOW, 2**31 + 10, 5, NOW - 10 * DAY, NOW + 400 * DAY),
}


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what sets every clock that this program asks for the time of day."""

    def set_to(seconds: int) -> None:
        monkeypatch.setattr(time, "time", lambda: float(seconds))
        monkeypatch.setattr(time, "time_ns", lambda: seconds * 10**9)
        monkeypatch.setattr(snapshot_keeper, "_local_time", lambda _=None: datetime.fromtimestamp(seconds, UTC))

    return set_to


def _paint(project: Project, first: int) -> Iterator[None]:
    document = project.document(project.images[0].id)
    for number in range(first, first + 4):
        document.apply(Stroke(np.array([[9.0 * number, 30.0]]), 7, number))
        if number % 2:
            assert document.flush()
            assert document.checkpoint(wait=True)
        if number == first + 2:
            document.undo()
        yield


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("within", [False, True])
def test_order_is_by_number_whatever_the_clock_says(
    tmp_path: Path, set_clock: Callable[[int], None], jump: str, within: bool
) -> None:
    clocks = JUMPS[jump]
    set_clock(clocks[0])
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((60, 300), np.uint8))
    Project.create(tmp_path / "cells", tmp_path / "a.tif")[0].close()
    number, labels = 1, np.zeros((60, 300), np.int32)
    for session, clock in enumerate(clocks):
        set_clock(clock)
        with Project.open(tmp_path / "cells") as project:
            assert project.warnings == []
            document = project.document(project.images[0].id)
            assert document.notices == []
            assert np.array_equal(document.planes.labels.to_array(), labels)
            for step, _ in enumerate(_paint(project, number)):
                if within:
                    set_clock(clocks[(session + step) % len(clocks)])
            number += 4
            labels = document.planes.labels.to_array()
        for path in (tmp_path / "cells" / "labels").iterdir():
            os.utime(path, (clock, clock))  # what the files of a session tell is the clock of that session
    with Project.open(tmp_path / "cells") as project:
        entry = project.images[0]
        document = project.document(entry.id)
        assert np.array_equal(document.planes.labels.to_array(), labels)
        assert np.array_equal(tifffile.imread(project.label_path(entry.id)), labels)
        numbers = [snapshot.number for snapshot in document.snapshots.all()]
        assert numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True)
        seqs = [snapshot.seq for snapshot in sorted(document.snapshots.all(), key=lambda item: item.number)]
        assert seqs == sorted(seqs)
        journal = read_journal(JournalPlace(project.files(entry.id).journal, entry.id, (60, 300)))
        assert [record.seq for record in journal.records] == list(range(1, 1 + len(journal.records)))
        while document.can_undo:
            document.undo()
        assert not document.planes.labels.to_array().any()
