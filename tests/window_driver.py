"""A hand for the real window: finds it, waits for it, and moves mouse and keys as a user would."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox, QPushButton, QWidget

from segstudio.gui.app import main
from segstudio.gui.main_window import MainWindow

W = TypeVar("W", bound=QWidget)
Point = tuple[float, float]


class Driver:
    """Acts on the one window of the running program."""

    def __init__(self) -> None:
        (self.window,) = self._dialogs(MainWindow)
        self.session = self.window.session
        self.window.resize(1440, 900)  # larger than the screen that tests have

    def wait(self, condition: Callable[[], object], seconds: float = 120.0, what: str = "") -> None:
        """Let the program run until `condition` holds."""
        end = time.monotonic() + seconds
        while not condition():
            shown = [f"{notice.message} {notice.hint}" for notice in self.window.banners.messages()]
            assert time.monotonic() < end, f"waited in vain for {what or condition}; the window says {shown}"
            QTest.qWait(20)

    def dialog(self, kind: type[W]) -> W:
        """Wait for a dialog of a kind and return it."""
        self.wait(lambda: self._dialogs(kind), what=kind.__name__)
        return self._dialogs(kind)[0]

    def click(self, parent: QWidget, text: str) -> None:
        """Click the button with this text."""

        def shown() -> list[QPushButton]:
            buttons = [button for button in parent.findChildren(QPushButton) if button.text().replace("&", "") == text]
            return [button for button in buttons if button.isVisible() and button.isEnabled()]

        self.wait(shown, 5, f"a button {text!r} to click")
        QTest.mouseClick(shown()[0], Qt.MouseButton.LeftButton)

    def drag(
        self,
        points: Iterable[Point],
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press at the first image point, move along the others, release at the last."""
        path = list(points)
        self.press(*path, button=button, keys=keys)
        QTest.mouseRelease(self.window.canvas.viewport(), button, keys, self.place(path[-1]))
        QTest.qWait(1)

    def press(
        self,
        *points: Point,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press at the first image point and move along the others."""
        viewport = self.window.canvas.viewport()
        places = [self.place(point) for point in points]
        QTest.mousePress(viewport, button, keys, places[0])
        for number, place in enumerate(places[1:], start=2):
            QTest.mouseMove(viewport, place)
            if number % 3 == 0 or number == len(places):  # a mouse tells its place more often than the screen is drawn
                QTest.qWait(1)

    def click_at(self, point: Point, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Click an image point."""
        QTest.mouseClick(self.window.canvas.viewport(), Qt.MouseButton.LeftButton, keys, self.place(point))
        QTest.qWait(1)

    def key(self, key: Qt.Key, keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key while the canvas has the focus."""
        self.window.activateWindow()
        self.window.canvas.setFocus()
        self.wait(self.window.canvas.hasFocus, what="the keyboard")
        self.window.actions_table.refresh()  # the window does it too, one turn of the event loop after a change
        QTest.keyClick(self.window.canvas, key, keys)
        QTest.qWait(1)

    def action(self, action_id: str) -> None:
        """Choose something from the menu."""
        self.window.actions_table.refresh()
        action = self.window.actions_table[action_id]
        assert action.isEnabled(), f"{action_id} is grey"
        action.trigger()
        QTest.qWait(1)

    def open_image(self, name: str) -> None:
        """Bring an image to the front and wait until it is there."""
        entry = next(entry for entry in self.session.project.images if entry.name == name)
        self.session.select(entry.id)
        self.wait(lambda: self.session.document is not None and self.session.document.entry.id == entry.id, what=name)

    def when_asked(self, text: str, *, name: str = "", before: Callable[[], object] = lambda: None) -> list[str]:
        """Click `text` in the next question of the program, whenever it comes; return what it will have asked.

        Parameters
        ----------
        name
            Object name of the question; any when empty.
        before
            Called before the click.
        """
        asked: list[str] = []
        timer = QTimer(self.window)

        def look() -> None:
            boxes = [box for box in self._dialogs(QMessageBox) if name in ("", box.objectName())]
            if boxes:
                timer.stop()
                asked.append(f"{boxes[0].text()} {boxes[0].informativeText()}")
                before()
                self.click(boxes[0], text)

        timer.timeout.connect(look)
        timer.start(20)
        return asked

    def stop_training_when_asked(self) -> None:
        """Answer the question of the closing window, when it asks."""
        for box in self._dialogs(QMessageBox):
            if box.objectName() == "close-while-training":
                self.click(box, "Stop and keep the best")

    def place(self, point: Point) -> QPoint:
        """Return where an image point lies in the canvas."""
        x, y = self.window.canvas.camera.to_screen(*point)
        return QPoint(round(x), round(y))

    @staticmethod
    def _dialogs(kind: type[W]) -> list[W]:
        return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()]


def run_program(arguments: list[str], script: Callable[[Driver], None]) -> None:
    """Start the real ``main()``, let `script` act, close the window; what script or program raise is raised here."""
    failures: list[BaseException] = []

    def act() -> None:
        driver = Driver()
        # The program shows a fault of its own and lives on; a test must not.
        driver.window.help_desk.show_fault = failures.append
        try:
            script(driver)
        except BaseException as error:  # noqa: BLE001 - must not be lost in Qt's event loop
            failures.append(error)
        finally:
            for widget in QApplication.topLevelWidgets():
                if isinstance(widget, QDialog):
                    widget.close()
            asks = QTimer(driver.window)
            asks.timeout.connect(driver.stop_training_when_asked)
            asks.start(100)
            driver.window.close()

    QTimer.singleShot(0, act)
    assert main(arguments) == 0
    if failures:
        raise failures[0]
