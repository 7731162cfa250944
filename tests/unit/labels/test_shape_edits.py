"""Edits of the shape of objects: filled, smoothed, hulled, grown, shrunk, split, duplicated."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.errors import UserError
from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import Window, plane_window
from segstudio.labels.edits import Edit, PasteLabels
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.restore_points import restore_point_of
from segstudio.labels.shape_edits import ConvexHull, Duplicate, FillHoles, Grow, Shrink, Smooth, SplitByShape
from segstudio.labels.transaction import Transaction

SHAPE = (60, 80)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def disc(y: float, x: float, radius: float) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 <= radius**2


def drawn(*masks: np.ndarray) -> Planes:
    array = np.zeros(SHAPE, np.int32)
    for number, mask in enumerate(masks, start=1):
        array[mask] = number
    planes = Planes.empty(SHAPE)
    infos = {number: ObjectInfo(class_id=number) for number in range(1, len(masks) + 1)}
    do(planes, PasteLabels(array, Window.whole(SHAPE), infos))
    return planes


def do(planes: Planes, edit: Edit) -> EditRecord | None:
    transaction = Transaction(planes, edit.name)
    edit.apply(transaction)
    return transaction.commit()


def test_holes_are_filled_but_for_the_object_in_one() -> None:
    ring = disc(30, 30, 15) & ~disc(30, 30, 8)
    planes = drawn(ring, disc(30, 30, 4))
    do(planes, FillHoles((1,)))
    np.testing.assert_array_equal(planes.labels.to_array() == 1, disc(30, 30, 15) & ~disc(30, 30, 4))
    do(planes, FillHoles((1,), protect=False))
    np.testing.assert_array_equal(planes.labels.to_array() == 1, disc(30, 30, 15))
    assert set(planes.objects) == {1}


def test_what_an_object_encloses_with_the_edge_of_the_image_is_no_hole() -> None:
    planes = drawn(disc(0, 40, 15) & ~disc(0, 40, 8))
    assert do(planes, FillHoles((1,))) is None


def test_smoothing_takes_spikes_away_and_leaves_discs_and_specks() -> None:
    spike = (Y == 30) & (X > 40) & (X < 60)
    planes = drawn(disc(30, 30, 12) | spike, disc(5, 5, 0))
    do(planes, Smooth((1, 2)))
    values = planes.labels.to_array()
    assert np.count_nonzero((values == 1) != disc(30, 30, 12)) < 12
    assert not (values == 1)[:, 45:].any()
    assert (values == 2).sum() == 1


def test_the_hull_of_two_parts_holds_all_between_them_but_a_neighbour() -> None:
    rows, between = (Y >= 7) & (Y < 14), (X == 25) & (Y < 20)
    planes = drawn(rows & (((X >= 5) & (X < 12)) | ((X >= 37) & (X < 44))), between)
    do(planes, ConvexHull((1,)))
    np.testing.assert_array_equal(planes.labels.to_array() == 1, rows & (X >= 5) & (X < 44) & ~between)


def test_growing_adds_so_many_pixels_and_shrinking_takes_them_again() -> None:
    planes = drawn(disc(30, 30, 10))
    do(planes, Grow((1,), 3))
    grown = planes.labels.to_array() == 1
    assert np.count_nonzero(grown != disc(30, 30, 13)) < 20
    assert (np.flatnonzero(grown[30])[[0, -1]] == [17, 43]).all()
    do(planes, Shrink((1,), 3))
    assert np.count_nonzero((planes.labels.to_array() == 1) != disc(30, 30, 10)) < 20


def test_objects_that_grow_meet_in_the_middle_whichever_is_first() -> None:
    for ids in ((1, 2), (2, 1)):
        planes = drawn((X >= 10) & (X < 20) & (Y < 30), (X >= 30) & (X < 40) & (Y < 30))
        do(planes, Grow(ids, 20))
        row = planes.labels.to_array()[15]
        assert (row[:25] == 1).all()
        assert (row[25:60] == 2).all()


def test_growing_leaves_neighbours_unless_they_are_not_protected() -> None:
    for protect in (True, False):
        planes = drawn(disc(30, 30, 10), disc(30, 45, 4))
        do(planes, Grow((1,), 6, protect))
        kept = np.count_nonzero(planes.labels.to_array() == 2) == np.count_nonzero(disc(30, 45, 4))
        assert kept == protect


def test_shrinking_lets_nothing_vanish_and_keeps_the_edge_of_the_image() -> None:
    planes = drawn((X < 20) & (Y < 20), disc(40, 40, 2))
    do(planes, Shrink((1, 2), 5))
    values = planes.labels.to_array()
    np.testing.assert_array_equal(values == 1, (X < 15) & (Y < 15))
    np.testing.assert_array_equal(values == 2, disc(40, 40, 2))


def test_two_cells_in_one_object_and_a_part_apart_become_three() -> None:
    planes = drawn(disc(20, 20, 10) | disc(20, 37, 9) | disc(50, 70, 5))
    do(planes, SplitByShape((1,)))
    values = planes.labels.to_array()
    assert len(planes.objects) == 3
    assert {info.class_id for info in planes.objects.values()} == {1}
    assert values[20, 20] == 1
    assert len({int(values[20, 20]), int(values[20, 37]), int(values[50, 70])}) == 3
    np.testing.assert_array_equal(values > 0, disc(20, 20, 10) | disc(20, 37, 9) | disc(50, 70, 5))
    assert (values == 1).sum() == pytest.approx(disc(20, 20, 10).sum(), rel=0.08)


def test_a_round_and_a_long_cell_are_not_split() -> None:
    long = np.hypot(X - np.clip(X, 15, 60), Y - 40) <= 6.4
    planes = drawn(disc(15, 20, 12), long)
    assert do(planes, SplitByShape((1, 2))) is None


def test_a_state_is_kept_before_many_objects_change() -> None:
    assert restore_point_of(Grow(tuple(range(1, 21))), set(range(1, 30))) == "Grow object: 20 objects"
    assert restore_point_of(Grow((1, 2)), {1, 2}) == ""


def test_copies_lie_beside_and_a_full_image_has_no_room() -> None:
    planes = drawn(disc(20, 20, 5), disc(20, 31, 5))
    do(planes, Duplicate((1, 2)))
    values = planes.labels.to_array()
    assert planes.objects[3] == ObjectInfo(class_id=1)
    np.testing.assert_array_equal(values == 3, disc(20, 43, 5))
    np.testing.assert_array_equal(values == 4, disc(20, 54, 5))
    with pytest.raises(UserError, match="no room"):
        do(drawn(Y >= 0), Duplicate((1,)))


EDITS: list[Callable[[tuple[int, ...], int, bool], Edit]] = [
    lambda ids, by, protect: FillHoles(ids, protect),
    lambda ids, by, protect: Smooth(ids, by, protect),
    lambda ids, by, protect: ConvexHull(ids, protect),
    lambda ids, by, protect: Grow(ids, by, protect),
    lambda ids, by, protect: Shrink(ids, by),
    lambda ids, by, protect: SplitByShape(ids),
]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.sampled_from(EDITS), st.integers(1, 5), st.booleans(), st.sets(st.integers(1, 6)))
def test_undo_gives_the_exact_pixels_back_and_protected_ones_never_change(
    seed: int, make: Callable[[tuple[int, ...], int, bool], Edit], by: int, protect: bool, chosen: set[int]
) -> None:
    rng = np.random.default_rng(seed)
    spots = [disc(*rng.uniform(0, 60, 2), rng.uniform(1, 14)) & (rng.random(SHAPE) > 0.1) for _ in range(6)]
    planes = drawn(*spots)
    before, objects = planes.labels.to_array(), dict(planes.objects)
    record = do(planes, make(tuple(sorted(chosen)), by, protect))
    after = planes.labels.to_array()
    others = (before > 0) & ~np.isin(before, list(chosen))
    if protect:
        np.testing.assert_array_equal(after[others], before[others])
        assert objects.keys() <= planes.objects.keys()
    if record is not None:
        planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert dict(planes.objects) == objects


@pytest.mark.parametrize("edit", [Grow((1,), 4), Duplicate((1,)), SplitByShape((1,)), ConvexHull((1,))])
def test_on_a_plane_of_a_stack_the_others_stay_as_they_are(edit: Edit) -> None:
    stack = Planes.empty(StackShape(*SHAPE, 3))
    for plane in (0, 1, 2):
        there = plane_window(stack.shape, plane)
        stack.labels.write(there, (disc(20, 20, 10) | disc(20, 37, 9)).astype(np.int32))
    stack.objects.set(1, ObjectInfo())
    before = stack.labels.to_array()
    transaction = Transaction(stack, edit.name, plane=1)
    edit.apply(transaction)
    record = transaction.commit()
    flat = drawn(disc(20, 20, 10) | disc(20, 37, 9))
    do(flat, edit)
    np.testing.assert_array_equal(stack.page(1).labels.to_array(), flat.labels.to_array())
    for plane in (0, 2):
        np.testing.assert_array_equal(stack.page(plane).labels.to_array() > 0, disc(20, 20, 10) | disc(20, 37, 9))
    assert record is not None
    stack.apply(record.inverse)
    np.testing.assert_array_equal(stack.labels.to_array(), before)
