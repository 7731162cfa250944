import doctest
import importlib

import numpy as np
import pytest
from factories import cells, grid_of_squares, rectangle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels import contours, rotated_boxes
from segstudio.labels.contours import trace
from segstudio.labels.raster import polygon


def area(ring: NDArray[np.float64]) -> float:
    """Return the signed area; positive when the ring goes clockwise on a screen with y pointing down."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def refill(found: dict[int, tuple[NDArray[np.float64], ...]], shape: tuple[int, int]) -> NDArray[np.int64]:
    out = np.zeros(shape, np.int64)
    for object_id, rings in found.items():
        window, mask = polygon(rings, shape)
        out[window.slices][mask] = object_id
    return out


small = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(-1, 3))


@settings(max_examples=300)
@given(small)
def test_filling_the_rings_gives_back_the_label_image(labels: NDArray[np.int32]) -> None:
    np.testing.assert_array_equal(refill(contours(labels), labels.shape), np.maximum(labels, 0))


@settings(max_examples=100)
@given(small)
def test_rings_turn_clockwise_and_holes_the_other_way(labels: NDArray[np.int32]) -> None:
    for object_id, rings in contours(labels).items():
        areas = [area(ring) for ring in rings]
        assert sum(areas) == (labels == object_id).sum()
        assert areas[0] > 0
        assert areas == sorted(areas, key=lambda value: value < 0), "outer rings come first"
        for ring in rings:
            steps = np.roll(ring, -1, axis=0) - ring
            assert ((steps == 0).sum(axis=1) == 1).all(), "corners only"


def test_cells_are_refilled_exactly() -> None:
    truth = cells((400, 500), 120, seed=3).labels
    np.testing.assert_array_equal(refill(contours(truth), truth.shape), truth)


def test_a_hole_and_an_island_in_it() -> None:
    labels = np.zeros((9, 9), np.uint16)
    labels[1:8, 1:8] = 60000
    labels[2:7, 2:7] = 0
    labels[4, 4] = 60000
    rings = contours(labels)[60000]
    assert [area(ring) for ring in rings] == [49.0, 1.0, -25.0]


def test_pixels_that_share_a_corner_are_two_rings() -> None:
    labels = np.eye(2, dtype=np.int64) * 5
    assert [ring.tolist() for ring in contours(labels)[5]] == [
        [[0, 0], [1, 0], [1, 1], [0, 1]],
        [[1, 1], [2, 1], [2, 2], [1, 2]],
    ]


def test_origin_moves_the_outline() -> None:
    labels = np.ones((2, 2), bool)
    np.testing.assert_array_equal(contours(labels, (10, 20))[1][0], [[10, 20], [12, 20], [12, 22], [10, 22]])


def test_nothing_drawn_gives_nothing() -> None:
    for labels in (np.zeros((5, 5), int), np.full((3, 3), -1), np.zeros((0, 7), np.int32)):
        assert contours(labels) == {}
        assert rotated_boxes(labels) == {}
    assert len(trace(np.zeros((5, 5), int)).points) == 0


def test_only_integer_images_are_traced() -> None:
    with pytest.raises(TypeError, match="integers"):
        contours(np.zeros((3, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="two axes"):
        contours(np.zeros((3, 3, 3), int))


def test_large_ids_stay_exact() -> None:
    for object_id in (255, 256, 65535, 65536, 2**24 + 1, 2**31 - 1):
        labels = np.zeros((4, 4), np.int32)
        labels[1, 1] = object_id
        assert list(contours(labels)) == [object_id]
        assert rotated_boxes(labels)[object_id].length == 1


def test_ten_by_four_is_ten_by_four() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[3:7, 2:12] = 1
    labels[8:18, 13:17] = 2
    boxes = rotated_boxes(labels)
    assert (boxes[1].length, boxes[1].width, boxes[1].angle, boxes[1].centre) == (10, 4, 0, (7, 5))
    assert (boxes[2].length, boxes[2].width, boxes[2].angle, boxes[2].centre) == (10, 4, 90, (15, 13))
    np.testing.assert_array_equal(boxes[1].corners, [[2, 3], [12, 3], [12, 7], [2, 7]])


def test_single_pixels_and_lines_have_a_width() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[1, 1] = 1
    labels[3, 1:8] = 2
    labels[5:7, 0] = 3
    labels[[6, 7, 8], [5, 6, 7]] = 4
    boxes = rotated_boxes(labels)
    assert (boxes[1].length, boxes[1].width, boxes[1].angle) == (1, 1, 0)
    assert (boxes[2].length, boxes[2].width, boxes[2].angle) == (7, 1, 0)
    assert (boxes[3].length, boxes[3].width, boxes[3].angle) == (2, 1, 90)
    assert boxes[4].angle == 45
    assert boxes[4].length == pytest.approx(3 * np.sqrt(2))
    assert boxes[4].width == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("angle", [0, 10, 30, 45, 60, 90, 120, 150, 179])
def test_known_rectangles_at_known_angles(angle: float) -> None:
    labels = rectangle((300, 300), (150.3, 149.6), 160, 60, angle)
    box = rotated_boxes(labels)[1]
    assert abs((box.angle - angle + 90) % 180 - 90) < 0.6
    # Whole pixels stick out by at most half a pixel's diagonal on each side.
    assert 159 <= box.length <= 160 + 1.5
    assert 59 <= box.width <= 60 + 1.5
    assert box.centre == pytest.approx((150.3, 149.6), abs=0.6)


def test_discs_have_their_diameter() -> None:
    rows, columns = np.indices((80, 80)) - 40
    box = rotated_boxes((rows**2 + columns**2 <= 30**2).astype(np.int32))[1]
    assert 0 <= box.angle < 180
    assert box.length == pytest.approx(61, abs=0.5)


@settings(max_examples=60)
@given(arrays(np.int32, (9, 11), elements=st.integers(0, 3)))
def test_boxes_hold_all_corners_and_none_is_smaller(labels: NDArray[np.int32]) -> None:
    found = contours(labels)
    boxes = rotated_boxes(found)
    assert boxes == rotated_boxes(labels)
    turns = np.deg2rad(np.arange(0, 180, 1.0))
    for object_id, rings in found.items():
        box, points = boxes[object_id], np.concatenate(rings)
        assert box.length >= box.width > 0
        assert 0 <= box.angle < 180
        turn = np.deg2rad(box.angle)
        local = (points - box.centre) @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        assert (np.abs(local) <= np.array([box.length, box.width]) / 2 + 1e-9).all()
        along = points @ np.array([np.cos(turns), np.sin(turns)])
        across = points @ np.array([-np.sin(turns), np.cos(turns)])
        assert box.length * box.width <= (np.ptp(along, axis=0) * np.ptp(across, axis=0)).min() + 1e-9


def test_boxes_of_smooth_outlines_are_refused() -> None:
    with pytest.raises(ValueError, match="pixel edges"):
        rotated_boxes({1: (np.array([[0, 0], [2.5, 0], [1, 3.3]]),)})


def test_thousands_of_objects_keep_their_ids() -> None:
    labels = grid_of_squares((512, 512), size=3, gap=1)
    found = contours(labels)
    assert list(found) == list(range(1, labels.max() + 1))
    assert all(len(rings) == 1 for rings in found.values())
    assert found[1][0].tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]


@pytest.mark.parametrize("module", ["contours", "boxes", "measure", "raster", "__init__"])
def test_examples_in_the_documentation_are_true(module: str) -> None:
    name = "segstudio.labels" if module == "__init__" else f"segstudio.labels.{module}"
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_polygon_outside_of_the_image_is_empty() -> None:
    assert polygon([[(-9, -9), (-2, -9), (-2, -2)]], (5, 5))[0].empty
    assert polygon([], (5, 5))[0] == Window(0, 0, 0, 0)
