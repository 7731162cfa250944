"""Tools that paint, and what all tools have in common."""

import numpy as np
import pytest
from tool_user import User

from segstudio.core.errors import WrongUsage
from segstudio.labels.objects import ObjectInfo
from segstudio.session import tools


def test_every_tool_can_be_made_and_unknown_ones_are_named() -> None:
    names = {"brush", "erase", "encircle", "polygon", "fill", "pick", "delete", "merge", "split", "relabel"}
    names |= {"rectangle", "ellipse", "oriented_rectangle", "wand", "delete_region", "outline_in_box", "threshold"}
    names |= {"lasso", "move", "cut_away", "edit_outline", "ruler"}
    assert set(tools.base.registry.names()) == names | {"region", "select"}
    assert tools.base.registry.broken() == {}
    for name in names:
        assert tools.create(name).id == name
    with pytest.raises(WrongUsage, match="no tool called 'trowel'"):
        tools.create("trowel")


def test_a_stroke_starts_an_object_and_the_next_one_continues_it() -> None:
    user = User("brush")
    user.view.class_id = 3
    user.drag((10, 10), (30, 10))
    assert user.objects == {1: ObjectInfo(class_id=3)}
    assert (user.view.current_object, user.view.selected) == (1, {1})
    user.drag((60, 40), (70, 40))
    assert set(user.objects) == {1}
    user.view.new_object()
    user.drag((60, 60), (70, 60))
    assert set(user.objects) == {1, 2}
    assert user.actions == ["Brush stroke"] * 3


def test_painting_is_live_and_one_undo_takes_the_stroke_back() -> None:
    user = User("brush")
    user.send("press", 10, 10)
    assert user.array[10, 10] == 1
    user.send("move", 40, 10)
    assert user.array[10, 40] == 1
    assert user.tools.running
    user.send("release", 40, 10)
    user.sheet.history.undo(user.sheet.planes)
    assert not user.array.any()
    assert not user.objects


def test_escape_and_changing_the_tool_take_an_unfinished_stroke_back() -> None:
    user = User("brush")
    for end in (lambda: user.key("Escape"), lambda: user.tools.use("erase"), user.tools.cancel):
        user.tools.use("brush")
        user.send("press", 10, 10)
        user.send("move", 30, 30)
        end()
        assert not user.array.any()
        assert not user.objects
        assert not user.tools.running
    assert user.actions == []


def test_painting_from_inside_an_object_continues_that_object() -> None:
    user = User("brush")
    user.draw_squares((20, 20))
    user.drag((25, 25), (50, 25))
    assert set(user.objects) == {1}
    assert user.array[25, 49] == 1


def test_a_new_object_begins_also_on_another_one_and_leaves_it() -> None:
    user = User("brush")
    user.draw_squares((20, 20))
    user.view.new_object()
    user.drag((27, 25), (50, 25))
    assert set(user.objects) == {1, 2}
    assert (user.array == 1).sum() == 100
    assert user.array[25, 49] == 2
    assert user.told == ["Object 1 is protected. Press L and click to take it in hand, or hold Shift to change it."]
    user.tools.use("pick")
    user.click(80, 70)
    user.tools.use("brush")
    user.drag((27, 25), (27, 60))
    assert set(user.objects) == {1, 2, 3}
    user.view.let_go()
    user.drag((25, 25), (5, 25))
    assert set(user.objects) == {1, 2, 3}
    assert user.array[25, 6] == 1


def test_neighbours_are_protected_and_shift_inverts_it() -> None:
    user = User("brush")
    user.draw_squares((20, 20), (30, 20))
    user.view.current_object = 1
    user.drag((25, 25), (39, 25))
    assert (user.array == 2).sum() == 100
    user.drag((25, 25), (39, 25), keys="shift")
    assert (user.array == 2).sum() < 100
    user.view.protect = False
    user.view.current_object = 2
    before = (user.array == 1).sum()
    user.drag((39, 25), (21, 25), keys="shift")
    assert (user.array == 1).sum() == before


def test_alt_erases_from_the_current_object_only() -> None:
    user = User("brush")
    user.draw_squares((20, 20), (30, 20))
    user.view.current_object = 1
    user.drag((25, 25), (39, 25), keys="alt")
    assert (user.array == 2).sum() == 100
    assert (user.array == 1).sum() < 100
    assert user.actions[-1] == "Erase"


def test_a_stroke_after_undo_does_not_revive_the_object() -> None:
    user = User("brush")
    user.drag((10, 10), (30, 10))
    user.sheet.history.undo(user.sheet.planes)
    user.drag((10, 10), (30, 10))
    assert set(user.objects) == {2}


@pytest.mark.parametrize("tool", ["brush", "fill"])
def test_beginning_on_a_protected_neighbour_says_so(tool: str) -> None:
    user = User(tool)
    user.draw_squares((10, 10), (30, 10))
    user.view.current_object = 1
    user.drag((35, 15), (36, 15))
    assert np.count_nonzero(user.array == 2) == 100
    assert len(user.told) == 1
    assert "Object 2 is protected." in user.told[0]
    assert "hold Shift" in user.told[0]


def test_nothing_is_said_of_protection_where_the_stroke_changes_what_is_under_it() -> None:
    user = User("brush")
    user.draw_squares((10, 10), (30, 10))
    user.view.current_object = 1
    user.drag((35, 15), (36, 15), keys="shift")
    user.drag((15, 15), (16, 15))
    user.drag((60, 60), (62, 60))
    assert user.told == []
    user.view.protect = False
    user.drag((31, 11), (32, 11), keys="shift")
    assert "let Shift go" in user.told[0]


def test_painting_only_over_protected_neighbours_leaves_nothing_behind() -> None:
    user = User("brush")
    user.draw_squares((20, 20))
    user.view.brush_diameter = 3
    user.drag((18, 15), (18, 16))
    user.drag((25, 25), (26, 25))
    assert set(user.objects) == {1, 2}
    assert user.actions == ["Add objects", "Brush stroke"]


def test_the_eraser_clears_all_and_with_shift_one() -> None:
    user = User("erase")
    user.draw_squares((20, 20), (30, 20))
    user.drag((25, 25), (39, 25), keys="shift")
    assert (user.array == 2).sum() == 100
    user.view.brush_diameter = 60
    user.click(30, 25)
    assert not user.objects


def test_the_region_brush_marks_and_alt_takes_back() -> None:
    user = User("region")
    user.view.region_value = 2
    user.drag((10, 10), (30, 10))
    assert user.sheet.planes.regions.value(10, 20) == 2
    user.drag((10, 10), (30, 10), keys="alt")
    assert not user.sheet.planes.regions.to_array().any()
    assert not user.array.any()


def test_the_middle_button_and_stray_events_do_nothing() -> None:
    user = User("brush")
    user.click(30, 30, button="middle")
    user.send("release", 30, 30)
    user.send("move", 30, 30)
    user.key("Escape")
    assert user.actions == []
    assert not user.tools.has_points
