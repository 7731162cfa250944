"""Gestures of which nothing falls on the plane, tiles touched twice, and tiles that share an array."""

import numpy as np
import pytest

from segstudio.core.tiles import Window
from segstudio.labels.digest import tile_digest
from segstudio.labels.edits import PasteLabels, RegionFill, Stroke
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.painting import Brush, Painter
from segstudio.labels.positions import positions
from segstudio.labels.transaction import Transaction

SHAPE = (600, 1100)
BESIDE = Window(-30, -30, -10, -10)


def apply(planes: Planes, edit: Stroke | PasteLabels | RegionFill) -> EditRecord | None:
    transaction = Transaction(planes, edit.name)
    edit.apply(transaction)
    return transaction.commit()


def test_what_falls_beside_the_plane_is_told_to_nobody_and_is_no_action() -> None:
    planes = Planes.empty(SHAPE)
    seen: list[Window] = []
    transaction = Transaction(planes, "x", seen.append)
    transaction.write("labels", BESIDE, np.ones(BESIDE.shape, np.int32))
    transaction.fill("regions", BESIDE, 1)
    assert transaction.commit() is None
    assert seen == []
    assert planes.labels.blank
    assert planes.regions.blank


def test_a_brush_beside_the_plane_paints_nothing_and_comes_in_again() -> None:
    planes = Planes.empty(SHAPE)
    transaction = Transaction(planes, "x")
    painter = Painter(transaction, Brush(1, 9))
    assert not painter.to(-100, -100)
    assert not painter.to(-100, 300)
    assert painter.to(100, 300)
    assert planes.labels.value(300, 50) == 1
    assert planes.labels.value(300, 0) == 1
    assert planes.labels.value(250, 0) == 0


def test_a_gesture_that_only_changed_the_table_is_taken_back_without_repainting() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(20.0, 20.0)], 9, 1, class_id=1))
    seen: list[Window] = []
    transaction = Transaction(planes, "x", seen.append)
    transaction.set_object(1, ObjectInfo(class_id=2))
    transaction.abort()
    assert seen == []
    assert planes.objects[1].class_id == 1


def test_whole_tiles_filled_twice_go_back_to_before_the_first_time() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, RegionFill(Window(5, 5, 9, 9), 2))
    before = planes.regions.to_array()
    for end in ("abort", "commit"):
        transaction = Transaction(planes, "x")
        transaction.fill("regions", Window(0, 0, *SHAPE), 1)
        transaction.fill("regions", Window(0, 0, *SHAPE), 2)
        if end == "abort":
            transaction.abort()
        else:
            record = transaction.commit()
            assert record is not None
            assert (planes.regions.to_array() == 2).all()
            planes.apply(record.inverse)
        assert np.array_equal(planes.regions.to_array(), before)


def test_of_tiles_that_share_an_array_each_keeps_what_is_ignored() -> None:
    planes = Planes.empty((2 * TILE, 2 * TILE))
    apply(planes, RegionFill(Window(0, 0, TILE, 2 * TILE), 2))
    apply(planes, RegionFill(Window(TILE, 0, 2 * TILE, 2 * TILE), 1))
    assert planes.regions.tile((0, 0)) is planes.regions.tile((0, 1))
    apply(planes, RegionFill(None, 1, keep_ignored=True))
    pixels = planes.regions.to_array()
    assert (pixels[:TILE] == 2).all()
    assert (pixels[TILE:] == 1).all()


def test_of_a_pasted_image_the_tiles_that_are_covered_are_not_written() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(0.0, 300.0), (500.0, 300.0)], 700, 1, class_id=1))
    assert (planes.labels.to_array()[:512, :512] == 1).all()
    seen: list[Window] = []
    array = np.zeros(SHAPE, np.int32)
    array[100:120, 500:1100] = 4
    transaction = Transaction(planes, "x", seen.append)
    PasteLabels(array, Window(0, 0, *SHAPE), {4: ObjectInfo()}).apply(transaction)
    transaction.commit()
    assert all(window.x0 >= 512 for window in seen)
    pixels = planes.labels.to_array()
    assert (pixels[:512, :512] == 1).all()
    assert pixels[110, 1099] == 2


@pytest.mark.parametrize("largest", [9, 2**24 + 9])
def test_no_value_has_a_place_in_an_empty_list(largest: int) -> None:
    place = positions(np.array([], np.int64), largest)
    assert place(np.array([[-1, 0, 5]])).tolist() == [[0, 0, 0]]


def test_proposals_with_large_ids_that_are_all_covered_add_nothing() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(50.0, 50.0)], 60, 1, class_id=1))
    array = np.zeros((20, 20), np.int64)
    array[2:9, 2:9] = 2**24 + 7
    paste = PasteLabels(array, Window(40, 40, 60, 60), {2**24 + 7: ObjectInfo()}, min_free=0.5)
    assert apply(planes, paste) is None
    assert set(planes.objects) == {1}


