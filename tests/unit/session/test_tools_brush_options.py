"""Square brushes, pens, and brushes that paint only what is like the start."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import SHAPE, User

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.raster import segment
from segstudio.session.tools import PointerEvent

PLACE = st.tuples(st.floats(-5, 105), st.floats(-5, 85))


def covered(start: tuple[float, float], end: tuple[float, float], diameter: float, *, square: bool) -> np.ndarray:
    out = np.zeros(SHAPE, np.bool_)
    for window, mask in segment(start, end, diameter, square=square):
        part = window.clip(SHAPE)
        if not part.empty:
            out[part.slices] |= mask[part.shift(-window.y0, -window.x0).slices]
    return out


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("at", [(20.0, 30.0), (20.5, 30.5), (20.2, 30.9)])
def test_a_square_brush_covers_exactly_its_size(size: int, at: tuple[float, float]) -> None:
    user = User("brush")
    user.view.brush_diameter, user.view.brush_square = float(size), True
    user.click(*at)
    rows, columns = np.flatnonzero(user.array.any(axis=1)), np.flatnonzero(user.array.any(axis=0))
    assert (len(rows), len(columns), user.array.sum()) == (size, size, size * size)
    assert abs(rows.mean() + 0.5 - at[1]) <= 0.5
    assert abs(columns.mean() + 0.5 - at[0]) <= 0.5


@settings(max_examples=25, deadline=None)
@given(PLACE, PLACE, st.floats(1, 30), st.booleans())
def test_a_fast_stroke_covers_all_between_its_points(
    start: tuple[float, float], end: tuple[float, float], diameter: float, square: bool
) -> None:
    found = covered(start, end, diameter, square=square)
    steps = int(np.hypot(*np.subtract(end, start)) * 4) + 2
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    inside = np.zeros(SHAPE, np.bool_)
    for share in np.linspace(0, 1, steps):
        dx, dy = (np.abs(axis - (a + share * (b - a))) for axis, a, b in zip((x, y), start, end, strict=True))
        inside |= (np.maximum(dx, dy) if square else np.hypot(dx, dy)) <= diameter / 2 - 1e-4
    assert not (inside & ~found).any()
    assert np.count_nonzero(found & ~inside) <= 0.6 * steps + 12


def test_the_pressure_of_a_pen_changes_the_size_unless_switched_off() -> None:
    sizes = []
    for pressure, used in ((1.0, True), (0.5, True), (0.0, True), (0.0, False)):
        user = User("brush")
        user.view.brush_diameter, user.view.pen_pressure = 20.0, used
        for kind in ("press", "release"):
            user.tools.handle(PointerEvent(kind, 50, 40, pressure=pressure))  # type: ignore[arg-type]
        sizes.append(int(user.array.sum()))
    assert sizes[0] == sizes[3] > 2 * sizes[1] > 4 * sizes[2] > 0


@pytest.mark.parametrize("tool", ["select", "brush", "polygon"])
def test_the_eraser_end_erases_with_every_tool(tool: str) -> None:
    user = User(tool)
    user.draw_squares((45, 35))
    for kind in ("press", "release"):
        user.tools.handle(PointerEvent(kind, 50, 40, eraser=True))  # type: ignore[arg-type]
    assert 0 < (user.array == 1).sum() < 100
    assert user.actions[-1] == "Erase"


class Choosy(User):
    """Somebody whose brush paints only what is like the start; the image is read when they say so."""

    def __init__(self) -> None:
        super().__init__("brush")
        self.view.brush_like, self.view.brush_diameter = True, 12.0
        self.waiting: list[Callable[[], object]] = []
        image = np.where(np.arange(SHAPE[1]) < 50, 40, 200) * np.ones((SHAPE[0], 1))

        def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
            self.waiting.append(lambda: take(work(image[window.slices])))

        self.tools.context.look = look

    def read(self) -> None:
        self.waiting.pop()()
        self.send("ready", button="none")


def test_only_what_is_like_the_start_is_painted_also_when_it_is_read_late() -> None:
    painted = []
    for late in (False, True):
        user = Choosy()
        user.send("press", 45, 30)
        if not late:
            user.read()
        user.send("move", 48, 40)
        user.send("release", 52, 50)
        if late:
            assert user.actions == []
            user.read()
        assert user.actions == ["Brush stroke"]
        assert not user.array[:, 50:].any()
        assert user.array[40, 47] == 1
        painted.append(user.array)
    np.testing.assert_array_equal(*painted)
    user.view.brush_tolerance = 1.0
    user.send("press", 49, 10)
    user.read()
    user.send("release", 49, 10)
    assert user.array[10, 52]


def test_a_stroke_that_begins_before_another_object_is_there_keeps_to_its_own() -> None:
    user = Choosy()
    user.send("press", 45, 30)
    user.draw_squares((5, 60))  # as by an edit that was still being worked out
    user.read()
    user.send("release", 45, 35)
    assert set(user.objects) == {1, 2}
    assert (user.array == 1).sum() == 100


def test_who_takes_another_tool_before_it_is_read_is_told() -> None:
    user = Choosy()
    user.drag((45, 30), (48, 40))
    user.tools.use("erase")
    assert user.told == ["This stroke was not painted: the image was still being read."]


def test_escape_before_it_is_read_and_beside_the_image_paint_nothing() -> None:
    user = Choosy()
    user.send("press", 45, 30)
    user.key("Escape")
    user.click(-3, 30)
    user.send("press", 45, 30)
    user.sheet.planes = Planes.empty(SHAPE)
    user.read()
    assert (user.actions, user.tools.running) == ([], False)
