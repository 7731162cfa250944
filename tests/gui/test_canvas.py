"""The canvas with a real project: what the hand does arrives in the document."""

import numpy as np
import pytest
from canvas_desk import ALT, CTRL, LEFT, MIDDLE, NONE, RIGHT, Desk, circle
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from segstudio.labels.edits import Polygon


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
