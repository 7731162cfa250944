"""The window without a mouse: every part is reached, and what has the keys is seen."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from window_driver import Driver, run_program

from segstudio.project.project import Project


@pytest.mark.timeout(60)
def test_the_keys_go_round_the_window_and_a_ring_shows_where_they_are(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.eye(64, dtype=np.uint8))
    Project.create(tmp_path / "project", [tmp_path / "images"])[0].close()

    def script(hand: Driver) -> None:
        window = hand.window
        hand.wait(lambda: hand.session.document is not None, what="the image")
        window.show_drawer(0)
        ring = window._focus_ring
        hand.key(Qt.Key.Key_F6)
        parts: list[QWidget] = [window.steps.tabBar(), window.drawer.tabBar()]
        parts += [window.images.findChild(QWidget, "images"), window.canvas]
        for part in parts:
            hand.wait(part.hasFocus, 5, f"the keys in {part}")
            hand.wait(lambda: ring.around() is QApplication.focusWidget(), 5, "the ring")
            QTest.keyClick(part, Qt.Key.Key_F6)
            QTest.qWait(20)
        window.canvas.setFocus()
        ring.move_on((window.canvas, window.canvas))
        assert ring._ring.isVisible()
        QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
        QTest.qWait(20)
        assert window.canvas.hasFocus()
        assert not ring._ring.isVisible(), "a click needs no ring"

    run_program([str(tmp_path / "project")], script)
