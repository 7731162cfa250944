"""Rectangles and ellipses, drawn by a drag or by clicks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import User

from segstudio.session import tools

PLACE = st.tuples(st.floats(-20, 120), st.floats(-20, 100))


def box(array: np.ndarray) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(array)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_a_rectangle_by_a_drag_and_by_two_clicks() -> None:
    user = User("rectangle")
    user.drag((30, 40), (20, 20), (10, 10))
    assert (box(user.array), user.array.sum()) == ((10, 10, 30, 40), 600)
    assert (user.view.selected, user.view.current_object) == ({1}, 1)
    user.click(40, 10)
    user.hover((50, 15))
    assert user.previews[0].points.tolist() == [[40, 10], [50, 10], [50, 15], [40, 15]]
    assert not user.tools.has_points
    user.click(60, 20)
    assert box(user.array == 2) == (40, 10, 60, 20)
    assert user.actions == ["Outline object"] * 2
    assert user.previews == ()


def test_shift_makes_a_square_and_control_starts_in_the_middle() -> None:
    user = User("rectangle")
    user.send("press", 50, 40)
    user.send("move", 40, 36, keys="shift")
    user.send("release", 40, 36, keys="shift")
    assert box(user.array) == (40, 30, 50, 40)
    user = User("ellipse")
    user.send("press", 50, 40)
    user.send("move", 60, 41, keys="shift ctrl")
    user.send("release", 60, 41, keys="shift ctrl")
    assert box(user.array) == (40, 30, 60, 50)
    assert user.array.sum() == pytest.approx(np.pi * 100, rel=0.02)


def test_shift_held_at_the_press_paints_over_neighbours_and_makes_no_square() -> None:
    for keys, kept in (("", 50), ("shift", 0)):
        user = User("rectangle")
        user.draw_squares((20, 20))
        user.drag((25, 10), (35, 40), keys=keys)
        assert (user.array[:, 25:30] == 1).sum() == kept
        assert box(user.array == 2) == (25, 10, 35, 40)


def test_an_ellipse_is_what_its_equation_says() -> None:
    user = User("ellipse")
    user.drag((10, 20), (70, 60))
    y, x = np.mgrid[:80, :100] + 0.5
    wanted = ((x - 40) / 30) ** 2 + ((y - 40) / 20) ** 2 <= 1
    assert np.count_nonzero(wanted != (user.array == 1)) <= 8


def test_an_oriented_rectangle_by_a_side_and_its_width() -> None:
    for side in ("drag", "clicks"):
        user = User("oriented_rectangle")
        if side == "drag":
            user.drag((20, 20), (50, 50))
        else:
            user.click(20, 20)
            user.hover((30, 30))
            user.click(50, 50)
        assert user.actions == []
        user.hover((60, 40))
        assert user.previews[0].closed
        np.testing.assert_allclose(user.previews[0].points, [(20, 20), (50, 50), (60, 40), (30, 10)])
        user.click(60, 40)
        assert user.array.sum() == pytest.approx(np.hypot(30, 30) * np.hypot(10, 10), rel=0.03), side
        assert user.array[30, 40] == 1


@pytest.mark.parametrize("tool", ["rectangle", "ellipse", "oriented_rectangle"])
def test_escape_gives_a_shape_up(tool: str) -> None:
    user = User(tool)
    user.send("press", 10, 10)
    user.send("move", 30, 30)
    user.key("Escape")
    assert (user.actions, user.tools.running, user.previews) == ([], False, ())
    user.drag((10, 10), (30, 30))
    user.key("Escape")
    assert not user.tools.running


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["rectangle", "ellipse", "oriented_rectangle"]), PLACE, PLACE, PLACE, st.booleans())
def test_undo_of_a_shape_gives_the_exact_pixels_back(
    tool: str, start: tuple[float, float], end: tuple[float, float], last: tuple[float, float], protect: bool
) -> None:
    user = User(tool)
    user.draw_squares((10, 10), (40, 40), (60, 10))
    user.view.protect = protect
    before, objects = user.array, user.objects
    user.drag(start, end)
    if user.tools.running:
        user.click(*last)
    if protect:
        np.testing.assert_array_equal(user.array[before > 0], before[before > 0])
    if len(user.actions) > 1:
        user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    assert user.objects == objects
    assert tool in tools.base.registry.names()
