"""Tools that choose, delete, merge, fill, split and name objects."""

from typing import Any

import pytest
from tool_user import User

from segstudio.core.errors import UserError
from segstudio.session import tools
from segstudio.session.view_state import NEW_OBJECT


def test_select_and_shift_select() -> None:
    user = User("select")
    user.draw_squares((20, 20), (40, 20))
    user.click(25, 25)
    assert user.view.selected == {1}
    user.click(45, 25, keys="shift")
    assert user.view.selected == {1, 2}
    user.click(25, 25, keys="shift")
    assert user.view.selected == {2}
    user.click(5, 5)
    assert user.view.selected == frozenset()
    user.click(-5, 500)
    assert len(user.actions) == 1


@pytest.mark.parametrize("tool", tools.base.registry.names())
def test_ctrl_click_deletes_in_every_tool(tool: str) -> None:
    user = User(tool)
    user.draw_squares((20, 20), (40, 20))
    user.click(25, 25, keys="ctrl")
    assert set(user.objects) == {2}
    assert not user.tools.running


def test_alt_click_merges_into_the_selected_object() -> None:
    user = User("select")
    user.draw_squares((20, 20), (30, 20), (42, 20))
    user.click(35, 25)
    user.click(25, 25, keys="alt")
    assert set(user.objects) == {2, 3}
    assert (user.array == 2).sum() == 200
    assert user.view.selected == {2}
    user.tools.use("merge")
    user.click(47, 25)
    assert (user.array == 2).sum() == 300
    user.click(5, 5)
    assert user.actions == ["Add objects", "Merge objects", "Merge objects"]


def test_cells_that_lie_apart_are_not_merged_by_a_click() -> None:
    user = User("merge")
    user.draw_squares((20, 20), (60, 20), (70, 20))
    user.click(25, 25)
    user.click(65, 25)
    assert set(user.objects) == {1, 2, 3}
    assert user.view.selected == {2}
    user.click(75, 25)
    assert set(user.objects) == {1, 2}


def test_a_click_joins_a_large_object_without_the_window_waiting() -> None:
    user, asked = User("merge"), list[Any]()
    user.draw_squares((20, 20), (30, 20), (60, 20))
    user.tools.context.ahead = lambda *wish: asked.append(wish)
    user.click(25, 25)
    for x in (35, 65):
        user.click(x, 25)
    assert set(user.objects) == {1, 2, 3}
    assert user.view.selected == {1}
    for edit, done in asked:
        done(edit, user.sheet.apply(edit))
    assert set(user.objects) == {1, 3}
    assert user.view.selected == {3}, "what lies apart is only selected"
    user.click(25, 25)
    user.view.selected = frozenset()
    edit, done = asked.pop()
    done(edit, user.sheet.apply(edit))
    assert user.view.selected == frozenset(), "the user has gone on meanwhile"


def test_the_first_click_of_merge_selects() -> None:
    user = User("merge")
    user.draw_squares((20, 20), (30, 20))
    user.click(25, 25)
    assert user.view.selected == {1}
    user.click(35, 25)
    assert set(user.objects) == {1}


def test_delete_relabel_and_pick_by_click() -> None:
    user = User("relabel")
    user.draw_squares((20, 20), (40, 20))
    user.view.class_id = 4
    user.click(25, 25)
    assert user.objects[1].class_id == 4
    user.view.class_id = 1
    user.tools.use("pick")
    user.click(25, 25)
    assert (user.view.current_object, user.view.class_id) == (1, 4)
    user.click(5, 5)
    assert user.view.current_object == NEW_OBJECT
    user.tools.use("delete")
    user.click(25, 25)
    user.click(5, 5)
    assert set(user.objects) == {2}


def test_fill_closes_what_the_brush_outlined() -> None:
    user = User("brush")
    user.drag((20, 20), (50, 20), (50, 50), (20, 50), (20, 20))
    user.tools.use("fill")
    user.click(35, 35)
    assert set(user.objects) == {1}
    assert user.array[35, 35] == 1
    with pytest.raises(UserError):
        user.click(80, 70)
    assert not user.tools.running
    user.send("release", 80, 70)
    user.click(35, 35)
    assert user.actions == ["Brush stroke", "Fill"]


def test_split_along_a_dragged_or_a_clicked_line() -> None:
    user = User("split")
    user.draw_squares((20, 20), (40, 20))
    user.drag((25, 15), (25, 25), (25, 35))
    assert set(user.objects) == {1, 2, 3}
    user.click(45, 15)
    user.hover((45, 25), (45, 35))
    assert user.previews[0].kind == "cut"
    user.click(45, 35)
    assert set(user.objects) == {1, 2, 3, 4}
    assert (user.array > 0).sum() == 200


def test_split_prefers_the_selected_object_and_needs_one_under_the_line() -> None:
    user = User("split")
    user.draw_squares((20, 20), (20, 30))
    user.view.selected = frozenset({2})
    user.drag((25, 15), (25, 45))
    assert (user.array[20:30] == 1).sum() == 100
    assert (user.array[30:40] == 2).sum() < 100
    user.drag((80, 10), (80, 60))
    assert len(user.actions) == 2
