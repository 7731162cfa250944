import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.edits import (
    Delete,
    Edit,
    EraseStroke,
    Fill,
    Merge,
    PasteLabels,
    Polygon,
    RegionFill,
    RegionStroke,
    Relabel,
    Split,
    Stroke,
)
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.raster import polygon, segment
from segstudio.labels.transaction import Transaction

SHAPE = (40, 60)


def apply(planes: Planes, edit: Edit) -> EditRecord | None:
    transaction = Transaction(planes, edit.name)
    edit.apply(transaction)
    return transaction.commit()


def drawn(array: NDArray[np.int32]) -> Planes:
    """Return planes with these labels, all objects of class 1."""
    planes = Planes.empty((array.shape[0], array.shape[1]))
    apply(planes, PasteLabels(array, Window.whole(planes.shape), {i: ObjectInfo() for i in range(1, 1 + array.max())}))
    return planes


def two_squares() -> Planes:
    array = np.zeros(SHAPE, np.int32)
    array[10:20, 10:20] = 1
    array[10:20, 20:30] = 2
    return drawn(array)


def test_a_disc_covers_the_pixels_whose_centres_it_holds() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(20.5, 15.5)], 9, 1, class_id=3))
    rows, columns = np.indices(SHAPE)
    expected = (rows - 15) ** 2 + (columns - 20) ** 2 <= 4.5**2
    np.testing.assert_array_equal(planes.labels.to_array() == 1, expected)
    assert planes.objects[1] == ObjectInfo(class_id=3, source="hand")


@pytest.mark.parametrize("y", [7.0, 7.2, 7.5, 7.999])
def test_the_thinnest_brush_draws_one_pixel_wide_lines(y: float) -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(3.0, y), (13.0, y)], 1, 1))
    expected = np.zeros(SHAPE, bool)
    expected[7, 3:14] = True
    np.testing.assert_array_equal(planes.labels.to_array() == 1, expected)


def test_a_fast_stroke_has_no_gaps_and_equals_the_slow_one() -> None:
    fast, slow = Planes.empty((600, 700)), Planes.empty((600, 700))
    apply(fast, Stroke([(10, 12), (690, 580)], 7, 1))
    apply(slow, Stroke(np.linspace((10, 12), (690, 580), 500), 7, 1))
    difference = fast.labels.to_array() != slow.labels.to_array()
    # Only pixels whose centres lie on the rim to the last bit may differ.
    assert difference.sum() <= 2
    columns = np.flatnonzero(fast.labels.to_array().any(axis=0))
    np.testing.assert_array_equal(columns, np.arange(columns[0], columns[-1] + 1))


@given(
    st.lists(st.tuples(st.floats(-9, 69), st.floats(-9, 49)), min_size=1, max_size=4),
    st.floats(0.5, 12),
)
def test_strokes_are_connected_and_hold_the_pixels_under_their_points(
    points: list[tuple[float, float]], diameter: float
) -> None:
    canvas = np.zeros((120, 140), bool)
    previous = points[0]
    for point in points:
        for window, mask in segment(previous, point, diameter):
            canvas[window.shift(30, 30).slices] |= mask
        previous = point
    for x, y in points:
        assert canvas[int(np.floor(y + 1e-6)) + 30, int(np.floor(x + 1e-6)) + 30]

    count, _ = cv2.connectedComponents(canvas.astype(np.uint8), connectivity=8)
    assert count == 2


def test_a_stroke_keeps_neighbours_unless_told_otherwise() -> None:
    planes = two_squares()
    apply(planes, Stroke([(15, 15), (27, 15)], 4, 1))
    assert (planes.labels.to_array() == 2).sum() == 100
    apply(planes, Stroke([(15, 15), (27, 15)], 4, 1, protect=False))
    assert (planes.labels.to_array() == 2).sum() < 100
    assert planes.labels.value(15, 25) == 1


def test_undo_restores_neighbouring_label_under_stroke() -> None:
    planes = two_squares()
    before = planes.labels.to_array()
    record = apply(planes, Stroke([(25, 0), (25, 39)], 30, 1, protect=False))
    assert record is not None
    assert set(planes.objects) == {1}
    planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert set(planes.objects) == {1, 2}


