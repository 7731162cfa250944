"""A stack in the real window: turned through by key, wheel and slider, labelled where it stands."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QSlider
from window_driver import Driver, run_program

from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
SIZES = (3, 5)


def test_each_stroke_lies_on_the_plane_that_was_in_front(tmp_path: Path) -> None:
    # Each plane is as bright as its number: what is seen tells which one it is.
    levels = np.arange(15, dtype=np.uint8).reshape(*SIZES, 1, 1) * 16
    pixels = np.broadcast_to(levels, (*SIZES, 200, 300)).copy()
    pixels[..., :20, :] = 255
    tifffile.imwrite(tmp_path / "s.ome.tif", pixels, metadata={"axes": "TZYX"}, photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat.tif", pixels[0, 0])
    project, problems = Project.create(tmp_path / "project", [tmp_path / "s.ome.tif", tmp_path / "flat.tif"])
    assert not problems
    labels = project.label_path(next(entry.id for entry in project.images if entry.sizes))
    project.close()

    def script(hand: Driver) -> None:
        session, canvas, bar = hand.session, hand.window.canvas, hand.window.plane_bar
        hand.wait(lambda: session.document is not None, what="the image")
        hand.open_image("flat.tif")
        assert not bar.isVisible()
        rows = hand.window.images._sorted
        tips = [str(rows.index(row, 0).data(Qt.ItemDataRole.ToolTipRole)) for row in (0, 1)]
        assert sorted("15 planes of" in tip for tip in tips) == [False, True]
        hand.open_image("s.ome.tif")
        time, depth = bar.findChildren(QSlider)
        assert [slider.accessibleName() for slider in (time, depth)] == ["Time", "Depth"]

        def stroke() -> None:
            hand.key(Qt.Key.Key_M)
            hand.key(Qt.Key.Key_B)
            hand.drag([(100, 150), (150, 199.5)])

        stroke()
        hand.key(Qt.Key.Key_PageDown)
        hand.key(Qt.Key.Key_PageDown)
        assert session.planes.position == (0, 2)
        stroke()
        time.setValue(2)
        assert session.planes.position == (2, 2)
        middle = canvas.viewport().rect().center()
        wheel = QWheelEvent(
            QPointF(middle),
            QPointF(canvas.viewport().mapToGlobal(middle)),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas.viewport(), wheel)
        assert session.planes.position == (2, 3)
        assert (time.value(), depth.value()) == (2, 3)
        stroke()
        hand.key(Qt.Key.Key_PageUp)
        hand.action("edit.undo")
        assert session.planes.position == (2, 3), "where something is taken back"
        hand.action("edit.redo")
        hand.wait(lambda: not session.steps.busy, what="redo")
        hand.key(Qt.Key.Key_PageDown)
        hand.key(Qt.Key.Key_PageDown)
        hand.action("edit.copy_on")
        assert session.planes.position == (2, 4), "there is no further plane"
        time.setValue(1)
        depth.setValue(0)
        stroke()
        number = session.view.current_object
        hand.action("edit.copy_on")
        hand.wait(lambda: number in session.document.planes.labels.values(), what="the copy")
        assert session.planes.position == (1, 1)
        depth.setValue(4)
        hand.key(Qt.Key.Key_B)
        session.view.current_object = number
        hand.drag([(120, 150), (170, 199.5)])
        hand.action("edit.select_all")
        hand.action("edit.interpolate")
        hand.wait(lambda: not session.ahead.busy, what="the planes between")
        assert session.document.checkpoint(wait=True)

    run_program([str(tmp_path / "project")], script)
    pages = tifffile.imread(labels)
    assert [int(page.max()) for page in pages] == [1, 0, 2, 0, 0, 4, 4, 4, 4, 4, 0, 0, 0, 3, 0]
