"""Every tool on the canvas with mouse and keys: what the document holds afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_desk import ALT, CTRL, LEFT, MIDDLE, NONE, RIGHT, SHIFT, Desk
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.labels.edits import Polygon

Key = Qt.Key
TOOLS = (
    "select", "brush", "erase", "encircle", "polygon", "fill", "pick", "split", "merge", "delete", "relabel", "region",
    "rectangle", "ellipse", "oriented_rectangle", "wand", "delete_region", "outline_in_box", "threshold",
    "lasso", "move", "cut_away", "edit_outline",
)  # fmt: skip
SQUARE = [(60, 10), (90, 10), (90, 40), (60, 40)]


class Bench(Desk):
    """A canvas on an image with two objects: ``one`` at x 10..30 and ``two`` at x 30..50, y 10..30."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        super().__init__(qtbot, folder, np.full((96, 128), 100, np.uint8))
        self.canvas.setFocus()
        for x in (10, 30):
            self.document.apply(Polygon(np.array([(x, 10), (x + 20, 10), (x + 20, 30), (x, 30)]), None))
        self.one, self.two = int(self.labels[20, 20]), int(self.labels[20, 40])

    @property
    def regions(self) -> Any:
        return self.document.planes.regions.to_array()

    @property
    def count(self) -> int:
        return len(self.document.planes.objects)

    def key(self, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
        self.qtbot.keyClick(self.canvas, key, held)

    def corners(self) -> None:
        self.view.tool = "polygon"
        for corner in SQUARE:
            self.click(*corner)


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(qtbot, tmp_path)
    yield made
    made.close()


def ring(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 20)
    return [(x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles.tolist()]


@pytest.mark.parametrize("tool", TOOLS)
def test_right_click_encircles_with_every_tool_and_ends_where_it_began(bench: Bench, tool: str) -> None:
    bench.view.tool = tool
    points = ring(90, 60, 12)
    bench.click(*points[0], RIGHT)
    for point in points[1:]:
        bench.move(*point)
    assert bench.count == 3
    assert (bench.labels[40:80, 70:110] > 0).sum() == pytest.approx(np.pi * 12**2, rel=0.15)


@pytest.mark.parametrize("tool", TOOLS)
def test_control_click_deletes_with_every_tool(bench: Bench, tool: str) -> None:
    bench.view.tool = tool
    bench.click(20, 20, held=CTRL)
    assert set(bench.document.planes.objects) == {bench.two}
    bench.document.undo()
    assert bench.labels[20, 20] == bench.one


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool not in ("brush", "erase", "region")])
def test_alt_click_merges_into_the_selected_object(bench: Bench, tool: str) -> None:
    bench.view.tool = tool
    bench.view.selected = frozenset({bench.one})
    bench.click(40, 20, held=ALT)
    assert bench.count == 1
    assert bench.labels[20, 40] == bench.one


def test_split_by_a_drag_and_by_two_clicks(bench: Bench) -> None:
    bench.view.tool = "split"
    bench.drag([(20, 5), (20, 20), (20, 35)])
    assert bench.count == 3
    assert bench.labels[20, 15] != bench.labels[20, 25]
    bench.document.undo()
    bench.click(20, 5)
    bench.move(20, 20)
    bench.move(20, 35)
    bench.click(20, 35)
    assert bench.count == 3
    assert bench.labels[20, 15] != bench.labels[20, 25]


def test_merge_tool_joins_the_second_click_to_the_first(bench: Bench) -> None:
    bench.view.tool = "merge"
    bench.click(20, 20)
    bench.click(40, 20)
    assert bench.count == 1
    assert bench.labels[20, 20] == bench.labels[20, 40] == bench.one


def test_pick_lets_the_brush_go_on_with_an_object(bench: Bench) -> None:
    bench.view.tool, bench.view.brush_diameter = "pick", 6.0
    bench.click(40, 20)
    assert bench.view.selected == {bench.two}
    bench.view.tool = "brush"
    bench.drag([(60, 20), (70, 20)])
    assert bench.labels[20, 65] == bench.two
    assert bench.count == 2


def test_relabel_gives_the_chosen_class(bench: Bench) -> None:
    bench.project.set_classes(bench.project.classes.add("mitotic"))
    bench.view.tool, bench.view.class_id = "relabel", bench.project.classes.ids[-1]
    bench.click(20, 20)
    objects = bench.document.planes.objects
    assert (objects[bench.one].class_id, objects[bench.two].class_id) == (bench.view.class_id, 1)


def test_delete_tool_deletes_what_is_clicked(bench: Bench) -> None:
    bench.view.tool = "delete"
    bench.click(20, 20)
    bench.click(100, 80)
    assert set(bench.document.planes.objects) == {bench.two}


def test_region_brush_states_ignores_and_takes_back(bench: Bench) -> None:
    bench.view.tool, bench.view.brush_diameter = "region", 10.0
    before = bench.labels
    bench.drag([(20, 70), (60, 70)])
    bench.view.region_value = 2
    bench.drag([(80, 70), (100, 70)])
    assert (bench.regions[70, 40], bench.regions[70, 90]) == (1, 2)
    bench.drag([(20, 70), (100, 70)], held=ALT)
    assert not bench.regions.any()
    assert (bench.labels == before).all()


def test_fill_fills_a_ring_that_was_painted(bench: Bench) -> None:
    bench.view.tool, bench.view.brush_diameter = "brush", 5.0
    bench.view.new_object()
    bench.drag(ring(90, 60, 15))
    bench.view.tool = "fill"
    bench.click(90, 60)
    assert bench.labels[60, 90] == bench.labels[60, 75] > 0


