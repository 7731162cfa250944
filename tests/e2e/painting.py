"""Paints in the real program by a fixed script and notes each finished action; run by `test_kill.py`, which kills it.

Arguments: project folder, log file, number of actions. Each line of the log: number, time, digest of the document.
"""

import itertools
import os
import random
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.app import main
from segstudio.gui.main_window import MainWindow
from segstudio.labels.history import Planes

_BETWEEN_MS = 15
_PATIENCE_S = 60


def digest(planes: Planes) -> int:
    """Return a number that any other pixel, class or source would change."""
    table = sorted((key, info.class_id, info.source, info.state) for key, info in planes.objects.items())
    pixels = zlib.crc32(planes.labels.to_array().tobytes(), zlib.crc32(planes.regions.to_array().tobytes()))
    return zlib.crc32(repr(table).encode(), pixels)


class Painter:
    """Does one action after the other with mouse and keys."""

    def __init__(self, window: MainWindow, seed: int) -> None:
        self._window = window
        self._canvas = window.canvas
        self._random = random.Random(seed)

    def actions(self) -> Iterator[None]:
        """Yield after each finished action."""
        deeds = itertools.cycle((self._stroke, self._circle, self._stroke, self._erase, self._circle, self._undo))
        for number, deed in enumerate(deeds):
            deed()
            yield
            if number % 4 == 2:  # the files are being replaced while the next actions come, and while it is killed
                QTest.keyClick(self._window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)

    def _stroke(self) -> None:
        self._window.session.view.tool = "brush"
        self._window.session.view.new_object()
        self._drag(Qt.MouseButton.LeftButton, self._walk(6))

    def _erase(self) -> None:
        self._window.session.view.tool = "erase"
        self._drag(Qt.MouseButton.LeftButton, self._walk(4))

    def _circle(self) -> None:
        x, y, r = self._random.uniform(40, 210), self._random.uniform(40, 210), self._random.uniform(8, 25)
        ring = [(x + r, y), (x + r, y + r), (x, y + r), (x - r, y + r), (x - r, y), (x - r, y - r), (x, y - r)]
        self._drag(Qt.MouseButton.RightButton, [*ring, (x + r, y - r), (x + r, y)])

    def _undo(self) -> None:
        QTest.keyClick(self._window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    def _walk(self, steps: int) -> list[tuple[float, float]]:
        x, y = self._random.uniform(30, 220), self._random.uniform(30, 220)
        path = [(x, y)]
        for _ in range(steps):
            x = min(max(x + self._random.uniform(-20, 20), 2), 250)
            y = min(max(y + self._random.uniform(-20, 20), 2), 250)
            path.append((x, y))
        return path

    def _drag(self, button: Qt.MouseButton, path: list[tuple[float, float]]) -> None:
        viewport = self._canvas.viewport()
        places = [QPoint(*(round(v) for v in self._canvas.camera.to_screen(x, y))) for x, y in path]
        QTest.mousePress(viewport, button, pos=places[0])
        for place in places[1:]:
            QTest.mouseMove(viewport, place)
            QTest.qWait(1)
        QTest.mouseRelease(viewport, button, pos=places[-1])


def paint(log: Path, count: int) -> None:
    """Wait for the document, then paint."""
    (window,) = (widget for widget in QApplication.topLevelWidgets() if isinstance(widget, MainWindow))
    end = time.monotonic() + _PATIENCE_S
    while window.session.document is None or not window.isVisible():
        if time.monotonic() > end:
            os._exit(3)
        QTest.qWait(10)
    window.resize(1200, 800)
    camera = None
    while camera != window.canvas.camera:  # the same actions must hit the same pixels in every run
        camera = window.canvas.camera
        QTest.qWait(300)
    document = window.session.document
    with log.open("ab", buffering=0) as file:
        for number, _ in zip(range(1, count + 1), Painter(window, seed=7).actions(), strict=False):
            file.write(f"{number} {time.time():.4f} {digest(document.planes)}\n".encode())
            QTest.qWait(_BETWEEN_MS)
    window.close()


if __name__ == "__main__":
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    project_folder, log_file, actions = sys.argv[1:]
    QTimer.singleShot(0, lambda: paint(Path(log_file), int(actions)))
    raise SystemExit(main([project_folder]))
