"""The arithmetic below the canvas: camera, shades, colours, contours in screen pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.tiles import Window
from segstudio.gui.viewer.camera import SCALE_MAX, SCALE_MIN, Camera
from segstudio.gui.viewer.colouring import ObjectColours, graph_colours
from segstudio.gui.viewer.label_render import LabelStyle, draw_labels, draw_regions, sampled
from segstudio.labels.label_map import LabelMap
from segstudio.labels.packed_tile import COARSE

RED = ((255, 0, 0),) * 12
coordinates = st.floats(-1e4, 1e4)


@given(coordinates, coordinates, st.floats(0.3, 3), coordinates, coordinates, st.floats(0.01, 50))
def test_zoom_keeps_the_point_under_the_pointer(
    left: float, top: float, factor: float, x: float, y: float, scale: float
) -> None:
    camera = Camera(scale, left, top)
    zoomed = camera.zoomed(factor, x, y)
    assert SCALE_MIN <= zoomed.scale <= SCALE_MAX
    assert zoomed.to_screen(*camera.to_image(x, y)) == pytest.approx((x, y), abs=1e-5)


def test_fitted_image_lies_in_the_middle() -> None:
    camera = Camera.showing(Window(0, 0, 100, 200), 440, 400, margin=20)
    assert camera.scale == 2
    assert camera.to_screen(100, 50) == (220, 200)
    assert camera.visible(440, 400, (100, 200)) == Window(0, 0, 100, 200)


@pytest.mark.parametrize(("corner", "expected"), [((0, 0), (0, 0)), ((90, 190), (60, 120)), ((50, 100), (30, 60))])
def test_a_corner_of_the_image_fills_the_screen(corner: tuple[int, int], expected: tuple[int, int]) -> None:
    row, column = corner
    camera = Camera(scale=5).centred(Window(row, column, row + 10, column + 10), 400, 200)
    seen = camera.filled(Window(0, 0, 100, 200), 400, 200).visible(400, 200, (100, 200))
    assert seen.shape == (40, 80)
    assert (seen.y0, seen.x0) == pytest.approx(expected, abs=6)


def test_touching_objects_get_different_colours_that_stay() -> None:
    labels = np.kron(np.arange(1, 65, dtype=np.int32).reshape(8, 8), np.ones((6, 6), np.int32))
    labels[labels == 20] = 8  # the hashed wish of 8 and its neighbours must not decide alone
    colours = ObjectColours()
    numbers = colours.of(labels)
    assert set(np.unique(numbers)) <= set(range(1, 13))
    for axis in (0, 1):
        step = np.diff(labels, axis=axis) != 0
        assert (np.diff(numbers.astype(int), axis=axis)[step] != 0).all()
    before = numbers[0, 0]
    assert colours.number(1) == before


def test_colours_of_a_whole_plane_differ_across_tiles_and_are_always_the_same() -> None:
    labels = np.kron(np.arange(1, 257, dtype=np.int32).reshape(16, 16), np.ones((40, 40), np.int32))
    plane = LabelMap.from_array(labels)
    numbers = graph_colours(plane, 7)
    assert set(numbers.values()) <= set(range(1, 8))
    shown = np.vectorize(numbers.__getitem__)(labels)
    for axis in (0, 1):
        step = np.diff(labels, axis=axis) != 0
        assert (np.diff(shown, axis=axis)[step] != 0).all()
    halves = np.repeat(np.array([[1] * 512 + [8] * 512], np.int32), 20, axis=0)
    colours = ObjectColours(7)
    assert colours.number(1) == colours.number(8), "no drawing has seen them together"
    assert colours.learn(graph_colours(LabelMap.from_array(halves), 7))
    assert colours.number(1) != colours.number(8)
    assert not colours.learn(graph_colours(LabelMap.from_array(halves), 7))


@given(st.floats(1 / COARSE + 1e-3, 30), st.integers(-50, 50), st.integers(-50, 50))
def test_sampling_agrees_with_the_plane(scale: float, y: int, x: int) -> None:
    array = np.random.default_rng(1).integers(0, 9, (40, 30)).astype(np.int32)
    area = Window(y, x, y + 20, x + 25)
    picked = sampled(LabelMap.from_array(array), area, scale)
    for row in range(0, 20, 7):
        for column in range(0, 25, 6):
            iy, ix = int((y + row + 0.5) / scale), int((x + column + 0.5) / scale)
            inside = 0 <= (y + row + 0.5) / scale < 40 and 0 <= (x + column + 0.5) / scale < 30
            assert picked[row, column] == (array[iy, ix] if inside else 0)


def test_contour_is_as_wide_on_the_screen_at_every_zoom() -> None:
    array = np.zeros((64, 64), np.int32)
    array[16:48, 16:48] = 1
    plane = LabelMap.from_array(array)
    style = LabelStyle(RED, fill=0.0, width=1.0)
    for scale in (1.0, 2.0, 7.5):
        side = round(64 * scale)
        alpha = draw_labels(plane, Window(0, 0, side, side), scale, style, ObjectColours()) >> 24
        row = alpha[side // 2] == 255
        assert row.sum() == 2, scale
        edges = np.flatnonzero(row)
        assert edges[0] == round(16 * scale)
        assert edges[1] == round(48 * scale) - 1


def test_tiles_of_an_overlay_fit_together() -> None:
    array = np.kron(np.arange(1, 17, dtype=np.int32).reshape(4, 4), np.ones((9, 9), np.int32))
    plane, colours = LabelMap.from_array(array), ObjectColours()
    style = LabelStyle(RED, dashed=True, selected=frozenset({6}), width=3.0)
    whole = draw_labels(plane, Window(0, 0, 100, 100), 2.7, style, colours)
    part = draw_labels(plane, Window(31, 17, 70, 64), 2.7, style, colours)
    assert np.array_equal(whole[31:70, 17:64], part)


def test_hidden_and_unselected_objects() -> None:
    array = np.zeros((20, 40), np.int32)
    array[5:15, 5:15], array[5:15, 25:35] = 1, 2
    plane = LabelMap.from_array(array)
    area = Window.whole((20, 40))
    hidden = draw_labels(plane, area, 1.0, LabelStyle(RED, hidden=frozenset({1})), ObjectColours())
    assert not hidden[:, :20].any()
    assert hidden[:, 20:].any()
    plain = draw_labels(plane, area, 1.0, LabelStyle(RED), ObjectColours())
    chosen = draw_labels(plane, area, 1.0, LabelStyle(RED, selected=frozenset({2})), ObjectColours())
    assert np.array_equal(plain[:, :20], chosen[:, :20])
    assert chosen[4, 30] != 0  # the dark halo lies outside
    assert plain[4, 30] == 0


def test_complete_and_ignored_regions_look_different() -> None:
    array = np.zeros((60, 60), np.uint8)
    array[10:50, 10:30], array[10:50, 30:50] = 1, 2
    drawn = draw_regions(LabelMap.from_array(array), Window.whole((60, 60)), 1.0, (0, 255, 0), (255, 0, 0))
    assert not drawn[:8].any()
    assert len(np.unique(drawn[20:40, 15:25])) == 1
    assert len(np.unique(drawn[20:40, 35:45])) == 2


def test_an_edged_contour_lies_between_light_and_dark() -> None:
    array = np.zeros((20, 20), np.int32)
    array[5:15, 5:15] = 1
    plane, area = LabelMap.from_array(array), Window.whole((20, 20))
    plain, edged = (
        draw_labels(plane, area, 1.0, LabelStyle(RED, width=1.0, edged=on), ObjectColours()) for on in (False, True)
    )
    assert edged[10, 5] == plain[10, 5], "the contour itself has its colour"
    light, dark = (tuple(int(edged[10, x]) >> shift & 255 for shift in (16, 8, 0)) for x in (4, 6))
    assert min(light) > 180
    assert max(dark) == 0
    assert plain[10, 4] == 0
