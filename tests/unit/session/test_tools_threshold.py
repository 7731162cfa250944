"""Objects in a drawn region by a threshold, proposed while the settings move."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tool_user import SHAPE, User

from segstudio.core.tiles import Window
from segstudio.labels.mask_edit import AddObjects
from segstudio.labels.restore_points import restore_point_of
from segstudio.labels.thresholding import Threshold, objects_by_threshold

Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
DISCS = [np.hypot(X - x, Y - y) <= 6 for x, y in ((20, 20), (50, 20), (20, 50), (85, 65))]
SPECK = np.hypot(X - 50, Y - 50) <= 2
CELLS = np.logical_or.reduce(DISCS)
IMAGE = np.random.default_rng(0).normal(np.where(CELLS | SPECK, 120, 60), 4).astype(np.float32)
REGION = [(5, 5), (65, 5), (65, 65), (5, 65)]


class Thresholder(User):
    """Somebody with a threshold, whose image is read at once."""

    def __init__(self, image: np.ndarray = IMAGE) -> None:
        super().__init__("threshold")

        def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
            take(work(image[window.slices]))

        self.tools.context.look = look

    def change(self, **settings: object) -> None:
        self.view.threshold = replace(self.view.threshold, **settings)  # type: ignore[arg-type]
        self.send("setting", button="none")


@pytest.mark.parametrize("image", [IMAGE, 200 - IMAGE, np.dstack([IMAGE, IMAGE, IMAGE * 0])])
def test_what_stands_out_in_the_region_becomes_objects_in_one_step(image: np.ndarray) -> None:
    user = Thresholder(image)
    user.drag(*REGION)
    assert [preview.kind for preview in user.previews] == ["proposal"] * 3
    assert user.told == ["3 objects. Enter or a click takes what is proposed; Esc refuses it."]
    assert user.actions == []
    user.key("Enter")
    assert user.actions == ["Threshold"]
    wanted = np.logical_or.reduce(DISCS[:3])
    assert np.count_nonzero((user.array > 0) != wanted) < 0.25 * np.count_nonzero(wanted)
    assert len({int(user.array[y, x]) for x, y in ((20, 20), (50, 20), (20, 50))}) == 3
    user.sheet.history.undo(user.sheet.planes)
    assert not user.array.any()


def test_the_proposal_follows_the_settings() -> None:
    user = Thresholder()
    user.drag(*REGION)
    user.change(smallest=5)
    assert len(user.previews) == 4
    user.change(smallest=5000)
    assert user.previews == ()
    assert user.told[-1] == "No objects: move the threshold."
    user.change(smallest=30, objects="dark")
    user.key("Enter")
    assert user.array[35, 35]
    assert not user.array[20, 20]


def test_a_local_threshold_finds_cells_on_uneven_ground() -> None:
    sloping = IMAGE + 4 * X
    inside = np.ones(SHAPE, np.bool_)
    found = objects_by_threshold(sloping, inside, Threshold("local"))
    assert found[CELLS].astype(bool).mean() > 0.8
    assert found[~CELLS].astype(bool).mean() < 0.1
    assert objects_by_threshold(sloping, inside, Threshold("otsu", "bright"))[~CELLS].astype(bool).mean() > 0.2


def test_crowded_cells_are_still_told_from_the_ground() -> None:
    crowd = (X % 20 < 13) & (Y % 20 < 14)  # more of the edge is cell than ground
    found = objects_by_threshold(np.where(crowd, 100, 10), np.ones(SHAPE, np.bool_), Threshold())
    assert found.max() == 20
    np.testing.assert_array_equal(found > 0, crowd)


def test_escape_refuses_and_neighbours_stay() -> None:
    user = Thresholder()
    user.drag(*REGION)
    user.key("Escape")
    assert (user.actions, user.tools.running) == ([], False)
    user.draw_squares((15, 15))
    user.drag(*REGION)
    user.click(50, 20)
    assert (user.array == 1).sum() == 100
    assert user.actions == ["Add objects", "Threshold"]


def test_touching_cells_are_split_when_asked_for() -> None:
    two = (np.hypot(X - 40, Y - 40) <= 9) | (np.hypot(X - 55, Y - 40) <= 9)
    inside = np.ones(SHAPE, np.bool_)
    assert objects_by_threshold(two * 100.0, inside, Threshold()).max() == 1
    found = objects_by_threshold(two * 100.0, inside, Threshold(split=True))
    assert found.max() == 2
    assert found[40, 36] != found[40, 59]


def test_nothing_to_see_gives_no_objects() -> None:
    inside = np.ones(SHAPE, np.bool_)
    for pixels in (np.zeros(SHAPE), np.full(SHAPE, np.nan)):
        assert not objects_by_threshold(pixels, inside, Threshold()).any()


def test_a_state_is_kept_before_many_objects_come() -> None:
    numbered = np.arange(1, 31, dtype=np.int32)[None]
    edit = AddObjects(numbered, Window(0, 0, 1, 30), name="Threshold")
    assert restore_point_of(edit, set(range(100, 200)))
