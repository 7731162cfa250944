"""The clock of the computer jumps by days, to 1970 and beyond 2038: order is by sequence number and nothing is lost."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from reliability.jumping_clock import Clock, DatedDisk

from segstudio.labels.edits import Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project
from segstudio.project.snapshot_file import Snapshot
from segstudio.project.snapshot_keeper import GENERATION_SECONDS
from segstudio.project.snapshots import NEWEST

DAY = 86_400
SHAPE = (60, 300)
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


@dataclass
class Truth:
    """What was done, in its order.

    Attributes
    ----------
    states
        Labels by number of the last action.
    done
        Actions that can be undone, the first one first, and the labels before each.
    points
        Actions before which a state was to be kept, in their order, and the clock then.
    seen
        All snapshots that ever were there, by number.
    """

    states: dict[int, NDArray[np.int32]] = field(default_factory=lambda: {0: np.zeros(SHAPE, np.int32)})
    done: list[tuple[str, NDArray[np.int32]]] = field(default_factory=list)
    points: dict[str, int] = field(default_factory=dict)
    seen: dict[int, Snapshot] = field(default_factory=dict)
    count: int = 0

    def stroke(self, document: ImageDocument, clock: Clock, *, keep: bool) -> None:
        self.count += 1
        name, before = f"Action {self.count}", document.planes.labels.to_array()
        tx = document.begin(name, restore_point=name if keep else "")
        Stroke(np.array([[9.0 * self.count, 30.0]]), 7, self.count).apply(tx)
        assert tx.commit() is not None
        self.done.append((name, before))
        if keep:
            self.points[name] = clock.now
        self.after(document)

    def undo(self, document: ImageDocument) -> None:
        record = document.undo()
        name, labels = self.done.pop()
        assert record is not None
        assert record.name == name, "another action was undone than the last one"
        assert np.array_equal(document.planes.labels.to_array(), labels)
        self.after(document)

    def after(self, document: ImageDocument) -> None:
        self.states[document.seq] = document.planes.labels.to_array()
        assert document.checkpoint(wait=True)
        assert document.snapshots is not None
        self.seen |= {snapshot.number: snapshot for snapshot in document.snapshots.all()}


def work(document: ImageDocument, clock: Clock, then: int, truth: Truth) -> None:
    """Paint for one session; the clock may jump in the middle of it, and back."""
    now = clock.now
    truth.stroke(document, clock, keep=False)
    truth.stroke(document, clock, keep=True)
    clock.now = then
    truth.stroke(document, clock, keep=True)
    clock.now = now
    truth.undo(document)
    truth.stroke(document, clock, keep=False)


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("within", [False, True])
def test_order_is_that_of_the_actions_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: str, within: bool
) -> None:
    clocks, clock, truth = JUMPS[jump], Clock(monkeypatch), Truth()
    clock.now = clocks[0]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros(SHAPE, np.uint8))
    Project.create(tmp_path / "cells", tmp_path / "a.tif")[0].close()
    for session, now in enumerate(clocks):
        clock.now = now
        with Project.open(tmp_path / "cells", disk=DatedDisk(clock)) as project:
            assert project.warnings == []
            document = project.document(project.images[0].id)
            assert document.notices == []
            assert np.array_equal(document.planes.labels.to_array(), truth.states[document.seq])
            first = document.seq
            work(document, clock, clocks[(session + 1) % len(clocks)] if within else now, truth)
            assert document.notices == []
            published = project.files(project.images[0].id).labels.stat().st_mtime
            assert published == clock.now, "the files do not know the time: this shows nothing"
        if session and within:
            check_generation(truth, first, clocks[session - 1], clocks[session])
    with Project.open(tmp_path / "cells") as project:
        check_snapshots(project, truth)
        check_history(project, truth)


def check_generation(truth: Truth, seq: int, then: int, now: int) -> None:
    """Hours that the clock took back, or added, keep an earlier state from nobody."""
    if abs(now - then) >= GENERATION_SECONDS:
        kinds = {item.kind for item in truth.seen.values() if item.seq == seq}
        assert "generation" in kinds, f"nothing was kept of the session that ended with action {seq}"


def check_snapshots(project: Project, truth: Truth) -> None:
    """The earlier states are listed in the order of the actions, and each is what it says."""
    snapshots = project.document(project.images[0].id).snapshots
    assert snapshots is not None
    found = snapshots.all()
    numbers, newest = [item.number for item in found], max(truth.seen)
    assert numbers[:NEWEST] == list(range(newest, newest - NEWEST, -1))[: len(truth.seen)], "the newest are not kept"
    assert numbers == sorted(numbers, reverse=True)
    in_order = [truth.seen[number] for number in sorted(truth.seen)]
    assert [item.seq for item in in_order] == sorted(item.seq for item in in_order)
    points = [item.name for item in in_order if item.kind == "restore point"]
    assert points == list(truth.points)
    for item in in_order:
        if item.kind == "restore point":
            assert item.time.timestamp() == truth.points[item.name], "the clock was not the one that was set"
            assert item.time.tzinfo is not None
    for item in found:
        assert np.array_equal(snapshots.read(item.number).labels.to_array(), truth.states[item.seq]), item.name


def check_history(project: Project, truth: Truth) -> None:
    """What can be undone are the actions in their order, and each undo leads to the labels before it."""
    entry = project.images[0]
    document = project.document(entry.id)
    labels = document.planes.labels.to_array()
    assert np.array_equal(labels, truth.states[document.seq])
    assert np.array_equal(tifffile.imread(project.label_path(entry.id)), labels)
    journal = read_journal(JournalPlace(project.files(entry.id).journal, entry.id, SHAPE))
    assert [record.seq for record in journal.records] == list(range(1, 1 + len(journal.records)))
    assert [record.name for record in document.history.entries()] == [name for name, _ in truth.done]
    for name, before in reversed(truth.done):
        record = document.undo()
        assert record is not None
        assert record.name == name
        assert np.array_equal(document.planes.labels.to_array(), before)
    assert not document.can_undo
