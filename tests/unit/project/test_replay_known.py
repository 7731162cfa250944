"""What a replay knows beyond the pixels: what was published, what is trusted, and which ids were used."""

from collections.abc import Callable

import numpy as np
import pytest

from segstudio.core.tiles import Window
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction
from segstudio.project.journal_records import JournalRecord, changed_digest, table_digest
from segstudio.project.replay import replay

#: Two tiles side by side.
SHAPE = (500, 700)
LEFT, RIGHT = ("labels", (0, 0)), ("labels", (0, 1))


def copy_of(planes: Planes) -> Planes:
    return Planes(planes.labels.snapshot(), planes.regions.snapshot(), ObjectTable(dict(planes.objects)))


class History:
    """Actions one after the other, with the planes before each and after the last."""

    def __init__(self) -> None:
        self.planes = Planes.empty(SHAPE)
        self.records: list[JournalRecord] = []
        self.states = [copy_of(self.planes)]

    def square(self, number: int, column: int = 10, *, row: bool = True) -> "History":
        tx = Transaction(self.planes, f"square {number}")
        window = Window(20 * len(self.records), column, 20 * len(self.records) + 15, column + 15)
        tx.write("labels", window, np.full(window.shape, number, np.int32))
        if row:
            tx.set_object(number, ObjectInfo(class_id=number))
        edit = tx.commit()
        assert edit is not None
        return self._done("edit", edit, 0, self.states[-1])

    def undo(self) -> "History":
        origin, before = self.records[-1], copy_of(self.planes)
        self.planes.apply(origin.edit.inverse)
        return self._done("undo", origin.edit.inverse, origin.seq, before)

    def _done(self, kind: str, edit: EditRecord, ref: int, before: Planes) -> "History":
        table = table_digest(before.objects)
        number = len(self.records) + 1
        self.records.append(
            JournalRecord(number, kind, edit, table, changed_digest(table, edit.objects), ref)  # type: ignore[arg-type]
        )
        self.states.append(copy_of(self.planes))
        return self


def pixels(planes: Planes) -> bytes:
    return planes.labels.to_array().tobytes()


def scribbled(planes: Planes, column: int = 0) -> Planes:
    """Let another program write into a tile."""
    planes.labels.write(Window(400, column, 405, column + 5), np.full((5, 5), 77, np.int32))
    return planes


def asking(planes: Planes, asked: list[int]) -> Callable[[], Planes]:
    def base() -> Planes:
        asked.append(1)
        return copy_of(planes)

    return base


def test_the_id_of_an_object_that_was_undone_stays_used() -> None:
    history = History().square(1).square(5).undo()
    disk = copy_of(history.states[0])
    replay(disk, history.records)
    assert set(disk.objects) == {1}
    assert disk.objects.next_id() == 6


def test_without_actions_the_next_id_is_that_of_the_table() -> None:
    disk = Planes.empty(SHAPE)
    replay(disk, [])
    assert disk.objects.next_id() == 1
    disk.objects = ObjectTable({3: ObjectInfo()}, 9)
    replay(disk, [])
    assert disk.objects.next_id() == 9


def test_from_a_tile_that_is_not_blank_the_way_to_the_unreadable_action_is_gone_as_well() -> None:
    history = History().square(1).square(2).square(3).square(4)
    disk = copy_of(history.states[1])
    result = replay(disk, [history.records[0], history.records[1], history.records[3]])
    assert pixels(disk) == pixels(history.states[2])
    assert result.lost == {LEFT}


def test_a_tile_is_rebuilt_from_what_it_was_before_the_first_record_and_from_nothing_else() -> None:
    history = History().square(1).square(2).square(3).square(4)
    later = history.records[2:]
    disk = scribbled(copy_of(history.states[3]))
    result = replay(disk, later, lambda: copy_of(history.states[2]))
    assert pixels(disk) == pixels(history.states[4])
    assert result.changed == result.foreign == {LEFT}
    assert not result.lost
    disk = scribbled(copy_of(history.states[3]))
    result = replay(disk, later, lambda: copy_of(history.states[1]))
    assert result.lost == {LEFT}
    assert not result.foreign
    assert pixels(disk) == pixels(scribbled(copy_of(history.states[3])))


def test_a_file_that_is_as_it_was_published_is_not_rebuilt() -> None:
    history = History().square(1)
    for trusted, lost, foreign in (("labels", {LEFT}, set()), ("objects", set(), {LEFT})):
        asked: list[str] = []

        def trusts(name: str, trusted: str = trusted, asked: list[str] = asked) -> bool:
            asked.append(name)
            return name == trusted

        disk = scribbled(copy_of(history.states[1]))
        disk.objects.set(1, ObjectInfo(class_id=9))
        result = replay(disk, history.records, lambda: copy_of(history.states[0]), trusts)
        assert (result.lost, result.foreign) == (lost, foreign)
        assert result.lost_table is (trusted == "objects")
        assert (disk.objects[1].class_id == 9) is (trusted == "objects")
        assert set(asked) == {"labels", "objects"}


@pytest.mark.parametrize("name", ["labels", "objects"])
def test_what_holds_more_than_the_journal_stays_as_it_is(name: str) -> None:
    history = History().square(1).square(2).square(3)
    disk = copy_of(history.states[3])
    result = replay(disk, history.records[:2], lambda: copy_of(history.states[0]), held={name: 3})
    labels, table = (3, 2) if name == "labels" else (2, 3)
    if name == "labels":
        assert pixels(disk) == pixels(history.states[labels])
    else:
        assert dict(disk.objects) == dict(history.states[table].objects)
    assert not result.lost
    assert not result.lost_table


