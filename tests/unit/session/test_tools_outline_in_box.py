"""A box around a cell: its outline is proposed, taken or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tool_user import SHAPE, User

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.object_in_box import object_in_box

Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
CELL = ((X - 40) / 12) ** 2 + ((Y - 40) / 8) ** 2 <= 1
IMAGE = np.random.default_rng(1).normal(np.where(CELL, 140, 60), 12).clip(0, 255).astype(np.uint8)
DATA = Path(__file__).parents[4] / "shared" / "data"


class Boxer(User):
    """Somebody with a box, whose image is read when they say so."""

    def __init__(self, image: np.ndarray = IMAGE, *, slow: bool = False) -> None:
        super().__init__("outline_in_box")
        self.waiting: list[Callable[[], object]] = []

        def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
            self.waiting.append(lambda: take(work(image[window.slices])))
            if not slow:
                self.waiting.pop()()

        self.tools.context.look = look

    def box(self) -> None:
        self.drag((26, 30), (40, 40), (54, 50))


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


@pytest.mark.parametrize("image", [IMAGE, 255 - IMAGE, np.dstack([IMAGE * 0, IMAGE]), IMAGE * 1e-3])
def test_the_outline_is_proposed_and_enter_takes_it(image: np.ndarray) -> None:
    user = Boxer(image)
    user.box()
    assert user.previews[0].kind == "proposal"
    assert user.actions == []
    user.key("Enter")
    assert iou(user.array == 1, CELL) > 0.85
    assert (user.view.selected, user.actions, user.tools.running) == ({1}, ["Outline in a box"], False)


def test_a_click_on_it_takes_it_and_a_press_elsewhere_begins_the_next_box() -> None:
    user = Boxer()
    user.box()
    user.click(40, 40)
    assert (set(user.objects), user.tools.running) == ({1}, False)
    user.sheet.history.undo(user.sheet.planes)
    user.box()
    user.send("press", 80, 10)
    assert len(user.objects) == 1
    assert user.previews[0].kind == "shape"
    user.key("Escape")
    assert not user.tools.running


def test_escape_refuses_also_while_it_is_worked_out() -> None:
    user = Boxer()
    user.box()
    user.key("Escape")
    user = Boxer(slow=True)
    user.box()
    assert user.previews[0].kind == "shape"
    user.key("Escape")
    assert (user.actions, user.tools.running) == ([], False)


def test_a_click_proposes_what_the_wand_would_take() -> None:
    user = Boxer(cv2.GaussianBlur(IMAGE, (0, 0), 2))
    user.click(40, 40)
    user.key("Enter")
    assert iou(user.array == 1, CELL) > 0.7


def test_neighbours_are_left_out_of_the_proposal() -> None:
    user = Boxer()
    user.draw_squares((35, 35))
    user.box()
    user.key("Enter")
    assert (user.array == 1).sum() == 100
    assert iou(user.array == 2, CELL & (user.array != 1)) > 0.8


def test_an_object_that_a_model_has_found_is_proposed_where_it_fits() -> None:
    user = Boxer()
    predicted = LabelMap(SHAPE)
    window = Window(32, 29, 47, 53)
    predicted.write(window, np.full(window.shape, 7, np.int32))
    user.tools.context.predicted = predicted.snapshot
    for begin in (user.box, lambda: user.click(40, 40)):
        begin()
        user.key("Enter")
        assert (user.array > 0).sum() == window.height * window.width
        user.sheet.history.undo(user.sheet.planes)
    user.drag((10, 10), (20, 20), (70, 70))  # a much larger box is around something else
    user.key("Enter")
    assert (user.array > 0).sum() != window.height * window.width
    user.sheet.history.undo(user.sheet.planes)
    user.tools.context.predicted = LabelMap(SHAPE).snapshot
    user.box()
    user.key("Enter")
    assert iou(user.array > 0, CELL) > 0.85


def test_nothing_is_drawn_where_it_was_not_seen() -> None:
    user = Boxer(slow=True)
    user.box()
    user.sheet.planes = Planes.empty(SHAPE)
    user.waiting.pop()()
    user.send("ready", button="none")
    user.key("Enter")
    assert (user.actions, user.tools.running) == ([], False)


@pytest.mark.parametrize("box", [Window(5, 5, 6, 30), Window(0, 0, 40, 40), Window(10, 10, 12, 12)])
def test_boxes_in_noise_and_of_the_whole_give_a_piece_inside_of_them(box: Window) -> None:
    for pixels in (np.random.default_rng(2).normal(size=(40, 40)), np.full((40, 40), np.nan)):
        found = object_in_box(pixels, box)
        found[box.slices] = False
        assert not found.any()


@pytest.mark.skipif(not DATA.exists(), reason="needs the shared data")
@pytest.mark.parametrize(("name", "least"), [("nuclei", 0.8), ("membrane", 0.55), ("histology", 0.7)])
def test_on_real_images_most_of_each_object_is_found(name: str, least: float) -> None:
    tifffile = pytest.importorskip("tifffile")
    found = []
    for path in sorted((DATA / name / "val" / "masks").glob("*.tif"))[:4]:
        mask = tifffile.imread(path)
        flags = cv2.IMREAD_UNCHANGED
        image = cv2.imdecode(np.fromfile(path.parents[1] / "images" / f"{path.stem}.png", np.uint8), flags)
        for number in range(2, int(mask.max()), max(1, int(mask.max()) // 6)):
            rows, columns = np.nonzero(mask == number)
            if len(rows) < 60:
                continue
            box = Window(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
            box = box.grow(max(1, max(box.shape) // 12)).clip(mask.shape)
            around = box.grow(max(box.shape) // 3 + 3).clip(mask.shape)
            proposed = object_in_box(image[around.slices], box.shift(-around.y0, -around.x0))
            found.append(iou(proposed, mask[around.slices] == number))
    assert np.median(found) > least
