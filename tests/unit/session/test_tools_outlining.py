"""Objects by their outline: encircled, or corner by corner."""

import numpy as np
import pytest
from tool_user import CIRCLE, User

from segstudio.session import tools


@pytest.mark.parametrize("tool", tools.base.registry.names())
def test_dragging_with_the_right_button_encircles_in_every_tool(tool: str) -> None:
    user = User(tool)
    user.drag(*CIRCLE, button="right")
    assert (user.array == 1).sum() == pytest.approx(np.pi * 15**2, rel=0.03)
    assert user.actions == ["Outline object"]
    assert user.view.selected == {1}
    assert user.previews == ()


def test_right_click_move_right_click() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:20])
    assert user.tools.running
    assert user.previews[0].closed
    assert user.previews[0].kind == "path"
    assert len(user.previews[0].points) == 20
    user.send("press", *CIRCLE[20], "right")
    assert not user.tools.running
    assert set(user.objects) == {1}
    user.send("release", *CIRCLE[20], "right")
    assert not user.tools.running


def test_coming_back_to_the_start_closes_the_circle() -> None:
    user = User("brush")
    user.click(*CIRCLE[0], button="right")
    user.hover(CIRCLE[0], *CIRCLE[1:-2])
    assert user.tools.running
    user.hover(CIRCLE[-1])
    assert not user.tools.running
    assert (user.array == 1).sum() == pytest.approx(np.pi * 15**2, rel=0.03)


def test_escape_forgets_the_circle() -> None:
    user = User("encircle")
    user.click(*CIRCLE[0])
    user.hover(*CIRCLE[1:20])
    user.key("Escape")
    assert not user.tools.running
    assert not user.objects


def test_the_click_after_coming_back_to_the_start_begins_nothing() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:], CIRCLE[0])
    user.click(*CIRCLE[0], button="right")
    assert not user.tools.running
    assert user.actions == ["Outline object"]
    user.click(*CIRCLE[0], button="right")  # another one is meant
    assert user.tools.running


def test_after_moving_away_a_click_at_the_start_begins_the_next_outline() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:], CIRCLE[0], CIRCLE[20])
    user.click(*CIRCLE[0], button="right")
    assert user.tools.running


def test_the_brush_goes_on_with_the_object_just_encircled() -> None:
    user = User("brush")
    user.drag((10, 10), (20, 10))
    user.drag(*CIRCLE, button="right")
    assert user.view.selected == {2}
    user.drag((70, 40), (75, 40))  # outside of both
    assert set(user.objects) == {1, 2}
    assert user.array[40, 72] == 2


def test_encircling_keeps_neighbours() -> None:
    user = User("encircle")
    user.draw_squares((45, 35))
    user.drag(*CIRCLE)
    assert (user.array == 1).sum() == 100
    user.drag(*CIRCLE, keys="shift")
    assert (user.array == 1).sum() == 0


def polygon_user() -> User:
    user = User("polygon")
    for x, y in [(10, 10), (40, 10), (40, 30)]:
        user.click(x, y)
    user.hover((10, 30))
    return user


def test_all_endings_of_a_polygon() -> None:
    for end in ("first point", "double", "Enter", "Space"):
        user = polygon_user()
        assert user.tools.has_points
        user.click(10, 30)
        if end == "first point":
            user.click(11, 11)
        elif end == "double":
            user.send("double", 10, 30)
            user.send("release", 10, 30)
        else:
            user.key(end)
        assert not user.tools.running, end
        assert (user.array == 1).sum() == 600, end


def test_a_polygon_needs_three_corners_to_end() -> None:
    user = User("polygon")
    user.click(10, 10)
    user.key("Enter")
    assert user.tools.running
    user.key("Escape")
    assert not user.tools.running
    assert not user.objects


def test_dropping_the_last_point() -> None:
    for drop in ("Backspace", "Ctrl+Z", "right"):
        user = polygon_user()
        user.click(90, 70)
        if drop == "right":
            user.click(90, 70, "right")
        else:
            user.key("Z" if drop == "Ctrl+Z" else drop, "ctrl" if drop == "Ctrl+Z" else "")
        user.click(10, 30)
        user.key("Enter")
        assert (user.array == 1).sum() == 600, drop
    user = User("polygon")
    user.click(10, 10)
    user.key("Backspace")
    assert not user.tools.running