def test_object_zero_and_the_eraser_clear_one_or_all() -> None:
    planes = two_squares()
    apply(planes, EraseStroke([(20, 15)], 6, only=2))
    assert (planes.labels.to_array() == 1).sum() == 100
    assert (planes.labels.to_array() == 2).sum() < 100
    apply(planes, Stroke([(20, 15)], 60, 0))
    assert not planes.labels.to_array().any()
    assert not planes.objects


def test_an_outline_becomes_one_new_object_and_leaves_neighbours() -> None:
    planes = two_squares()
    apply(planes, Polygon([(5, 5), (35, 5), (35, 25), (5, 25)], None, class_id=2))
    array = planes.labels.to_array()
    assert (array == 3).sum() == 30 * 20 - 200
    assert (array[10:20, 10:20] == 1).all()
    assert planes.objects[3].class_id == 2
    assert apply(planes, Polygon([(11, 11), (19, 11), (19, 19)])) is None
    assert apply(planes, Polygon([(50, 30), (50.2, 30), (50.1, 30.1)])) is None
    assert set(planes.objects) == {1, 2, 3}


def test_an_outline_that_crosses_itself_at_its_end_keeps_the_overlap() -> None:
    angle = np.linspace(0, 2 * np.pi * 1.2, 100)
    window, mask = polygon([np.c_[20 + 10 * np.cos(angle), 20 + 10 * np.sin(angle)]], SHAPE)
    assert mask.sum() == pytest.approx(np.pi * 100, rel=0.02)
    assert window.shape == mask.shape


def test_fill_closes_an_outline_and_refuses_the_open_background() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, Stroke([(10, 10), (30, 10), (30, 30), (10, 30), (10, 10)], 2, 1))
    apply(planes, Fill((20, 20), 1))
    assert (planes.labels.to_array()[10:30, 10:30] == 1).all()
    before = planes.labels.to_array()
    with pytest.raises(UserError, match="No outline encloses"):
        apply(planes, Fill((50, 20), 1))
    assert apply(planes, Fill((20, 20), 2)) is None, "protected"
    assert apply(planes, Fill((-3, 20), 2)) is None
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    apply(planes, Fill((20, 20), 2, class_id=4, protect=False))
    assert set(planes.objects) == {2}
    apply(planes, Fill((20, 20), 0))
    assert not planes.objects


def test_fill_follows_an_area_that_leaves_the_first_look() -> None:
    planes = Planes.empty((700, 900))
    apply(planes, Stroke([(50, 50), (850, 50), (850, 200), (50, 200), (50, 50)], 3, 1))
    apply(planes, Fill((60, 60), 1))
    assert (planes.labels.to_array()[50:200, 50:850] == 1).all()
    assert planes.labels.value(300, 300) == 0


def test_merge_delete_and_relabel() -> None:
    planes = two_squares()
    apply(planes, Relabel((2, 99), 5))
    assert planes.objects[2].class_id == 5
    apply(planes, Merge((2, 1)))
    assert (planes.labels.to_array() == 2).sum() == 200
    assert dict(planes.objects) == {2: ObjectInfo(class_id=5)}
    assert apply(planes, Delete((1,))) is None
    record = apply(planes, Delete((2,)))
    assert record is not None
    assert record.window == Window(10, 10, 20, 30)
    assert not planes.objects


def test_split_keeps_all_pixels_and_the_larger_piece_keeps_the_id() -> None:
    planes = two_squares()
    apply(planes, Merge((1, 2)))
    apply(planes, Relabel((1,), 3))
    apply(planes, Split(1, [(17, 5), (17, 35)]))
    array = planes.labels.to_array()
    assert (array[10:20, 10:30] > 0).all()
    assert array[15, 25] == 1
    new = int(array[15, 12])
    assert new == 3
    assert planes.objects[new].class_id == 3
    assert abs(int((array == new).sum()) - 70) <= 10


def test_a_line_that_does_not_cross_changes_nothing() -> None:
    planes = two_squares()
    assert apply(planes, Split(1, [(15, 12), (15, 16)])) is None
    assert apply(planes, Split(77, [(15, 0), (15, 39)])) is None