def test_a_table_that_was_put_back_is_told_also_where_no_action_has_changed_a_row() -> None:
    history = History().square(1, row=False)
    disk = copy_of(history.states[1])
    disk.objects.set(8, ObjectInfo())
    result = replay(disk, history.records, lambda: copy_of(history.states[0]))
    assert result.foreign_table
    assert result.table_changed
    assert dict(disk.objects) == {}


def test_the_state_before_the_first_record_is_read_once_and_only_where_it_is_needed() -> None:
    history = History().square(1).square(2, 600)
    asked: list[int] = []
    replay(copy_of(history.states[1]), history.records, asking(history.states[0], asked))
    assert asked == []
    disk = scribbled(scribbled(copy_of(history.states[1])), 600)
    disk.objects.set(1, ObjectInfo(class_id=9))
    result = replay(disk, history.records, asking(history.states[0], asked))
    assert result.foreign == {LEFT, RIGHT}
    assert asked == [1]
    assert pixels(disk) == pixels(history.states[2])
    assert dict(disk.objects) == dict(history.states[2].objects)


def test_a_tile_that_became_blank_by_a_lost_action_is_not_drawn_anew() -> None:
    history = History().square(1).undo().square(3, 600)
    disk = copy_of(history.states[2])
    records = [history.records[0], history.records[2]]
    result = replay(disk, records, held={"labels": 2, "objects": 2})
    assert pixels(disk) == pixels(history.states[3])
    assert dict(disk.objects) == dict(history.states[3].objects)
    assert result.changed == {RIGHT}
    assert not result.lost
    known = copy_of(history.states[2])
    replay(known, records)
    assert known.labels.value(0, 10) == 1, "by its state alone the tile is the one before the first action"


def test_the_last_action_that_a_file_holds_counts_as_held() -> None:
    history = History().square(1).square(2)
    disk = copy_of(history.states[1])
    replay(disk, history.records, held={"labels": 1, "objects": 1})
    assert pixels(disk) == pixels(history.states[2])
    assert dict(disk.objects) == dict(history.states[2].objects)
    disk = copy_of(history.states[2])
    result = replay(disk, history.records, held={"labels": 2, "objects": 2})
    assert pixels(disk) == pixels(history.states[2])
    assert not result.changed
    assert not result.table_changed


def both_planes(history: History, number: int) -> History:
    """Draw into labels and regions at once."""
    before = copy_of(history.planes)
    tx = Transaction(history.planes, f"both {number}")
    window = Window(20 * number, 300, 20 * number + 9, 309)
    tx.write("labels", window, np.full(window.shape, number, np.int32))
    tx.write("regions", window, np.full(window.shape, 1, np.uint8))
    edit = tx.commit()
    assert edit is not None
    return history._done("edit", edit, 0, before)


def test_a_plane_behind_the_other_is_brought_up_to_the_action_that_is_lost() -> None:
    history = History()
    for number in range(1, 5):
        both_planes(history, number)
    # Of two files that are published one after the other the first holds all, the second the first action.
    disk = Planes(history.states[4].labels.snapshot(), history.states[1].regions.snapshot())
    records = [history.records[0], history.records[1], history.records[3]]
    result = replay(disk, records)
    assert pixels(disk) == pixels(history.states[4])
    assert disk.regions.to_array().tobytes() == history.states[2].regions.to_array().tobytes()
    assert result.lost == result.changed == {("regions", (0, 0))}


def test_rows_behind_a_lost_action_are_changed_as_long_as_they_are_what_they_were() -> None:
    history = History().square(1).square(2).square(3, 600)
    before = copy_of(history.planes)
    tx = Transaction(history.planes, "another class")
    tx.set_object(2, ObjectInfo(class_id=7))
    edit = tx.commit()
    assert edit is not None
    history._done("edit", edit, 0, before).square(5, 600)
    disk = Planes(history.states[5].labels.snapshot(), history.states[5].regions.snapshot())
    disk.objects = ObjectTable(dict(history.states[1].objects))
    result = replay(disk, [history.records[0], *history.records[2:]], trusted=lambda name: name == "labels")
    assert set(disk.objects) == {1, 3, 5}, "the row of 2 came with the lost action, and its change is left out"
    assert result.lost_table
    assert pixels(disk) == pixels(history.states[5])
    rebuilt = copy_of(history.states[1])
    assert not replay(rebuilt, history.records).lost_table
    assert dict(rebuilt.objects) == dict(history.states[5].objects)


def test_all_that_was_left_out_is_named() -> None:
    history = History().square(1).square(2).square(3, 600)
    before = copy_of(history.planes)
    tx = Transaction(history.planes, "both tiles")
    for column in (10, 600):
        window = Window(20, column, 30, column + 10)
        tx.write("labels", window, np.full(window.shape, 9, np.int32))
    edit = tx.commit()
    assert edit is not None
    history._done("edit", edit, 0, before).square(6, 10)
    disk = copy_of(history.states[1])
    result = replay(disk, [history.records[0], *history.records[2:]])
    assert result.lost == {LEFT, RIGHT}
    assert pixels(disk) != pixels(history.states[1]), "what was drawn in the other tile is there"
    assert disk.labels.value(45, 605) == 3
    assert disk.labels.value(25, 605) == 0
