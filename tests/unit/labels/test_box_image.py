"""Boxes as label images."""

import numpy as np
import pytest
from factories import discs
from hypothesis import given
from hypothesis import strategies as st

from segstudio.labels.box_image import boxes_around, paint_boxes


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
