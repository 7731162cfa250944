"""Replay where the journal lacks something: what is known is brought back, what is not stays and is named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zstandard

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.foreign import restore_unjournalled
from segstudio.project.journal import Journal, JournalPlace
from segstudio.project.journal_records import JournalRecord, changed_digest, table_digest
from segstudio.project.replay import Replayed, fits, replay
from segstudio.project.second_truth import Parted, continues, keep_others, other_side

#: Two tiles side by side.
SHAPE = (500, 700)
LEFT, RIGHT = (0, 0), (0, 1)


def copy_of(planes: Planes) -> Planes:
    return Planes(planes.labels.snapshot(), planes.regions.snapshot(), ObjectTable(dict(planes.objects)))


def squares(count: int) -> tuple[list[JournalRecord], list[Planes]]:
    """Return the actions that draw squares into the left tile, and the planes before each and after the last."""
    planes = Planes.empty(SHAPE)
    records, states = [], [copy_of(planes)]
    for number in range(1, count + 1):
        before = table_digest(planes.objects)
        tx = Transaction(planes, f"square {number}")
        window = Window(20 * number, 10, 20 * number + 15, 25)
        tx.write("labels", window, np.full(window.shape, number, np.int32))
        tx.set_object(number, ObjectInfo(class_id=number))
        edit = tx.commit()
        assert edit is not None
        records.append(JournalRecord(number, "edit", edit, before, changed_digest(before, edit.objects)))
        states.append(copy_of(planes))
    return records, states


def pixels(planes: Planes) -> bytes:
    return planes.labels.to_array().tobytes()


def test_a_tile_is_brought_up_to_the_action_that_cannot_be_read() -> None:
    records, states = squares(4)
    disk = copy_of(states[0])
    result = replay(disk, [records[0], records[1], records[3]])
    assert result.lost == {("labels", LEFT)}
    assert result.changed == {("labels", LEFT)}
    assert pixels(disk) == pixels(states[2])
    assert result.lost_table
    assert dict(disk.objects) == dict(states[2].objects)


def test_a_tile_behind_the_unreadable_action_goes_on_from_there() -> None:
    records, states = squares(4)
    disk = copy_of(states[3])
    result = replay(disk, [records[0], records[1], records[3]])
    assert not result.lost
    assert pixels(disk) == pixels(states[4])


@pytest.mark.parametrize(
    "blob",
    [zstandard.ZstdCompressor().compress(bytes(500 * 512 * 4))[:-3], zstandard.ZstdCompressor().compress(bytes(8))],
    ids=["cut", "of another size"],
)
def test_a_change_that_cannot_be_unpacked_leaves_the_tile_as_it_is_on_the_disk(blob: bytes) -> None:
    records, states = squares(2)
    (delta,) = records[1].edit.tiles
    records[1] = replace(records[1], edit=replace(records[1].edit, tiles=(replace(delta, xor=blob),)))
    disk = copy_of(states[1])
    result = replay(disk, records)
    assert result.lost == {("labels", LEFT)}
    assert not result.changed
    assert pixels(disk) == pixels(states[1])


def test_a_change_that_leads_elsewhere_than_it_says_is_not_taken() -> None:
    records, states = squares(2)
    (delta,) = records[1].edit.tiles
    (other,) = records[0].edit.tiles
    records[1] = replace(records[1], edit=replace(records[1].edit, tiles=(replace(delta, xor=other.xor),)))
    disk = copy_of(states[1])
    assert replay(disk, records).lost == {("labels", LEFT)}
    assert pixels(disk) == pixels(states[1])


def test_an_object_table_of_another_program_is_made_anew_from_the_first_one() -> None:
    records, states = squares(3)
    disk = copy_of(states[2])
    disk.objects.set(2, ObjectInfo(class_id=9))
    result = replay(disk, records, lambda: copy_of(states[0]))
    assert result.foreign_table
    assert result.table_changed
    assert not result.lost_table
    assert dict(disk.objects) == dict(states[3].objects)


def test_an_object_table_that_fits_nowhere_stays() -> None:
    records, states = squares(3)
    disk = copy_of(states[2])
    disk.objects.set(2, ObjectInfo(class_id=9))
    result = replay(disk, records, lambda: copy_of(states[1]))  # no base from before the first record
    assert result.lost_table
    assert disk.objects[2].class_id == 9


def put_back(planes: Planes, base: Planes | None, records: list[JournalRecord]) -> Replayed:
    result = Replayed()
    restore_unjournalled(planes, records, lambda: base, frozenset({"labels"}), result)
    return result


def scribbled(planes: Planes) -> Planes:
    planes.labels.write(Window(0, 600, 5, 605), np.full((5, 5), 77, np.int32))
    return planes


def test_a_tile_that_no_action_touched_is_put_back_as_it_was() -> None:
    records, states = squares(2)
    disk = scribbled(copy_of(states[2]))
    result = put_back(disk, copy_of(states[0]), records)
    assert result.foreign == result.changed == {("labels", RIGHT)}
    assert pixels(disk) == pixels(states[2])


def test_tiles_that_are_as_before_the_first_action_are_no_changes() -> None:
    records, states = squares(2)
    base, disk = scribbled(copy_of(states[0])), scribbled(copy_of(states[2]))
    before = pixels(disk)
    assert put_back(disk, base, records) == Replayed()
    assert pixels(disk) == before


def test_without_the_state_before_the_first_action_nothing_is_put_back() -> None:
    records, states = squares(2)
    disk = scribbled(copy_of(states[2]))
    assert put_back(disk, None, records) == Replayed()
    assert disk.labels.value(0, 600) == 77


def test_records_go_on_only_from_where_they_begin() -> None:
    records, states = squares(4)
    assert continues(states[2], records[2:])
    assert continues(states[2], [])
    assert not continues(states[1], records[2:])
    assert not continues(states[2], [records[2], records[2]])
    only_table = copy_of(states[1])
    only_table.objects = ObjectTable(dict(states[2].objects))
    assert not continues(only_table, records[2:]), "the object table fits, the pixels do not"
    only_pixels = copy_of(states[2])
    only_pixels.objects = ObjectTable(dict(states[1].objects))
    assert not continues(only_pixels, records[2:]), "the pixels fit, the object table does not"


def test_journal_and_label_file_fit_where_each_tile_and_the_table_are_in_a_known_state() -> None:
    records, states = squares(3)
    assert all(fits(state, records) for state in states)
    assert fits(scribbled(copy_of(states[3])), records), "no record tells of that tile"
    foreign = copy_of(states[3])
    foreign.labels.write(Window(0, 0, 5, 5), np.full((5, 5), 77, np.int32))
    assert not fits(foreign, records)
    foreign = copy_of(states[3])
    foreign.objects.set(1, ObjectInfo(class_id=9))
    assert not fits(foreign, records)


def test_another_side_is_made_by_taking_ours_back_and_doing_theirs() -> None:
    ours, states = squares(3)
    tx = Transaction(copy_of(states[2]), "other")
    tx.write("labels", Window(300, 300, 310, 310), np.full((10, 10), 9, np.int32))
    tx.set_object(9, ObjectInfo(class_id=9))
    edit = tx.commit()
    assert edit is not None
    table = ours[1].table_after
    theirs = JournalRecord(3, "edit", edit, table, changed_digest(table, edit.objects))
    now = copy_of(states[3])
    other = other_side(now, ours[2:], [theirs])
    assert other is not None
    assert pixels(other) == pixels(tx.planes)
    assert dict(other.objects) == {1: ObjectInfo(class_id=1), 2: ObjectInfo(class_id=2), 9: ObjectInfo(class_id=9)}
    assert pixels(now) == pixels(states[3])
    assert other_side(copy_of(states[2]), ours[2:], [theirs]) is None, "ours were never done"
    assert other_side(now, ours[1:], [theirs]) is None, "theirs begin elsewhere"


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "the last action of the other one is in"), (3, "the last 3 actions of the other one are in")],
)
def test_one_action_of_another_side_is_one(count: int, said: str, tmp_path: Path) -> None:
    records, states = squares(count)
    files = AnnotationFiles(*(tmp_path / name for name in ("img.tif", "r.tif", "img.json", "journal")))
    parted = Parted(Journal(()), 1, (tuple(records),), ())
    assert said in keep_others(states[0], parted, files, JournalPlace(files.journal, "img", SHAPE), None)


def _changed(planes: Planes, records: list[JournalRecord], tiles: tuple[int, int], row: int | None) -> None:
    """Do an action in one or both tiles, with a row of the object table that it takes away (``None`` for none)."""
    before = table_digest(planes.objects)
    tx = Transaction(planes, f"action {len(records) + 1}")
    for number, column in enumerate((10, 530)):
        if tiles[number]:
            window = Window(30 * len(records) + 10, column, 30 * len(records) + 30, column + 20)
            tx.write("labels", window, np.full(window.shape, tiles[number], np.int32))
    if row is not None:
        tx.set_object(row, None if row in planes.objects else ObjectInfo(class_id=row))
    edit = tx.commit()
    assert edit is not None
    records.append(JournalRecord(len(records) + 1, "edit", edit, before, changed_digest(before, edit.objects)))


@pytest.mark.parametrize("there", [2, 1, 0], ids=["all before", "one before", "nothing"])
def test_an_action_behind_a_lost_one_is_done_whole_or_not_at_all(there: int) -> None:
    """Found by experiment 2, seed 22112118: objects were merged in the object table and not in the labels."""
    planes, records = Planes.empty(SHAPE), list[JournalRecord]()
    states = [copy_of(planes)]
    for tiles, row in (((1, 1), 1), ((2, 0), 2), ((3, 0), None), ((4, 4), 2), ((0, 5), 6)):
        _changed(planes, records, tiles, row)
        states.append(copy_of(planes))
    del records[2]  # both later ones were begun on it, the last one in the other tile
    disk = copy_of(states[there])
    result = replay(disk, records, held=dict.fromkeys(("labels", "objects"), there))
    assert pixels(disk) == pixels(states[2])
    assert dict(disk.objects) == dict(states[2].objects)
    assert result.lost
    assert result.lost_table


def test_an_action_behind_a_lost_one_that_does_not_need_it_is_done() -> None:
    planes, records = Planes.empty(SHAPE), list[JournalRecord]()
    _changed(planes, records, (1, 1), 1)
    disk = copy_of(planes)
    _changed(planes, records, (2, 0), 2)
    _changed(planes, records, (0, 3), 3)
    del records[1]
    result = replay(disk, records)
    assert disk.labels.values() == {1, 3}
    assert dict(disk.objects) == {1: ObjectInfo(class_id=1), 3: ObjectInfo(class_id=3)}
    assert result.lost_table, "what is lost is told"
