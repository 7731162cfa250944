"""A canvas on a real project with one image in front, and a hand for it."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.gui.viewer.canvas import Canvas
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
        self.qtbot.waitUntil(self.canvas.is_idle, timeout=120_000)
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


def circle(x: float, y: float, radius: float, count: int = 24) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, count)
    return [(x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles.tolist()]
