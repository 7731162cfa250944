"""Strokes drawn by events of a real mouse and of a pen hit the pixels under them, at every zoom."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from canvas_desk import LEFT, NONE, Desk
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.camera_view import CameraView
from segstudio.labels.edits import Stroke
from segstudio.labels.history import Planes
from segstudio.labels.transaction import Transaction

PATH = [(100.25, 100.75), (180.5, 130.25), (181.0, 240.5), (60.75, 200.0)]
NO_BUTTON = Qt.MouseButton.NoButton
PEN = QPointingDevice.PointerType.Pen
ERASER = QPointingDevice.PointerType.Eraser


class Easel(Desk):
    """A canvas whose events may lie between pixels of the screen."""

    def mouse(self, kind: QEvent.Type, at: tuple[float, float]) -> None:
        place, button = QPointF(*at), LEFT if kind != QEvent.Type.MouseMove else NO_BUTTON
        held = NO_BUTTON if kind == QEvent.Type.MouseButtonRelease else LEFT
        QApplication.sendEvent(self.canvas.viewport(), QMouseEvent(kind, place, place, button, held, NONE))

    def pen(
        self, kind: QEvent.Type, at: tuple[float, float], pressure: float, end: QPointingDevice.PointerType = PEN
    ) -> bool:
        button = LEFT if kind != QEvent.Type.TabletMove else NO_BUTTON
        held = NO_BUTTON if kind == QEvent.Type.TabletRelease else LEFT
        device = QPointingDevice("pen", 1, QPointingDevice.DeviceType.Stylus, end, self.abilities, 1, 1)
        place = QPointF(*at)
        event = QTabletEvent(kind, device, place, place, pressure, 0, 0, 0, 0, 0, NONE, button, held)
        QApplication.sendEvent(self.canvas.viewport(), event)
        return event.isAccepted()

    abilities = QPointingDevice.Capability.Position | QPointingDevice.Capability.Pressure

    def wanted(self, diameter: float) -> np.ndarray:
        """Return what the path is on the image, worked out without the window."""
        planes = Planes.empty(self.document.planes.shape)
        transaction = Transaction(planes, "wanted")
        camera = self.canvas.camera
        Stroke([camera.to_image(*at) for at in PATH], diameter, 1).apply(transaction)
        transaction.commit()
        return planes.labels.to_array()

    def wipe(self) -> None:
        self.document.undo()
        self.view.let_go()


@pytest.fixture
def easel(qtbot: QtBot, tmp_path: Path) -> Iterator[Easel]:
    made = Easel(qtbot, tmp_path, np.full((300, 400), 100, np.uint8))
    made.view.tool = "brush"
    yield made
    made.close()


@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_mouse_and_pen_paint_the_pixels_under_their_path_at_every_zoom(
    easel: Easel, ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CameraView, "ratio", ratio)
    move, release = QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease
    for camera, diameter in (
        (Camera(0.5, 30.0, 10.0), 9.0),
        (Camera(1.0, -20.25, 3.5), 1.0),
        (Camera(1.7, -60.5, -40.0), 6.0),
        (Camera(8.0, -400.0, -700.0), 2.0),
        (Camera(40.0, -3000.0, -2400.0), 1.0),
    ):
        easel.canvas.set_camera(camera)
        easel.view.brush_diameter = diameter
        wanted = easel.wanted(diameter)
        assert wanted.any()
        easel.mouse(QEvent.Type.MouseButtonPress, PATH[0])
        for at in PATH[1:]:
            easel.mouse(move, at)
        easel.mouse(release, PATH[-1])
        np.testing.assert_array_equal(easel.labels > 0, wanted > 0, err_msg=f"mouse at {camera}")
        easel.wipe()
        assert easel.pen(QEvent.Type.TabletPress, PATH[0], 1.0)
        for at in PATH[1:]:
            assert easel.pen(QEvent.Type.TabletMove, at, 1.0)
        assert easel.pen(QEvent.Type.TabletRelease, PATH[-1], 0.0)
        np.testing.assert_array_equal(easel.labels > 0, wanted > 0, err_msg=f"pen at {camera}")
        easel.wipe()


def test_a_light_pen_paints_thin_and_its_other_end_erases_with_any_tool(easel: Easel) -> None:
    easel.canvas.set_camera(Camera(1.0, 0.0, 0.0))
    easel.view.brush_diameter = 20.0
    for pressure, least, most in ((0.2, 20, 120), (1.0, 300, 330)):
        easel.pen(QEvent.Type.TabletPress, (100, 100), pressure)
        easel.pen(QEvent.Type.TabletRelease, (100, 100), 0.0)
        assert least < np.count_nonzero(easel.labels) < most
    easel.view.tool = "select"
    before = np.count_nonzero(easel.labels)
    easel.pen(QEvent.Type.TabletPress, (108, 100), 0.5, ERASER)
    easel.pen(QEvent.Type.TabletRelease, (108, 100), 0.0, ERASER)
    assert np.count_nonzero(easel.labels) < before
    assert easel.document.history.undo_name == "Erase"
    assert not easel.pen(QEvent.Type.TabletPress, (100, 100), 1.0)  # Qt makes a click of it


@pytest.mark.parametrize(
    ("tool", "shape"),
    [
        ("select", Qt.CursorShape.ArrowCursor),
        ("move", Qt.CursorShape.SizeAllCursor),
        ("brush", Qt.CursorShape.BlankCursor),  # its circle is drawn
        ("outline_in_box", Qt.CursorShape.CrossCursor),
    ],
)
def test_the_cursor_tells_the_tool(easel: Easel, tool: str, shape: Qt.CursorShape) -> None:
    easel.view.tool = "wand"
    easel.view.tool = tool
    assert easel.canvas.viewport().cursor().shape() == shape
