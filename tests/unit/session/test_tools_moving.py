"""Objects selected by a lasso, moved, copied, cut and merged by a line."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tool_user import SHAPE, Sheet, User

from segstudio.core.errors import UserError
from segstudio.labels.edits import Polygon, Relabel
from segstudio.labels.history import Planes
from segstudio.labels.moving import MoveObjects
from segstudio.labels.objects import ObjectInfo
from segstudio.session.object_clipboard import ObjectClipboard


def three(tool: str) -> User:
    user = User(tool)
    user.draw_squares((10, 10), (30, 10), (70, 60))
    return user


def test_a_lasso_selects_what_it_goes_around_and_shift_adds() -> None:
    user = three("lasso")
    user.drag((5, 5), (45, 5), (45, 25), (5, 25))
    assert (user.view.selected, user.told) == ({1, 2}, ["2 objects selected."])
    user.drag((60, 55), (95, 55), (95, 75), keys="shift")
    assert user.view.selected == {1, 2, 3}
    user.drag((50, 30), (60, 30), (60, 40))
    assert user.view.selected == frozenset()
    assert user.actions == ["Add objects"]


def test_a_drag_moves_all_selected_objects_by_whole_pixels() -> None:
    user = three("move")
    before = user.array
    user.view.selected = frozenset({1, 2})
    user.send("press", 15.4, 15.4)
    user.send("move", 20.6, 35.3)
    assert len(user.previews) == 2
    assert user.previews[0].points.min(axis=0).tolist() == [15.5, 30.5]
    user.send("release", 20.6, 35.3)
    assert user.actions[-1] == "Move objects"
    moved = np.zeros_like(before)
    moved[30:40, 15:25], moved[30:40, 35:45] = 1, 2
    np.testing.assert_array_equal(np.where(before == 3, 0, user.array), moved)
    user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)


def test_moving_selects_what_is_dragged_stays_in_the_image_and_escape_gives_up() -> None:
    user = three("move")
    user.drag((75, 65), (40, 200))
    assert user.view.selected == {3}
    assert (user.array[70:, 35:45] == 3).all()
    count = len(user.actions)
    user.send("press", 15, 15)
    user.send("move", 50, 50)
    user.key("Escape")
    user.drag((50, 50), (60, 60))
    user.click(15, 15)
    assert len(user.actions) == count


def test_what_is_moved_over_others_is_cut_and_never_lost() -> None:
    user = three("move")
    user.drag((15, 15), (30, 15))
    assert ((user.array == 1).sum(), (user.array == 2).sum()) == (50, 100)
    user.sheet.history.undo(user.sheet.planes)
    before = user.array
    with pytest.raises(UserError, match="wholly on others"):
        user.sheet.apply(MoveObjects((1,), 0, 20))
    np.testing.assert_array_equal(user.array, before)
    user.sheet.apply(MoveObjects((1,), 0, 15, protect=False))
    assert ((user.array == 1).sum(), (user.array == 2).sum()) == (100, 50)


def test_a_region_is_cut_from_the_selected_object_or_from_that_with_most_in_it() -> None:
    region = [(15, 5), (35, 5), (35, 25), (15, 25)]
    user = three("cut_away")
    user.view.selected = frozenset({2})
    user.drag(*region)
    assert ((user.array == 1).sum(), (user.array == 2).sum()) == (100, 50)
    user = three("cut_away")
    user.drag((13, 5), (35, 5), (35, 25), (13, 25))
    assert ((user.array == 1).sum(), (user.array == 2).sum(), user.actions[-1]) == (30, 100, "Cut away")
    user.drag((50, 30), (60, 30), (60, 40))
    assert user.actions[-1] == "Cut away"


def test_a_line_merges_all_that_it_crosses_and_the_selected_one_stays() -> None:
    user = three("merge")
    user.drag((15, 15), (35, 15), (75, 65))
    assert (set(user.objects), user.view.selected) == ({1}, {1})
    assert user.actions[-1] == "Merge objects"
    user = three("merge")
    user.view.selected = frozenset({2})
    user.drag((12, 15), (38, 15))
    assert set(user.objects) == {2, 3}
    user.drag((50, 50), (60, 50))
    user.send("press", 15, 15)
    user.send("move", 75, 65)
    user.key("Escape")
    assert len(user.actions) == 2


class Clipboard:
    """A clipboard between sheets, without threads."""

    def __init__(self, user: User) -> None:
        def apply(document: Any, wish: Any) -> bool:
            edit = wish.edit()
            wish.done(edit, document.apply(edit))
            return True

        project = SimpleNamespace(classes=SimpleNamespace(ids=(1, 2)))
        self.session: Any = SimpleNamespace(
            document=user.sheet, view=user.view, project=project, ahead=SimpleNamespace(apply=apply)
        )
        self.board = ObjectClipboard(self.session)


def test_copies_go_to_the_same_place_in_another_image_and_beside_in_the_same() -> None:
    user = three("select")
    user.sheet.apply(Relabel((2,), 7))
    desk = Clipboard(user)
    assert not desk.board.filled
    user.view.selected, user.view.class_id = frozenset({1, 2}), 2
    assert desk.board.copy() == 2
    user.sheet.apply(Polygon([(0, 0), (50, 0), (50, 50), (0, 50)], 0, protect=False))  # what was copied stays
    before = user.array
    assert desk.board.paste()
    assert user.view.selected == {4, 5}
    assert user.array[15, 15] == 4
    assert user.objects[5] == ObjectInfo(class_id=2)  # nobody knows class 7 here
    assert desk.board.paste()
    assert user.view.selected == {6, 7}
    assert (user.array == 6).sum() == 100
    for _ in range(2):
        user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    desk.session.document = other = Sheet(Planes.empty((30, 36)))
    assert desk.board.paste()
    labels = other.planes.labels.to_array()
    assert {(labels == 1).sum(), (labels == 2).sum()} == {100}
    desk.session.document = Sheet(Planes.empty((9, SHAPE[1])))
    with pytest.raises(UserError, match="further than this image"):
        desk.board.paste()