def test_brush_leaves_neighbours_alone_unless_shift_is_held(bench: Bench) -> None:
    bench.view.tool, bench.view.brush_diameter = "brush", 8.0
    bench.view.current_object = bench.one
    bench.drag([(25, 20), (45, 20)])
    assert bench.labels[20, 40] == bench.two
    bench.drag([(25, 20), (45, 20)], held=SHIFT)
    assert bench.labels[20, 40] == bench.one


def test_eraser_and_select_with_shift(bench: Bench) -> None:
    bench.view.tool, bench.view.brush_diameter = "erase", 8.0
    bench.drag([(20, 20), (40, 20)], held=SHIFT)
    assert (bench.labels[20, 20], bench.labels[20, 40]) == (0, bench.two)
    bench.view.tool = "select"
    bench.click(40, 15)
    bench.click(15, 12, held=SHIFT)
    assert bench.view.selected == {bench.one, bench.two}
    bench.click(100, 80)
    assert not bench.view.selected


@pytest.mark.parametrize("end", ["first point", "double click", "enter", "space"])
def test_polygon_has_four_endings(bench: Bench, end: str) -> None:
    bench.corners()
    if end == "first point":
        bench.click(*SQUARE[0])
    elif end == "double click":
        bench.click(62, 30)
        bench.qtbot.mouseDClick(bench.canvas.viewport(), LEFT, NONE, bench.screen(62, 30))
    else:
        bench.key(Key.Key_Return if end == "enter" else Key.Key_Space)
    assert bench.count == 3
    assert bench.labels[25, 75] > 0


def test_polygon_drops_points_by_four_ways_and_escape_ends_it(bench: Bench) -> None:
    shortcut = QShortcut("Ctrl+Z", bench.canvas)
    undone: list[int] = []
    shortcut.activated.connect(lambda: undone.append(1))
    bench.corners()
    bench.click(100, 60)
    bench.click(110, 60)
    bench.click(110, 70)
    bench.key(Key.Key_Backspace)
    bench.key(Key.Key_Z, CTRL)
    bench.click(5, 90, RIGHT)
    bench.key(Key.Key_Return)
    assert bench.labels[20, 75] > 0
    assert bench.labels[62, 105] == 0
    assert not undone
    bench.corners()
    bench.key(Key.Key_Escape)
    bench.key(Key.Key_Return)
    assert bench.count == 3


def test_keys_reach_the_window_but_not_in_mid_stroke(bench: Bench) -> None:
    pressed: list[str] = []
    for chord in ("D", "E", "3", "Ctrl+Z", "Delete"):
        QShortcut(chord, bench.canvas).activated.connect(lambda chord=chord: pressed.append(chord))
    bench.view.tool = "brush"
    bench.view.new_object()
    bench.press(70, 70)
    for key in (Key.Key_D, Key.Key_E, Key.Key_3, Key.Key_Delete):
        bench.key(key)
    bench.key(Key.Key_Z, CTRL)
    assert pressed == []
    bench.move(100, 70, LEFT)
    bench.release(100, 70)
    assert bench.labels[70, 90] > 0
    bench.key(Key.Key_D)
    bench.key(Key.Key_Z, CTRL)
    assert pressed == ["D", "Ctrl+Z"]


def test_a_second_button_while_panning_does_nothing(bench: Bench) -> None:
    bench.view.tool = "brush"
    before = bench.labels
    bench.press(70, 70, MIDDLE)
    bench.press(70, 70, LEFT)
    bench.move(80, 70, LEFT)
    bench.release(80, 70, LEFT)
    left = bench.canvas.camera.left
    bench.move(100, 70, MIDDLE)
    assert bench.canvas.camera.left > left
    bench.release(100, 70, MIDDLE)
    assert (bench.labels == before).all()


def test_undo_is_drawn_after_strokes_that_changed_nothing(bench: Bench) -> None:
    def colour() -> str:
        bench.qtbot.waitUntil(bench.canvas.is_idle, timeout=10_000)
        QApplication.processEvents()
        return bench.canvas.grab().toImage().pixelColor(bench.screen(70, 70)).name()

    bench.canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    plain = colour()
    bench.view.tool, bench.view.brush_diameter = "brush", 12.0
    bench.view.new_object()
    bench.drag([(70, 70), (80, 70)])
    bench.drag([(70, 70), (80, 70)])
    bench.press(70, 70)
    bench.key(Key.Key_Escape)
    bench.release(70, 70)
    bench.canvas.leaveEvent(QEvent(QEvent.Type.Leave))
    assert colour() != plain
    bench.document.undo()
    assert colour() == plain


def test_the_wand_reads_the_image_for_its_object(bench: Bench) -> None:
    bench.view.tool = "wand"
    bench.click(100, 60)
    bench.qtbot.waitUntil(lambda: bench.count == 3)
    assert bench.labels[60, 100] not in (0, bench.one, bench.two)
    assert bench.labels[20, 20] == bench.one
    assert bench.document.history.undo_name == "Magic wand"


def test_a_line_around_objects_deletes_them_and_one_undo_brings_them_back(bench: Bench) -> None:
    bench.view.tool = "delete_region"
    bench.drag([(5, 5), (5, 35), (35, 35), (35, 5), (6, 6)])
    bench.qtbot.waitUntil(lambda: bench.count == 0)
    assert not bench.labels.any()
    bench.document.undo()
    assert (bench.labels[20, 20], bench.labels[20, 40]) == (bench.one, bench.two)
