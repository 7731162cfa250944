"""Boxes as label images."""

import doctest

import numpy as np
import pytest
from factories import discs, rectangle
from hypothesis import given
from hypothesis import strategies as st

from segstudio.labels import box_image
from segstudio.labels.box_image import boxes_around, paint_boxes, paint_rotated_boxes, rotated_boxes_around
from segstudio.labels.boxes import box_columns, rotated_boxes
from segstudio.labels.contours import trace


def test_a_box_fills_what_its_object_spans() -> None:
    labels = discs((40, 40), [(20, 20)], 8)
    assert np.array_equal(np.argwhere(boxes_around(labels) == 1).min(0), [12, 12])
    assert int((boxes_around(labels) == 1).sum()) == 17 * 17


def test_unknown_pixels_stay_outside_boxes() -> None:
    labels = np.full((6, 6), -1, np.int32)
    labels[1, 1] = labels[3, 3] = 9
    boxed = boxes_around(labels)
    assert (boxed[1:4, 1:4] == 9).all()
    assert (boxed < 0).sum() == 36 - 9


def test_overlapping_boxes_are_the_same_in_any_order() -> None:
    boxes = np.array([[0.2, 0, 10.1, 10.3], [4.3, 4.1, 16.2, 17.7], [2, 8.6, 9.4, 20]])
    one, other = paint_boxes(boxes, (20, 20)), paint_boxes(boxes[::-1], (20, 20))
    assert np.array_equal(one > 0, other > 0)
    assert np.array_equal(np.where(one > 0, 4 - one, 0), other)


@given(st.lists(st.tuples(*[st.floats(-30, 60)] * 4), max_size=6))
def test_boxes_anywhere_are_cut_by_the_image(corners: list[tuple[float, ...]]) -> None:
    boxes = np.array(corners, float).reshape(-1, 4)
    labels = paint_boxes(boxes, (20, 30))
    for number, (y0, x0, y1, x1) in enumerate(boxes, start=1):
        rows, columns = np.nonzero(labels == number)
        assert ((rows + 0.5 >= y0) & (rows + 0.5 <= y1) & (columns + 0.5 >= x0) & (columns + 0.5 <= x1)).all()


@pytest.mark.parametrize("value", [-1, 0])
def test_an_image_without_objects_has_no_boxes(value: int) -> None:
    assert (boxes_around(np.full((3, 4), value, np.int32)) == value).all()


def test_a_rotated_box_fills_the_smallest_rectangle_around_its_object() -> None:
    labels = rectangle((60, 60), (30, 28), 40, 8, 35) * 6
    boxed = rotated_boxes_around(labels)
    assert set(np.unique(boxed)) == {0, 6}
    assert (boxed[labels > 0] == 6).all()
    assert 40 * 8 <= (boxed == 6).sum() < 1.1 * 40 * 8 < 0.5 * (boxes_around(labels) == 6).sum()


def test_an_upright_rectangle_has_the_same_box_either_way() -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[3:9, 4:25], labels[12:19, 2:4] = 3, 9
    assert np.array_equal(rotated_boxes_around(labels), labels)
    assert np.array_equal(boxes_around(labels), labels)


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_rotated_boxes_that_were_painted_are_measured_as_those_of_the_objects(angle: int) -> None:
    labels = rectangle((80, 80), (40.3, 39.2), 50, 11, angle) * 2
    labels[:40] &= rectangle((80, 80), (40.3, 39.2), 50, 5, angle)[:40] * 2  # one half is thin
    painted = rotated_boxes_around(labels)
    before, after = rotated_boxes(labels)[2], rotated_boxes(painted)[2]
    assert (after.length, after.width) == pytest.approx((before.length, before.width), rel=1e-6)
    assert np.array_equal(rotated_boxes_around(painted), painted)


@pytest.mark.parametrize("value", [-1, 0, 5])
def test_rotated_boxes_of_images_without_or_full_of_objects(value: int) -> None:
    assert (rotated_boxes_around(np.full((3, 4), value, np.int32)) == value).all()


def test_single_pixels_and_thin_lines_have_boxes_of_their_own() -> None:
    labels = np.zeros((16, 16), np.int32)
    labels[1, 1], labels[1, 4:12], labels[5, 5] = 1, 2, 5
    labels[np.arange(6, 14), np.arange(6, 14)] = 3
    labels[np.arange(7, 14), np.arange(7, 14)[::-1] - 7] = 4
    assert np.array_equal(rotated_boxes_around(labels), labels)


def test_where_rotated_boxes_overlap_a_pixel_is_of_the_one_in_whose_middle_it_lies_most() -> None:
    labels = rectangle((60, 60), (30, 22), 44, 9, 20) * 3
    other = rectangle((60, 60), (30, 36), 44, 9, 160)
    labels[(other > 0) & (labels == 0)] = 7
    boxes = box_columns(trace(labels))
    painted = paint_rotated_boxes(boxes, labels.shape)
    assert {*np.unique(painted)} == {0, 3, 7}
    turned = np.ascontiguousarray(labels[::-1])
    mirrored = paint_rotated_boxes(box_columns(trace(turned)), turned.shape)[::-1]
    assert (mirrored != painted).mean() < 0.002


def test_examples_in_the_documentation_are_true() -> None:
    result = doctest.testmod(box_image)
    assert result.attempted > 0
    assert result.failed == 0
