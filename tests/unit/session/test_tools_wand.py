"""The magic wand: an object of what is of similar intensity around a click."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import SHAPE, User

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.mask_edit import AddMask
from segstudio.labels.similar import unlikeness
from segstudio.session.tools.proposed import MOST_RINGS
from segstudio.session.tools.wand import REACH

Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
BRIGHT, HALO = np.hypot(X - 40, Y - 40) <= 10, np.hypot(X - 40, Y - 40) <= 20
IMAGE = np.where(BRIGHT, 200, np.where(HALO, 60, 0)).astype(np.uint16)


class Wand(User):
    """Somebody with a wand, whose image is read when they say so."""

    def __init__(self, image: np.ndarray, *, slow: bool = False) -> None:
        super().__init__("wand")
        self.waiting: list[Callable[[], object]] = []

        def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
            self.waiting.append(lambda: take(work(image[window.slices])))
            if not slow:
                self.waiting.pop()()

        self.tools.context.look = look

    def read(self) -> None:
        self.waiting.pop()()
        self.send("ready", button="none")


def near(found: np.ndarray, wanted: np.ndarray) -> bool:
    return np.count_nonzero(found != wanted) < 0.15 * np.count_nonzero(wanted)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_click_takes_the_cell_and_a_drag_its_halo_as_well(channels: int) -> None:
    user = Wand(IMAGE if channels == 1 else np.dstack([IMAGE * 0, IMAGE, IMAGE * 0]))
    user.click(40, 40)
    assert near(user.array == 1, BRIGHT)
    assert (user.view.selected, user.view.current_object, user.actions) == ({1}, 1, ["Magic wand"])
    user.sheet.history.undo(user.sheet.planes)
    assert not user.array.any()
    user.send("press", 40, 40)
    (first,) = user.previews
    user.send("move", 70, 40)
    assert user.previews[0].closed
    assert np.ptp(user.previews[0].points[:, 0]) > 1.5 * np.ptp(first.points[:, 0])
    user.send("release", 70, 40)
    assert near(user.array > 0, HALO)
    user = Wand(np.where(BRIGHT, 200, np.hypot(X - 40, Y - 40) * 4))
    user.drag((70, 40), (45, 40))
    assert 0 < user.array.sum() < 1000


def test_of_all_areas_the_one_with_the_sharpest_outline_is_taken() -> None:
    dome = np.where(BRIGHT, 250 - np.hypot(X - 40, Y - 40) * 8, 20 - Y / 10)
    user = Wand(dome)
    user.click(40, 40)
    assert near(user.array == 1, BRIGHT)


def test_a_large_area_is_written_on_a_thread_and_taken_in_hand_then() -> None:
    user, later = Wand(np.zeros(SHAPE, np.uint8)), list[Callable[[], object]]()

    def ahead(edit: Any, done: Callable[[Any, Any], object]) -> None:
        assert not getattr(edit, "slow", False)
        later.append(lambda: done(edit, user.sheet.apply(edit)))

    user.tools.context.ahead = ahead
    user.click(40, 40)
    assert (user.actions, user.view.selected) == ([], frozenset())
    later.pop()()
    assert (user.actions, user.view.selected, user.view.current_object) == (["Magic wand"], {1}, 1)
    many = np.ones((200, 200), np.bool_)
    assert AddMask(many, Window(0, 0, 200, 200)).slow


def test_holes_of_a_cell_are_filled_but_cells_are_no_holes_of_the_ground() -> None:
    speck = np.hypot(X - 42, Y - 42) <= 3
    user = Wand(np.where(BRIGHT & ~speck, 200, 0))
    user.click(35, 35)
    assert near(user.array == 1, BRIGHT)
    user = Wand(np.where(BRIGHT, 200, 0))
    user.send("press", 90, 10)
    assert len(user.previews) == 2
    user.send("release", 90, 10)
    assert near(user.array == 1, ~BRIGHT)
    assert not user.array[40, 40]


def test_who_lets_go_before_the_image_is_read_has_the_object_then() -> None:
    user = Wand(IMAGE, slow=True)
    user.click(40, 40)
    assert user.tools.running
    assert user.previews == ()
    user.hover((90, 70))
    user.read()
    assert not user.tools.running
    assert near(user.array == 1, BRIGHT)


CELLS = np.logical_or.reduce([np.hypot(X - x, Y - y) <= 6 for x, y in ((20, 20), (50, 20), (80, 20))]) * 200


def test_clicks_on_other_cells_while_the_image_is_read_are_all_kept() -> None:
    user = Wand(CELLS, slow=True)
    user.click(20, 20)
    user.hover((40, 20))
    user.click(50, 20)
    user.send("double", 80, 20)
    user.send("release", 80, 20)
    for count in (1, 2, 3):
        assert user.tools.running
        user.read()
        assert user.actions == ["Magic wand"] * count
    assert not user.tools.running
    assert {int(user.array[20, x]) for x in (20, 50, 80)} == {1, 2, 3}
    assert near(user.array > 0, CELLS > 0)


def test_what_is_done_with_another_button_while_the_image_is_read_is_done_after_it() -> None:
    user = Wand(CELLS, slow=True)
    user.draw_squares((75, 15))
    user.click(20, 20)
    user.click(80, 20, keys="ctrl")
    user.read()
    assert user.actions == ["Add objects", "Magic wand", "Delete object"]


def test_clicks_that_are_given_up_with_the_tool_are_told() -> None:
    user = Wand(CELLS, slow=True)
    user.click(20, 20)
    user.click(50, 20)
    user.tools.use("select")
    assert user.told == ["2 clicks were given up: the area was not found yet."]
    user.tools.use("wand")
    user.click(20, 20)
    user.click(50, 20)
    user.key("Escape")
    assert (user.tools.running, len(user.told)) == (False, 1)


def test_escape_gives_up_and_beside_the_image_nothing_begins() -> None:
    user = Wand(IMAGE)
    user.send("press", 40, 40)
    user.key("Escape")
    user.click(-5, 40)
    assert (user.actions, user.tools.running) == ([], False)


def test_an_area_is_not_drawn_on_another_plane_than_it_was_seen_on() -> None:
    user = Wand(IMAGE, slow=True)
    user.click(40, 40)
    user.sheet.planes = Planes.empty(SHAPE)
    user.read()
    assert (user.actions, user.tools.running) == ([], False)


def test_neighbours_are_protected_and_shift_takes_from_them() -> None:
    user = Wand(IMAGE)
    user.draw_squares((40, 35))
    user.click(35, 40)
    assert (user.array == 1).sum() == 100
    assert (user.array == 2).sum() > 100
    user.click(45, 40)
    assert user.told == ["Object 1 is protected. Press L and click to take it in hand, or hold Shift to change it."]
    assert set(user.objects) == {1, 2}
    user.click(45, 40, keys="shift")
    assert near(user.array == 3, BRIGHT)


def test_an_area_without_an_end_is_cut_off_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert REACH > 200
    monkeypatch.setattr("segstudio.session.tools.wand.REACH", 20)
    user = Wand(np.zeros(SHAPE, np.uint8))
    user.click(50, 40)
    assert user.array.sum() == 41 * 41
    assert user.told == ["The area goes on: only what is less than 20 pixels away was taken."]


def test_of_noise_only_the_longest_lines_are_shown() -> None:
    user = Wand(np.random.default_rng(1).normal(100, 30, SHAPE).astype(np.float32))
    user.send("press", 50, 40)
    assert 0 < len(user.previews) <= MOST_RINGS
    user.send("move", 55, 40)
    longest = [len(preview.points) for preview in user.previews]
    assert longest == sorted(longest, reverse=True)


def test_what_is_no_number_is_like_nothing() -> None:
    image = np.full((40, 40), np.nan, np.float32)
    image[:, :20] = np.arange(20)
    found = unlikeness(image, 20, 5)
    assert found[20, 5] == 0
    assert np.isinf(found[20, 30])
    assert np.isinf(unlikeness(image, 20, 30)).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**16), st.floats(0, 99), st.floats(0, 79), st.floats(0, 60), st.booleans())
def test_undo_of_the_wand_gives_the_exact_pixels_back(seed: int, x: float, y: float, far: float, protect: bool) -> None:
    user = Wand(np.random.default_rng(seed).normal(IMAGE, 20).astype(np.float32))
    user.draw_squares((20, 20), (50, 50))
    user.view.protect = protect
    before, objects = user.array, user.objects
    user.drag((x, y), (x + far, y))
    if protect:
        np.testing.assert_array_equal(user.array[before > 0], before[before > 0])
    if len(user.actions) > 1:
        user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    assert user.objects == objects
