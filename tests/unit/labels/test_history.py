import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.tiles import Window
from segstudio.labels.digest import tile_digest
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History

SHAPE = (600, 1100)


def paint(planes: Planes, window: Window, value: int, name: str = "paint") -> EditRecord | None:
    transaction = Transaction(planes, name)
    transaction.write("labels", window, np.full(window.shape, value, np.int32))
    if value > 0:
        transaction.set_object(value, ObjectInfo())
    return transaction.commit()


def state(planes: Planes) -> tuple[bytes, bytes, dict[int, ObjectInfo]]:
    return planes.labels.to_array().tobytes(), planes.regions.to_array().tobytes(), dict(planes.objects)


def test_reading_and_writing_cross_tile_borders() -> None:
    plane = LabelMap(SHAPE)
    values = np.arange(1, 201, dtype=np.int32).reshape(10, 20)
    plane.write(Window(507, 502, 517, 522), values)
    assert plane.keys() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    np.testing.assert_array_equal(plane.read(Window(507, 502, 517, 522)), values)
    assert plane.value(507, 502) == 1
    assert plane.value(-1, 0) == 0


def test_writing_over_the_edge_keeps_the_part_inside() -> None:
    plane = LabelMap((10, 10))
    plane.write(Window(-2, 8, 2, 12), np.full((4, 4), 7, np.int32))
    assert plane.to_array().sum() == 7 * 4
    assert plane.read(Window(-5, -5, 3, 3)).shape == (3, 3)


def test_a_snapshot_does_not_see_later_strokes() -> None:
    plane = LabelMap.from_array(np.ones((20, 20), np.int32))
    snapshot = plane.snapshot()
    plane.write(Window(0, 0, 5, 5), np.full((5, 5), 9, np.int32))
    assert snapshot.value(0, 0) == 1
    assert plane.value(0, 0) == 9


def test_an_array_given_to_a_map_is_not_changed_by_painting() -> None:
    array = np.ones((20, 20), np.int32)
    plane = LabelMap.from_array(array)
    plane.write(Window(0, 0, 5, 5), np.zeros((5, 5), np.int32))
    assert array.all()


def test_the_index_follows_what_is_painted() -> None:
    plane = LabelMap(SHAPE)
    plane.write(Window(0, 500, 4, 520), np.full((4, 20), 3, np.int32))
    assert plane.tiles_with(3) == [(0, 0), (0, 1)]
    assert plane.window_of(3) == Window(0, 500, 4, 520)
    plane.write(Window(0, 512, 4, 520), np.zeros((4, 8), np.int32))
    assert plane.tiles_with(3) == [(0, 0)]
    assert plane.values() == {3}
    plane.set_tile((0, 0), None)
    assert plane.window_of(3) is None
    assert plane.values() == set()


def test_digest_sees_every_single_bit_and_zeros_equal_a_missing_tile() -> None:
    tile = np.random.default_rng(0).integers(0, 99, (37, 41), dtype=np.int32)
    before = tile_digest(tile)
    raw = tile.view(np.uint8).reshape(-1)
    for byte in range(0, raw.size, 97):
        raw[byte] ^= 1 << byte % 8
        assert tile_digest(tile) != before
        raw[byte] ^= 1 << byte % 8
    assert tile_digest(tile) == before
    assert tile_digest(np.zeros((37, 41), np.int32)) == tile_digest(None) == bytes(8)