def test_split_cuts_only_the_part_that_is_crossed() -> None:
    array = np.zeros(SHAPE, np.int32)
    array[5:15, 5:15] = 1
    array[25:30, 25:30] = 1
    planes = drawn(array)
    apply(planes, Split(1, [(8, 0), (8, 20)]))
    after = planes.labels.to_array()
    assert (after[25:30, 25:30] == 1).all()
    assert sorted(np.unique(after).tolist()) == [0, 1, 2]
    assert ((after > 0) == (array > 0)).all()


def test_stating_everything_complete_keeps_what_is_ignored() -> None:
    planes = Planes.empty(SHAPE)
    apply(planes, RegionFill(Window(3, 4, 9, 30), 2))
    for value in (1, 0):
        apply(planes, RegionFill(None, value, keep_ignored=True))
        expected = np.full(SHAPE, value)
        expected[3:9, 4:30] = 2
        assert np.array_equal(planes.regions.to_array(), expected)


def test_region_brush_and_fill_leave_labels_alone() -> None:
    planes = two_squares()
    before = planes.labels.to_array()
    apply(planes, RegionStroke([(5, 5)], 5, 2))
    assert planes.regions.value(5, 5) == 2
    record = apply(planes, RegionFill(None, 1))
    assert record is not None
    assert (planes.regions.to_array() == 1).all()
    apply(planes, RegionFill(Window(0, 0, 4, 4), 0))
    assert planes.regions.to_array().sum() == SHAPE[0] * SHAPE[1] - 16
    np.testing.assert_array_equal(planes.labels.to_array(), before)


def test_pasted_objects_get_new_ids_and_do_not_overwrite() -> None:
    planes = two_squares()
    array = np.zeros((20, 20), np.int32)
    array[0:10, 0:10] = 500  # three quarters over object 2
    array[10:20, 0:10] = 7
    array[0:10, 12:20] = -1
    infos = {500: ObjectInfo(2, "model"), 7: ObjectInfo(1, "model")}
    window = Window(12, 22, 32, 42)
    apply(planes, PasteLabels(array, window, infos, min_free=0.5))
    after = planes.labels.to_array()
    assert set(planes.objects) == {1, 2, 3}
    assert planes.objects[3] == ObjectInfo(1, "model")
    assert (after == 3).sum() == 100
    assert (after == 2).sum() == 100
    apply(planes, PasteLabels(array, window, {500: infos[500]}, only_empty=False))
    assert (planes.labels.to_array() == 4).sum() == 100
    assert (planes.labels.to_array() == 2).sum() == 100 - 8 * 8


@pytest.mark.parametrize(("dtype", "largest"), [("u1", 255), ("u2", 65_535), ("i4", 1 << 24), ("i4", (1 << 31) - 1)])
def test_ids_of_any_size_are_pasted(dtype: str, largest: int) -> None:
    array = np.zeros((6, 8), dtype)
    array[0:2, 0:2], array[3:5, 3:6], array[3:5, 7] = largest, 3, largest - 1
    planes = Planes.empty((6, 8))
    apply(planes, PasteLabels(array, Window.whole((6, 8)), {3: ObjectInfo(2), largest: ObjectInfo(4)}))
    expected = np.where(array == 3, 1, 0) + np.where(array == largest, 2, 0)
    np.testing.assert_array_equal(planes.labels.to_array(), expected)
    assert dict(planes.objects) == {1: ObjectInfo(2), 2: ObjectInfo(4)}


@settings(max_examples=30)
@given(st.data())
def test_pasting_whole_images_reproduces_them(data: st.DataObject) -> None:
    array = np.array(data.draw(st.lists(st.integers(0, 5), min_size=48, max_size=48)), np.int32).reshape(6, 8)
    planes = drawn(array)
    after = planes.labels.to_array()
    np.testing.assert_array_equal(after > 0, array > 0)
    pairs = set(zip(array.ravel().tolist(), after.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(array))
    assert set(planes.objects) == set(np.unique(after).tolist()) - {0}
