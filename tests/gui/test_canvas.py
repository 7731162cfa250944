"""The canvas with a real project: what the hand does arrives in the document, what is there arrives on the screen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from factories import discs
from PySide6.QtCore import QEvent, QLocale, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.core.tiles import Window
from segstudio.gui.viewer.box_layer import BoxLayer
from segstudio.gui.viewer.canvas import Canvas
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.labels.edits import Polygon, RegionFill
from segstudio.labels.label_map import LabelMap
from segstudio.project.project import Project
from segstudio.session.session import Session

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
ALT, CTRL, SHIFT = (
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
NONE = Qt.KeyboardModifier.NoModifier


class Desk:
    """A session with one image in front, and a hand."""

    def __init__(self, qtbot: QtBot, folder: Path, image: Any) -> None:
        self.qtbot = qtbot
        path = folder / "cells.tif"
        tifffile.imwrite(path, image, photometric="rgb" if image.ndim == 3 else "minisblack")
        self.project, _ = Project.create(folder / "project", [path])
        self.session = Session()
        self.session.project = self.project
        self.document = self.project.document(self.project.images[0].id)
        self.session.front.document = self.document
        self.view = self.session.view
        self.canvas = Canvas(self.session)
        qtbot.addWidget(self.canvas)
        self.canvas.resize(640, 480)
        self.canvas.show()
        self.canvas.set_document(self.document)
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(self.canvas.is_idle, timeout=10_000)
        QApplication.processEvents()

    def screen(self, x: float, y: float) -> QPoint:
        return QPointF(*self.canvas.camera.to_screen(x, y)).toPoint()

    def colour(self, x: float, y: float) -> QColor:
        self.settle()
        return self.canvas.grab().toImage().pixelColor(self.screen(x, y))

    def press(self, x: float, y: float, button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = NONE) -> None:
        self.qtbot.mousePress(self.canvas.viewport(), button, held, self.screen(x, y))

    def move(self, x: float, y: float, buttons: Qt.MouseButton | None = None, held: Qt.KeyboardModifier = NONE) -> None:
        at = QPointF(self.screen(x, y))
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(QEvent.Type.MouseMove, at, at, none, buttons or none, held)
        QApplication.sendEvent(self.canvas.viewport(), event)

    def release(self, x: float, y: float, button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = NONE) -> None:
        self.qtbot.mouseRelease(self.canvas.viewport(), button, held, self.screen(x, y))

    def click(self, x: float, y: float, button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = NONE) -> None:
        self.press(x, y, button, held)
        self.release(x, y, button, held)

    def drag(
        self, points: list[tuple[float, float]], button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = NONE
    ) -> None:
        self.press(*points[0], button, held)
        for point in points[1:]:
            self.move(*point, button, held)
        self.release(*points[-1], button, held)

    def wheel(self, x: float, y: float, steps: int, held: Qt.KeyboardModifier = NONE) -> None:
        at = QPointF(self.screen(x, y))
        event = QWheelEvent(
            at,
            self.canvas.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120 * steps),
            Qt.MouseButton.NoButton,
            held,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas.viewport(), event)

    @property
    def labels(self) -> Any:
        return self.document.planes.labels.to_array()

    def close(self) -> None:
        self.canvas.close_threads()
        self.document.close()
        self.project.close()
        self.session.close()


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[Any]:
    made: list[Desk] = []

    def make(image: Any) -> Desk:
        made.append(Desk(qtbot, tmp_path, image))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Any) -> Desk:
    result: Desk = desks(np.full((96, 128), 100, np.uint8))
    return result


def circle(x: float, y: float, radius: float, count: int = 24) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, count)
    return [(x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles.tolist()]


def test_right_click_and_circle_makes_one_object_with_any_tool(desk: Desk) -> None:
    for tool, (x, y) in {"select": (30, 40), "brush": (80, 40)}.items():
        desk.view.tool = tool
        points = circle(x, y, 12)
        desk.click(*points[0], RIGHT)
        for point in points[1:-2]:
            desk.move(*point)
        desk.click(*points[-2], RIGHT)
    labels = desk.labels
    assert len(desk.document.planes.objects) == 2
    assert (labels > 0).sum() == pytest.approx(2 * np.pi * 12**2, rel=0.1)
    assert labels[40, 30] != labels[40, 80]
    assert len(desk.document.history.entries()) == 2


def test_brush_paints_and_alt_erases(desk: Desk) -> None:
    desk.view.tool, desk.view.brush_diameter = "brush", 8.0
    desk.drag([(20, 30), (40, 30), (60, 30)])
    assert (desk.labels[30, 20:60] > 0).all()
    assert desk.labels[40, 40] == 0
    desk.drag([(35, 30), (45, 30)], held=ALT)
    assert desk.labels[30, 40] == 0
    assert desk.labels[30, 22] > 0


def test_stroke_is_on_the_screen_at_once_and_gone_after_undo(desk: Desk) -> None:
    before = desk.colour(40, 30)
    desk.view.tool, desk.view.brush_diameter = "brush", 10.0
    desk.press(20, 30)
    desk.move(40, 30, LEFT)
    desk.move(70, 30, LEFT)
    desk.canvas.leaveEvent(None)  # type: ignore[arg-type]
    assert desk.colour(40, 30) != before
    desk.release(70, 30)
    painted = desk.colour(40, 30)
    assert painted != before
    desk.document.undo()
    assert desk.colour(40, 30) == before
    desk.document.redo()
    assert desk.colour(40, 30) == painted


def test_polygon_ends_with_enter_and_loses_points_with_backspace(desk: Desk) -> None:
    desk.view.tool = "polygon"
    for point in [(20, 20), (60, 20), (60, 60), (100, 90)]:
        desk.click(*point)
    desk.qtbot.keyClick(desk.canvas, Qt.Key.Key_Backspace)
    desk.qtbot.keyClick(desk.canvas, Qt.Key.Key_Return)
    assert desk.labels[25, 55] > 0
    assert desk.labels[80, 90] == 0
    assert (desk.labels > 0).sum() == pytest.approx(800, rel=0.08)


def test_escape_leaves_nothing_behind(desk: Desk) -> None:
    desk.view.tool, desk.view.brush_diameter = "brush", 10.0
    desk.press(20, 30)
    desk.move(60, 30, LEFT)
    desk.qtbot.keyClick(desk.canvas, Qt.Key.Key_Escape)
    desk.release(60, 30)
    assert not desk.labels.any()
    assert desk.document.history.entries() == ()


def test_changing_tool_or_document_ends_a_stroke_and_keeps_it(desk: Desk) -> None:
    desk.view.tool = "brush"
    desk.press(20, 30)
    desk.move(60, 30, LEFT)
    desk.view.tool = "select"
    assert desk.labels[30, 40] == 1
    desk.release(60, 30)
    desk.view.tool = "brush"
    desk.view.new_object()
    desk.press(20, 70)
    desk.move(60, 70, LEFT)
    desk.canvas.set_document(None)
    assert desk.labels[70, 40] == 2
    assert [entry.name for entry in desk.document.history.entries()] == ["Brush stroke"] * 2
    assert (desk.view.current_object, desk.view.selected) == (0, frozenset()), "no object of the next image"


def test_changing_tool_or_document_takes_an_unfinished_polygon_back(desk: Desk) -> None:
    for change in (lambda: setattr(desk.view, "tool", "select"), lambda: desk.canvas.set_document(None)):
        desk.view.tool = "polygon"
        for point in [(20, 20), (60, 20), (60, 60)]:
            desk.click(*point)
        change()
        desk.qtbot.keyClick(desk.canvas, Qt.Key.Key_Return)
        assert not desk.labels.any()


def test_a_stroke_ends_where_the_button_was_let_go_unseen(desk: Desk) -> None:
    desk.view.tool, desk.view.brush_diameter = "brush", 4.0
    desk.press(20, 30)
    desk.move(40, 30, LEFT)
    desk.move(60, 30)  # no button any more: a dialog had the mouse when it was let go
    assert not desk.document.editing
    desk.move(60, 80)
    assert desk.labels[30, 50] == 1
    assert desk.labels[60, 60] == 0


def test_a_stroke_ends_although_the_view_is_panned_in_it(desk: Desk) -> None:
    desk.view.tool = "brush"
    desk.press(20, 30)
    desk.press(60, 60, MIDDLE)
    desk.release(20, 30)
    desk.release(60, 60, MIDDLE)
    assert not desk.document.editing
    assert len(desk.document.history.entries()) == 1


def test_keys_stay_with_a_stroke_while_its_button_is_down(desk: Desk) -> None:
    desk.view.tool = "brush"
    desk.press(20, 30)
    desk.press(30, 30, RIGHT)
    desk.release(30, 30, RIGHT)
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_D, NONE, "d")
    event.ignore()
    QApplication.sendEvent(desk.canvas, event)
    assert event.isAccepted(), "D must not go to the next image in mid-stroke"
    desk.release(40, 30)


def test_dragging_in_select_mode_pans_and_changes_nothing(desk: Desk) -> None:
    before = desk.canvas.camera
    desk.drag([(30, 30), (35, 32), (50, 40)])
    moved = desk.canvas.camera
    assert moved.scale == before.scale
    assert moved.left > before.left
    assert moved.top > before.top
    assert not desk.labels.any()
    desk.qtbot.mouseDClick(desk.canvas.viewport(), LEFT, NONE, desk.screen(40, 40))
    assert desk.canvas.camera == before


def test_space_and_middle_button_pan_while_painting_tools_are_chosen(desk: Desk) -> None:
    desk.view.tool = "brush"
    left = desk.canvas.camera.left
    desk.qtbot.keyPress(desk.canvas, Qt.Key.Key_Space)
    desk.drag([(30, 30), (60, 30)])
    desk.qtbot.keyRelease(desk.canvas, Qt.Key.Key_Space)
    desk.drag([(30, 30), (60, 30)], MIDDLE)
    assert desk.canvas.camera.left > left + 50
    assert not desk.labels.any()


def test_wheel_zooms_at_the_pointer_and_with_ctrl_sizes_the_brush(desk: Desk) -> None:
    at = desk.screen(100, 20)
    before = desk.canvas.camera.scale
    desk.wheel(100, 20, 3)
    assert desk.canvas.camera.scale > 1.5 * before
    x, y = desk.canvas.camera.to_image(at.x(), at.y())
    assert (x, y) == pytest.approx((100, 20), abs=0.3)
    scale, diameter = desk.canvas.camera.scale, desk.view.brush_diameter
    desk.wheel(100, 20, 1, CTRL)
    assert desk.canvas.camera.scale == scale
    assert desk.view.brush_diameter > diameter


def test_click_selects_control_click_deletes(desk: Desk) -> None:
    desk.document.apply(Polygon(np.array([(20, 20), (40, 20), (40, 40), (20, 40)]), None))
    desk.document.apply(Polygon(np.array([(60, 20), (80, 20), (80, 40), (60, 40)]), None))
    one = int(desk.labels[30, 30])
    desk.click(30, 30)
    assert desk.view.selected == {one}
    desk.click(30, 30, held=CTRL)
    assert one not in desk.document.planes.objects
    assert len(desk.document.planes.objects) == 1


def test_hover_tells_position_value_and_object(desk: Desk) -> None:
    desk.document.apply(Polygon(np.array([(20, 20), (40, 20), (40, 40), (20, 40)]), None))
    with desk.qtbot.waitSignal(desk.canvas.hovered) as hovered:
        desk.move(30, 25)
    x, y, value, object_id = hovered.args
    assert (x, y) == pytest.approx((30, 25), abs=0.3)
    assert (value, object_id) == ("100", int(desk.labels[25, 30]))


def test_a_gesture_that_cannot_be_done_says_why(desk: Desk) -> None:
    desk.view.tool = "fill"
    with desk.qtbot.waitSignal(desk.canvas.tool_message, timeout=2000) as said:
        desk.click(30, 30)
    assert len(said.args[0]) > 10
    assert not desk.labels.any()


def test_gray_is_stretched_by_percentiles_and_by_the_chosen_contrast(desks: Any) -> None:
    image = np.full((96, 128), 1000, np.uint16)
    image[:, 64:] = 3000
    desk = desks(image)
    desk.canvas.set_proposals(None)
    assert desk.colour(20, 20).lightness() < 3
    assert desk.colour(100, 20).lightness() > 252
    desk.view.contrast = (1000, 5000)
    assert desk.colour(100, 20).lightness() == pytest.approx(128, abs=2)
    desk.view.gamma = 2.0
    assert desk.colour(100, 20).lightness() == pytest.approx(180, abs=2)


def test_colour_image_keeps_its_colours(desks: Any) -> None:
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, :64] = (200, 30, 10)
    image[:, 64:] = (10, 60, 220)
    desk = desks(image)
    assert desk.colour(20, 20).getRgb() == (200, 30, 10, 255)
    assert desk.colour(100, 20).getRgb() == (10, 60, 220, 255)


def test_image_with_nan_is_shown(desks: Any) -> None:
    image = np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128)
    image[40:60, 40:60] = np.nan
    desk = desks(image)
    assert desk.colour(50, 50).saturation() > 40
    assert desk.colour(20, 20).saturation() == 0


def test_overlays_follow_their_switches(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    desk.document.apply(Polygon(np.array([(40, 30), (80, 30), (80, 70), (40, 70)]), None))
    assert desk.colour(60, 48) != plain
    desk.view.peek = True
    assert desk.colour(60, 48) == plain
    desk.view.peek = False
    desk.view.show_fill = False
    assert desk.colour(60, 48) == plain
    assert desk.colour(40.2, 48) != plain
    desk.view.show_contours = False
    assert desk.colour(40.2, 48) == plain
    desk.view.show_boxes = True
    assert desk.colour(60, 30) != plain


def test_regions_are_shown(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    desk.document.apply(RegionFill(Window(20, 20, 90, 100), 2))
    assert desk.colour(60, 48) != plain
    desk.view.show_regions = False
    assert desk.colour(60, 48) == plain


def test_proposals_lie_in_a_layer_of_their_own(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    proposals = LabelMap.from_array(discs((96, 128), [(48, 60)], 15))
    desk.canvas.set_proposals(proposals, {})
    assert desk.colour(60, 48) != plain
    assert not desk.labels.any()
    desk.view.show_predictions = False
    assert desk.colour(60, 48) == plain
    desk.view.show_predictions = True
    desk.canvas.set_proposals(proposals, {1: "rejected"})
    assert desk.colour(60, 48) == plain


def test_classes_have_their_colours(desk: Desk) -> None:
    desk.project.set_classes(desk.project.classes.add("mitotic"))
    for x, class_id in ((20, 1), (70, 2)):
        ring = np.array([(x, 20), (x + 30, 20), (x + 30, 50), (x, 50)])
        desk.document.apply(Polygon(ring, None, class_id=class_id))
    desk.view.colour_by, desk.view.fill_opacity = "class", 1.0
    assert desk.colour(35, 35).name() == desk.project.classes[1].colour
    assert desk.colour(85, 35).name() == desk.project.classes[2].colour
    first, second = desk.project.classes.classes
    desk.project.set_classes(ClassTable((first, replace(second, colour="#aabbcc"))))
    assert desk.colour(85, 35).name() == "#aabbcc"


def test_proposals_too_are_coloured_by_class(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.project.set_classes(ClassTable((*desk.project.classes.classes, ObjectClass(2, "mitotic", "#ff0000"))))
    monkeypatch.setattr(desk.session.review, "classes", lambda: {1: 1, 2: 2})
    labels = discs((96, 128), [(48, 30), (48, 90)], 15)
    desk.canvas.set_proposals(LabelMap.from_array(labels), {})
    desk.view.colour_by = "class"
    one, two = (desk.colour(x, 48) for x in (30, 90))
    assert two.red() > two.blue(), "the red of its class"
    assert one.blue() > one.red(), "the blue of the first class"


def test_fly_to_brings_a_small_object_into_the_middle(desks: Any) -> None:
    desk = desks(np.zeros((1200, 1600), np.uint8))
    desk.document.apply(Polygon(np.array([(1200, 800), (1220, 800), (1220, 810), (1200, 810)]), None))
    desk.canvas.fly_to(int(desk.labels[805, 1210]))
    assert desk.screen(1210, 805).x() == pytest.approx(320, abs=2)
    assert desk.screen(1210, 805).y() == pytest.approx(240, abs=2)
    assert 1.5 < desk.canvas.camera.scale <= 4
    assert desk.canvas.camera.visible(640, 480, (1200, 1600)).height > 180
    desk.canvas.fly_to(Window(0, 0, 1200, 1600))
    assert desk.canvas.camera.scale < 1


def test_large_image_shows_pixels_of_the_right_place_at_every_zoom(desks: Any) -> None:
    image = np.zeros((3000, 4000), np.uint8)
    image[1024:1536, 2048:2560] = 255
    desk = desks(image)
    for _ in range(8):
        assert desk.colour(2300, 1300).lightness() == 255, desk.canvas.camera
        desk.wheel(2300, 1300, 3)
    desk.canvas.actual_size()
    assert desk.canvas.camera.scale == 1


def test_hint_disappears_with_the_first_object(desk: Desk) -> None:
    place = desk.canvas.hint_card.geometry().center()
    hinted = desk.canvas.grab().toImage()
    desk.document.apply(Polygon(np.array([(2, 2), (6, 2), (6, 6), (2, 6)]), None))
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(place) != hinted.pixelColor(place)
    desk.document.undo()
    assert desk.canvas.hint_card.isVisible(), "nothing was circled by hand"


def test_switching_images_while_tiles_load_never_shows_the_old_one(desk: Desk) -> None:
    for _ in range(5):
        desk.canvas.set_document(None)
        desk.canvas.set_document(desk.document)
    assert desk.colour(60, 20).lightness() > 0
    desk.canvas.set_document(None)
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(5, 5).name() == "#101113"


def test_histogram_handles_change_the_contrast(desk: Desk) -> None:
    widget = HistogramWidget(desk.session)
    desk.qtbot.addWidget(widget)
    assert not widget.plot.isEnabled(), "nothing was sampled yet"
    desk.canvas.sampled.connect(widget.take)
    desk.canvas.set_document(None)
    desk.canvas.set_document(desk.document)
    desk.settle()
    assert widget.plot.isEnabled()
    widget.resize(240, 140)
    widget.grab()  # lays it out; the offscreen platform warns when a window with size hints is shown
    plot = widget.plot
    before = plot.x_of(0.0)
    at = QPoint(round(before), plot.height() // 2)
    desk.qtbot.mousePress(plot, LEFT, NONE, at)
    desk.qtbot.mouseMove(plot, QPoint(plot.width() // 2, at.y()))
    desk.qtbot.mouseRelease(plot, LEFT, NONE, QPoint(plot.width() // 2, at.y()))
    assert desk.view.contrast is not None
    low, high = desk.view.contrast
    assert low < high
    desk.qtbot.mouseClick(widget.auto, LEFT)
    assert desk.view.contrast is None
    widget.gamma.setValue(1.5)
    assert desk.view.gamma == 1.5
    widget.gamma.selectAll()
    desk.qtbot.keyClicks(widget.gamma, QLocale().toString(2.75, "f", 2))
    desk.qtbot.keyClick(widget.gamma, Qt.Key.Key_Return)
    assert desk.view.gamma == 2.75, "typed digit by digit"


def test_file_in_which_zero_is_white_is_shown_so_and_keeps_its_values(desk: Desk, tmp_path: Path) -> None:
    image = np.zeros((96, 128), np.uint8)
    image[:, 64:] = 200
    tifffile.imwrite(tmp_path / "scan.tif", image, photometric="miniswhite")
    desk.project.add_images([tmp_path / "scan.tif"])
    document = desk.project.document(desk.project.images[1].id)
    desk.canvas.set_document(document)
    desk.canvas.set_proposals(None)
    assert desk.colour(20, 20).lightness() > 250
    assert desk.colour(100, 20).lightness() < desk.colour(20, 20).lightness() - 150
    assert document.source.read()[0, 100] == 200
    desk.canvas.set_document(desk.document)
    document.close()


def test_hint_makes_way_for_proposals(desk: Desk) -> None:
    place = desk.canvas.hint_card.geometry().center()
    hinted = desk.canvas.grab().toImage().pixelColor(place)
    desk.canvas.set_proposals(LabelMap.from_array(discs((96, 128), [(20, 20)], 5)), {})
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(place) != hinted


def test_many_boxes_are_drawn_as_one_picture_and_not_again_under_the_brush(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.document.apply(Polygon(np.array([(20, 20), (60, 20), (60, 50), (20, 50)]), None))
    desk.view.show_fill = desk.view.show_contours = False
    before = desk.colour(40, 20)
    monkeypatch.setattr("segstudio.gui.viewer.box_layer._TEXTS_AMONG", 0)
    desk.view.show_boxes = True
    desk.qtbot.waitUntil(lambda: desk.colour(40, 20) != before, timeout=10_000)
    assert desk.colour(40, 35) == desk.colour(90, 35), "only the outline"
    painted: list[int] = []
    paint = BoxLayer.paint
    monkeypatch.setattr(BoxLayer, "paint", lambda *args: (painted.append(1), paint(*args)))
    desk.view.tool = "brush"
    for x in range(20, 60, 5):
        desk.move(x, 20)
        QApplication.processEvents()
    assert not painted


def test_a_canvas_that_was_closed_follows_nothing(desk: Desk) -> None:
    session = desk.session
    told: list[bool] = []
    signals = [
        session.review.changed, session.review.focused, session.made.changed, session.pixel_size_changed,
        session.preferences_changed, session.view.events, desk.project.classes_changed,
    ]  # fmt: skip
    before = [len(signal) for signal in signals]
    other = Canvas(session)
    desk.qtbot.addWidget(other)
    other.set_document(desk.document)
    assert [len(signal) for signal in signals] != before
    other.close_threads()
    other._follower.exchanged.connect(lambda: told.append(True))
    session.review.changed.emit(None)
    assert not told
    assert [len(signal) for signal in signals] == before
