"""A whole image cleaned up, shown before it is done."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tool_user import User

from segstudio.labels.clean_up import CleanUp, Found, areas
from segstudio.labels.edits import Polygon
from segstudio.session.background import Background
from segstudio.session.clean_up_preview import CleanUpPreview


def messy() -> User:
    """Return a sheet with a square (1), one with a hole (2), a speck (3) and one at the edge (4)."""
    user = User("select")
    user.draw_squares((10, 10), (30, 10))
    for ring, number in (
        ([(33, 13), (36, 13), (36, 16), (33, 16)], 0),
        ([(60, 60), (63, 60), (63, 63), (60, 63)], None),
        ([(90, 20), (100, 20), (100, 30), (90, 30)], None),
    ):
        user.sheet.apply(Polygon(ring, number, protect=False))
    return user


def test_small_ones_and_those_at_the_edge_go_and_holes_are_filled_in_one_step() -> None:
    user = messy()
    before = user.array
    assert areas(user.sheet.planes.labels) == {1: 100, 2: 91, 3: 9, 4: 100}
    edit = CleanUp(smallest=10, at_border=True, holes=True)
    user.sheet.apply(edit)
    assert (edit.found.small, edit.found.at_border, edit.found.with_holes) == ({3}, {4}, {2})
    assert edit.removed == (3, 4)
    assert set(user.objects) == {1, 2}
    assert areas(user.sheet.planes.labels) == {1: 100, 2: 100}
    after = user.array
    assert user.actions[-1] == "Clean up"
    user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    user.sheet.history.redo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, after)


def test_what_is_not_asked_for_stays() -> None:
    user = messy()
    before = user.array
    assert user.sheet.apply(CleanUp()) is None
    user.sheet.apply(CleanUp(smallest=10))
    np.testing.assert_array_equal(user.array != before, before == 3)


def test_what_cannot_be_done_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.labels.shape_edits.LARGEST", 50)
    user = messy()
    document = SimpleNamespace(stack=user.sheet.planes, plane=0)
    session: Any = SimpleNamespace(document=document, view=user.view, background=Background())
    preview, told = CleanUpPreview(session), list[str]()
    preview.failed.connect(told.append)
    preview.ask(CleanUp(holes=True))
    assert told[0].startswith("Object 1 reaches over 10 × 10 pixels")


def test_a_preview_selects_what_would_change_and_changes_nothing() -> None:
    user = messy()
    before = user.array
    document = SimpleNamespace(stack=user.sheet.planes, plane=0)
    session: Any = SimpleNamespace(document=document, view=user.view, background=Background())
    preview, told = CleanUpPreview(session), list[Found | None]()
    preview.changed.connect(told.append)
    preview.ask(CleanUp(smallest=10, holes=True))
    assert user.view.selected == {2, 3}
    np.testing.assert_array_equal(user.array, before)
    assert told[0] is None
    assert told[1] is not None
    preview.ask(CleanUp())
    assert user.view.selected == frozenset()
    user.view.selected = frozenset({1})
    preview.end()
    assert user.view.selected == {1}