def test_digest_is_the_same_on_every_computer() -> None:
    tile = np.arange(12, dtype=np.int32).reshape(3, 4)
    words = [low | high << 32 for low, high in zip(range(0, 12, 2), range(1, 12, 2), strict=True)]
    total = 0
    for position, word in enumerate(words, start=1):
        weight = position * 0x9E3779B97F4A7C15 % 2**64
        weight = (weight ^ weight >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        weight = (weight ^ weight >> 27) * 0x94D049BB133111EB % 2**64
        total += (word ^ word >> 32) * ((weight ^ weight >> 31) | 1)
    assert tile_digest(tile) == (total % 2**64).to_bytes(8, "little")


def test_next_id_never_comes_back_after_undo() -> None:
    planes = Planes.empty((50, 50))
    history = History()
    assert planes.objects.next_id() == 1
    record = paint(planes, Window(0, 0, 5, 5), 1)
    assert record is not None
    history.push(record)
    history.undo(planes)
    assert 1 not in planes.objects
    assert planes.objects.next_id() == 2
    assert ObjectTable({7: ObjectInfo()}, next_id=3).next_id() == 8
    with pytest.raises(ValueError, match="counts from 1"):
        planes.objects.set(0, ObjectInfo())


def test_an_object_leaves_the_table_with_its_last_pixel_and_undo_brings_it_back() -> None:
    planes = Planes.empty(SHAPE)
    paint(planes, Window(500, 500, 530, 530), 1)
    part = paint(planes, Window(500, 500, 512, 530), 0, "erase")
    assert part is not None
    assert part.objects == ()
    rest = paint(planes, Window(512, 500, 530, 530), 0, "erase")
    assert rest is not None
    assert [change.after for change in rest.objects] == [None]
    assert not planes.objects
    planes.apply(rest.inverse)
    assert planes.objects[1] == ObjectInfo()


def test_nothing_changed_gives_no_record() -> None:
    planes = Planes.empty((50, 50))
    paint(planes, Window(0, 0, 5, 5), 1)
    assert paint(planes, Window(1, 1, 3, 3), 1) is None
    transaction = Transaction(planes, "add an object without pixels")
    transaction.set_object(2, ObjectInfo())
    assert transaction.commit() is None
    assert set(planes.objects) == {1}


def test_record_window_holds_just_the_changed_pixels() -> None:
    planes = Planes.empty(SHAPE)
    paint(planes, Window(0, 0, 600, 510), 1)
    record = paint(planes, Window(10, 500, 20, 520), 1)
    assert record is not None
    assert record.window == Window(10, 510, 20, 520)
    assert record.name == "paint"
    assert record.nbytes < 2000


def test_a_record_takes_no_more_memory_than_it_says() -> None:
    planes = Planes.empty(SHAPE)
    paint(planes, Window(0, 0, 10, 10), 1)
    tracemalloc.start()
    try:
        begin, _ = tracemalloc.get_traced_memory()
        records = [paint(planes, Window(step, 10, step + 10, 20), step + 2) for step in range(100)]
        end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    tile = TILE * TILE * planes.labels.dtype.itemsize  # of the state that is shown now
    assert end - begin < tile + 4 * sum(record.nbytes for record in records if record)


def test_abort_restores_pixels_and_table_and_repaints() -> None:
    planes = Planes.empty(SHAPE)
    paint(planes, Window(0, 0, 30, 30), 1)
    before = state(planes)
    seen: list[Window] = []
    transaction = Transaction(planes, "x", seen.append)
    transaction.write("labels", Window(5, 505, 15, 520), np.full((10, 15), 4, np.int32))
    transaction.fill("regions", Window(0, 0, 600, 1100), 2)
    transaction.set_object(1, ObjectInfo(class_id=3))
    seen.clear()
    transaction.abort()
    assert state(planes) == before
    assert seen == [Window(0, 0, 600, 1100)]
    with pytest.raises(RuntimeError, match="has ended"):
        transaction.write("labels", Window(0, 0, 1, 1), np.ones((1, 1), np.int32))


def test_filling_a_plane_shares_one_tile_until_it_is_painted_on() -> None:
    planes = Planes.empty((4 * TILE, 4 * TILE))
    transaction = Transaction(planes, "all", on_commit=History().push)
    transaction.fill("regions", Window(0, 0, *planes.shape), 1)
    assert transaction.commit() is not None
    assert planes.regions.tile((0, 0)) is planes.regions.tile((3, 3))
    planes.regions.write(Window(0, 0, 2, 2), np.zeros((2, 2), np.uint8))
    assert planes.regions.value(3 * TILE, 3 * TILE) == 1
    assert planes.regions.value(0, 0) == 0


def test_undo_and_redo_of_a_fill_share_one_tile() -> None:
    planes, history = Planes.empty((4 * TILE, 4 * TILE)), History()
    for value in (1, 2):
        transaction = Transaction(planes, "all", on_commit=history.push)
        transaction.fill("regions", Window(0, 0, *planes.shape), value)
        transaction.commit()
    history.undo(planes)
    assert planes.regions.value(0, 0) == 1
    assert planes.regions.tile((0, 0)) is planes.regions.tile((3, 3))
    planes.regions.write(Window(0, 0, 2, 2), np.zeros((2, 2), np.uint8))
    assert planes.regions.value(3 * TILE, 3 * TILE) == 1


@pytest.mark.parametrize("window", [Window(0, 0, 600, 1100), Window(5, 511, 580, 1030), Window(512, 512, 520, 1024)])
def test_filling_a_part_gives_the_window_and_the_way_back(window: Window) -> None:
    planes, history = Planes.empty(SHAPE), History()
    transaction = Transaction(planes, "part", on_commit=history.push)
    transaction.fill("regions", window, 2)
    record = transaction.commit()
    assert record is not None
    assert record.window == window.clip(SHAPE)
    expected = np.zeros(SHAPE, np.uint8)
    expected[record.window.slices] = 2
    assert np.array_equal(planes.regions.to_array(), expected)
    history.undo(planes)
    assert not planes.regions.to_array().any()


def test_a_whole_slide_is_stated_complete_without_a_wait() -> None:
    planes, history = Planes.empty((65_536, 65_536)), History()
    start = time.thread_time()
    transaction = Transaction(planes, "all", on_commit=history.push)
    transaction.fill("regions", Window.whole(planes.shape), 1)
    transaction.commit()
    assert time.thread_time() - start < 0.8  # 0.1 s on an idle computer
    history.undo(planes)
    assert not planes.regions.keys()
    assert time.thread_time() - start < 3.0  # a tile at a time it takes 15 s and 4 GB


windows = st.tuples(st.integers(-20, 590), st.integers(-20, 1090), st.integers(1, 90), st.integers(1, 90)).map(
    lambda at: Window(at[0], at[1], at[0] + at[2], at[1] + at[3])
)


@settings(max_examples=40)
@given(st.lists(st.tuples(windows, st.integers(0, 4), st.sampled_from(["labels", "regions", "abort"])), max_size=8))
def test_undo_and_redo_restore_every_state_exactly(steps: list[tuple[Window, int, str]]) -> None:
    planes, history = Planes.empty(SHAPE), History()
    states = [state(planes)]
    for window, value, kind in steps:
        transaction = Transaction(planes, kind)
        plane = "regions" if kind == "regions" else "labels"
        values = np.full(window.shape, value, planes.plane(plane).dtype)
        transaction.write(plane, window, values)
        if plane == "labels" and value:
            transaction.set_object(value, ObjectInfo(class_id=1 + window.x0 % 3))
        if kind == "abort":
            transaction.abort()
        elif record := transaction.commit():
            history.push(record)
            states.append(state(planes))
        assert state(planes) == states[-1]
        assert set(planes.objects) == planes.labels.values()
    for expected in reversed(states[:-1]):
        digests = {key: planes.labels.digest(key) for key in planes.labels.keys()}  # noqa: SIM118
        record = history.undo(planes)
        assert record is not None
        assert all(digests.get(d.key, bytes(8)) == d.after for d in record.tiles if d.plane == "labels")
        assert state(planes) == expected
    assert history.undo(planes) is None
    for expected in states[1:]:
        assert history.redo(planes) is not None
        assert state(planes) == expected
    assert history.redo(planes) is None
    assert not history.can_redo


def test_history_names_and_a_new_edit_drops_what_was_undone() -> None:
    planes, history = Planes.empty((50, 50)), History()
    for index, name in enumerate(["one", "two"]):
        record = paint(planes, Window(index * 9, 0, index * 9 + 5, 5), index + 1, name)
        assert record is not None
        history.push(record)
    assert (history.undo_name, history.redo_name) == ("two", "")
    history.undo(planes)
    assert (history.undo_name, history.redo_name) == ("one", "two")
    restored = History(history.entries(), history.undone())
    restored.redo(planes)
    assert [record.name for record in restored.entries()] == ["one", "two"]
    history.push(record)
    assert not history.can_redo
    assert history.nbytes > 0
