"""Vertices of an outline dragged, added and removed."""

from dataclasses import replace

import numpy as np
import pytest
from tool_user import User

from segstudio.core.errors import UserError
from segstudio.labels.edits import Edit, Polygon
from segstudio.labels.history import Planes
from segstudio.labels.vertices import Reshape, vertices


def with_square() -> User:
    """Return somebody who has clicked a square from 20 to 40 with a hole from 26 to 30."""
    user = User("edit_outline")
    user.sheet.apply(Polygon([(20, 20), (40, 20), (40, 40), (20, 40)]))
    user.sheet.apply(Polygon([(26, 26), (30, 26), (30, 30), (26, 30)], 0, protect=False))
    user.click(35, 35)
    return user


def test_a_click_shows_the_corners_of_the_object_and_of_its_hole() -> None:
    user = with_square()
    assert user.view.selected == {1}
    assert [preview.kind for preview in user.previews] == ["vertices"] * 2
    assert sorted(map(tuple, user.previews[0].points.tolist())) == [(20, 20), (20, 40), (40, 20), (40, 40)]
    assert user.tools.has_points


def test_a_dragged_vertex_a_new_one_and_a_removed_one_are_one_step() -> None:
    user = with_square()
    before = user.array
    user.drag((40, 40), (50, 45), (60, 60))
    user.drag((30, 20), (30, 10))
    user.send("press", 20, 40, "right")
    user.send("release", 20, 40, "right")
    assert len(user.previews[0].points) == 4
    assert user.actions == ["Outline object"] * 2
    user.key("Enter")
    assert user.actions[-1] == "Edit outline"
    assert (user.array[50, 50], user.array[15, 30], user.array[35, 22], user.array[28, 28]) == (1, 1, 0, 0)
    after = user.array
    user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    user.sheet.history.redo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, after)


def test_where_the_outline_is_not_changed_no_pixel_changes() -> None:
    user = User("edit_outline")
    ragged = np.random.default_rng(3).uniform(14, 20, 60)
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    user.sheet.apply(Polygon(np.column_stack([50 + ragged * np.cos(angles), 40 + ragged * np.sin(angles)])))
    before = user.array
    user.click(50, 40)
    user.key("Enter")
    assert user.actions == ["Outline object"]
    user.click(50, 40)
    right = max(user.previews[0].points.tolist())
    user.drag(tuple(right), (90, 40))
    user.key("Enter")
    np.testing.assert_array_equal(user.array[:, :45], before[:, :45])
    assert user.array[:, 75:].any()


def test_changes_are_taken_back_one_by_one_and_escape_gives_all_up() -> None:
    user = with_square()
    user.drag((40, 40), (60, 60))
    user.drag((20, 20), (10, 10))
    user.key("Backspace")
    user.key("Backspace")
    user.key("Backspace")
    user.key("Enter")
    assert user.actions == ["Outline object"] * 2
    user = with_square()
    user.drag((40, 40), (60, 60))
    user.send("press", 20, 20)
    user.send("move", 5, 5)
    user.key("Escape")
    user.send("release", 5, 5)
    assert user.tools.running
    user.key("Escape")
    assert (user.actions, user.tools.running) == (["Outline object"] * 2, False)


def test_a_press_elsewhere_applies_and_begins_with_the_next_object() -> None:
    user = with_square()
    user.sheet.apply(Polygon([(60, 10), (70, 10), (70, 20), (60, 20)]))
    user.drag((40, 40), (44, 44))
    user.click(65, 15)
    assert (user.actions[-1], user.view.selected) == ("Edit outline", {2})
    assert user.array[41, 41] == 1
    user.click(90, 70)
    assert not user.tools.running


def test_the_last_three_vertices_stay_and_neighbours_are_protected() -> None:
    user = User("edit_outline")
    user.draw_squares((20, 20), (40, 20))
    user.click(25, 25)
    for _ in range(3):
        corner = user.previews[0].points[0].tolist()
        user.click(*corner, keys="alt")
    assert len(user.previews[0].points) == 3
    user.key("Escape")
    user.click(25, 25)
    user.drag((30, 20), (55, 10))
    user.key("Enter")
    assert (user.array == 2).sum() == 100


def test_an_object_is_not_lost_and_another_plane_is_not_drawn_on() -> None:
    user = with_square()
    tiny = [np.array([(0, 0), (0.1, 0), (0.1, 0.1)])]
    with pytest.raises(UserError, match="Nothing would be left"):
        user.sheet.apply(Reshape(1, [np.array([(20, 20), (40, 20), (40, 40), (20, 40)], float)], tiny))
    user.drag((40, 40), (44, 44))
    user.sheet.planes = Planes.empty(user.array.shape)
    user.key("Enter")
    assert not user.array.any()


def test_long_outlines_have_few_vertices() -> None:
    mask = np.random.default_rng(0).random((200, 200)) > 0.3
    assert sum(map(len, vertices(mask, (0, 0)))) < 6 * len(vertices(mask, (0, 0))) + 1
    y, x = np.mgrid[:2000, :2000]
    (ring,) = vertices(np.hypot(x - 1000, y - 1000) < 900 + 40 * np.sin(np.arctan2(y - 1000, x - 1000) * 90), (0, 0))
    assert len(ring) <= 150


def test_a_large_object_is_reshaped_without_the_window_waiting() -> None:
    user, asked = with_square(), list[Edit]()
    user.tools.context.ahead = lambda edit, _done: asked.append(edit)
    user.drag((40, 40), (50, 45))
    user.key("Enter")
    assert user.actions == ["Outline object"] * 2
    (edit,) = asked
    assert isinstance(edit, Reshape)
    assert not edit.slow
    assert replace(edit, after=[ring * 20 for ring in edit.after]).slow
    user.sheet.apply(edit)
    assert user.array[42, 42] == 1