def test_planes_take_over_only_what_fits() -> None:
    plane = LabelMap((600, 700))
    with pytest.raises(ValueError, match=r"Tile \(0, 1\) has shape \(512, 188\), not \(512, 512\)"):
        plane.set_tile((0, 1), np.ones((512, 512), np.int32))
    for other in (LabelMap((600, 701)), LabelMap((600, 700), np.uint8)):
        with pytest.raises(ValueError, match="for one of"):
            plane.become(other)
    assert plane.blank


def test_an_index_without_digests_is_taken_over_as_well() -> None:
    plane = LabelMap((600, 700))
    plane.write(Window(10, 10, 20, 20), np.full((10, 10), 1, np.int32))
    snapshot = plane.snapshot()
    snapshot.index()
    plane.take_index(snapshot)
    assert plane.indexed
    assert plane.tiles_with(1) == [(0, 0)]
    assert plane.digest((0, 0)) == snapshot.digest((0, 0))


def test_a_record_names_plane_and_tile_of_each_change_and_no_other_tile() -> None:
    planes = Planes.empty((2 * TILE + 7, 2 * TILE))
    record = apply(planes, RegionFill(Window(0, 0, TILE, TILE + 5), 1))
    assert record is not None
    assert {(delta.plane, delta.key) for delta in record.tiles} == {("regions", (0, 0)), ("regions", (0, 1))}
    assert record.window == Window(0, 0, TILE, TILE + 5)
    record = apply(planes, Stroke([(20.0, 20.0)], 9, 1, class_id=1))
    assert record is not None
    assert {(delta.plane, delta.key) for delta in record.tiles} == {("labels", (0, 0))}
    transaction = Transaction(planes, "x")
    transaction.fill("regions", Window(2 * TILE, 0, 2 * TILE + 7, 9), 2)
    assert set(transaction._tiles) == {("regions", (2, 0))}, "no other tile is kept in mind"
    transaction.abort()
    transaction = Transaction(planes, "x")
    transaction.write("labels", Window(5, 5, 9, 9), np.ones((4, 4), np.int32))
    assert set(transaction._tiles) == {("labels", (0, 0))}
    transaction.abort()


def test_whole_tiles_are_recorded_with_the_states_before_and_after() -> None:
    planes = Planes.empty((TILE, 2 * TILE))
    apply(planes, RegionFill(Window(0, 0, 9, 9), 2))
    before = {key: tile_digest(planes.regions.tile(key)) for key in ((0, 0), (0, 1))}
    record = apply(planes, RegionFill(None, 1))
    assert record is not None
    assert {delta.key: delta.before for delta in record.tiles} == before
    assert {delta.after for delta in record.tiles} == {tile_digest(np.ones((TILE, TILE), np.uint8))}


@pytest.mark.parametrize("indexed", [True, False])
def test_objects_in_a_tile_that_is_cleared_as_a_whole_leave_the_table(indexed: bool) -> None:
    planes = Planes.empty((TILE, 2 * TILE))
    for number, x in ((1, 50.0), (2, 700.0)):
        apply(planes, Stroke([(x, 50.0)], 9, number, class_id=1))
    planes.labels.write(Window(100, 0, 101, 1), np.full((1, 1), 3, np.int32))
    planes.objects.set(3, ObjectInfo())
    if indexed:
        planes.labels.index()
    transaction = Transaction(planes, "clear")
    transaction.fill("labels", Window(0, 0, TILE, TILE), 0)
    record = transaction.commit()
    assert record is not None
    assert {change.id for change in record.objects if change.after is None} == {1, 3}
    assert set(planes.objects) == {2}
    planes.apply(record.inverse)
    assert set(planes.objects) == {1, 2, 3}


def test_a_gesture_that_has_ended_writes_nothing_more() -> None:
    planes = Planes.empty(SHAPE)
    for end in (Transaction.commit, Transaction.abort):
        transaction = Transaction(planes, "x")
        transaction.write("labels", Window(0, 0, 5, 5), np.ones((5, 5), np.int32))
        assert transaction.open
        end(transaction)
        assert not transaction.open
        before = planes.labels.to_array()
        for late in (
            lambda transaction=transaction: transaction.fill("labels", Window(0, 0, 9, 9), 2),
            lambda transaction=transaction: transaction.set_object(7, ObjectInfo()),
            transaction.commit,
            transaction.abort,
        ):
            with pytest.raises(RuntimeError, match="has ended"):
                late()
        assert np.array_equal(planes.labels.to_array(), before)
        assert 7 not in planes.objects


def test_the_next_id_alone_takes_any_gap() -> None:
    planes = Planes.empty(SHAPE)
    planes.objects.set(2**31 - 1, ObjectInfo())
    planes.objects.set(1, ObjectInfo())
    planes.objects.set(3, ObjectInfo())
    transaction = Transaction(planes, "x")
    assert transaction.next_id() == 2
    assert transaction.next_id(2) == 4
    transaction.abort()
