"""The real window on a project, and a hand for it: what benchmarks of the canvas share."""

import cProfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

#: One frame, milliseconds.
FRAME_MS = 16.0


class BenchWindow:
    """The window, shown, with the first image of a project in front.

    Parameters
    ----------
    folder
        Of the project.
    size
        Of the window, pixels.
    """

    def __init__(self, folder: Path, size: tuple[int, int] = (1920, 1080)) -> None:
        from segstudio.gui.app import _MainThread, application
        from segstudio.gui.main_window import MainWindow
        from segstudio.gui.theme import apply_theme
        from segstudio.session.session import Session

        self.profile = cProfile.Profile()
        self.profiled = False
        self.app = application()
        self._carrier = _MainThread()
        self.session = Session(post=self._carrier.posted.emit)
        apply_theme(self.app, "dark")
        self.window = MainWindow(self.session)
        self.canvas = self.window.canvas
        self.window.resize(*size)
        self.window.show()
        self.session.open_project(folder)
        self.until(lambda: self.session.document is not None)

    def settle(self) -> None:
        """Wait until everything is shown and measured."""
        self.until(lambda: self.canvas.is_idle() and not self.session.objects.busy)

    def until(self, done: Callable[[], bool], seconds: float = 120.0) -> float:
        """Let the loop turn until something is done; return the seconds that it took."""
        start = time.perf_counter()
        while not done() and time.perf_counter() < start + seconds:
            self.app.processEvents()
            time.sleep(0.001)
        return time.perf_counter() - start

    def rest(self, seconds: float) -> float:
        """Let the loop turn; return the longest single turn, seconds."""
        end, longest = time.perf_counter() + seconds, 0.0
        while time.perf_counter() < end:
            longest = max(longest, self.timed(lambda: None))
            time.sleep(0.001)
        return longest

    def timed(self, act: Callable[[], object]) -> float:
        """Do something; return the seconds until the frame that shows it was painted."""
        start = time.perf_counter()
        if self.profiled:
            self.profile.enable()
        act()
        self.app.processEvents()
        self.profile.disable()
        return time.perf_counter() - start

    def mouse(self, kind: QEvent.Type, x: float, y: float) -> float:
        """Send an event of the left button at an image position; return the seconds until the frame was painted."""
        at = QPointF(*self.canvas.camera.to_screen(x, y))
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = none if kind == QEvent.Type.MouseMove else left
        held = none if kind == QEvent.Type.MouseButtonRelease else left
        event = QMouseEvent(kind, at, at, button, held, Qt.KeyboardModifier.NoModifier)
        return self.timed(lambda: QApplication.sendEvent(self.canvas.viewport(), event))

    def close(self) -> None:
        """Close window and project."""
        self.window.close()
        self.app.processEvents()
