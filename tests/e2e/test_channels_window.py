"""Channels in the real window: shown and hidden by key and click, coloured and stretched, and seen at once."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from window_driver import Driver, run_program

from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints|grabbing|raise")
ALT = Qt.KeyboardModifier.AltModifier


@pytest.mark.timeout(60)
def test_channels_are_shown_hidden_coloured_and_stretched(tmp_path: Path, qapp: object) -> None:
    pixels = np.zeros((3, 100, 300), np.uint16)
    for number in range(3):
        pixels[number, :, number * 100 : number * 100 + 100] = 1000
    tifffile.imwrite(tmp_path / "c.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(tmp_path / "flat.tif", pixels[0])
    project, problems = Project.create(tmp_path / "project", [tmp_path / "c.tif", tmp_path / "flat.tif"])
    assert not problems
    project.close()

    def script(hand: Driver) -> None:
        view, canvas, bar = hand.session.view, hand.window.canvas, hand.window.channel_bar
        hand.wait(lambda: hand.session.document is not None, what="the image")

        def seen() -> list[str]:
            hand.wait(canvas.is_idle)
            QTest.qWait(1)
            picture = canvas.grab().toImage()
            return [picture.pixelColor(hand.place((x, 20))).name() for x in (50, 150, 250)]

        hand.open_image("flat.tif")
        hand.wait(canvas.is_idle)
        assert not bar.isVisible(), "one channel says nothing"
        hand.open_image("c.tif")
        assert bar.isVisible()
        assert seen() == ["#00ffff", "#ff00ff", "#ffff00"]
        hand.key(Qt.Key.Key_2, ALT)
        assert seen() == ["#00ffff", "#000000", "#ffff00"]
        QTest.mouseClick(bar._chips[1], Qt.MouseButton.LeftButton, pos=QPoint(12, 13))
        assert seen()[1] == "#ff00ff"
        (single,) = (button for button in bar.findChildren(QPushButton) if button.text() == "Single")
        QTest.mouseClick(single, Qt.MouseButton.LeftButton)
        assert seen() == ["#000000", "#ffffff", "#000000"]
        hand.key(Qt.Key.Key_3, ALT)
        assert seen() == ["#000000", "#000000", "#ffffff"]
        hand.key(Qt.Key.Key_0, ALT)
        assert seen() == ["#00ffff", "#ff00ff", "#ffff00"]

        chip = bar._chips[0]
        QTest.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(chip.width() - 6, 13))
        assert bar.card.isVisible()
        (red,) = (button for button in bar.card._swatches if button.lut == "#ff0000")
        QTest.mouseClick(red, Qt.MouseButton.LeftButton)
        assert seen() == ["#ff0000", "#ff00ff", "#ffff00"]
        plot = bar.card.histogram.plot
        QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.x_of(1000)), 20))
        # More moves than tiles can be shaded: the newest contrast is what stays.
        for share in np.linspace(1, 0.5, 60):
            QTest.mouseMove(plot, QPoint(round(plot.x_of(0) + share * (plot.x_of(1000) - plot.x_of(0))), 20))
        QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(plot.x_of(500)), 20))
        assert view.contrast == pytest.approx((0, 500), abs=8)
        view.contrast = (0.0, 2000.0)
        assert seen()[0] == "#800000"
        assert seen()[1:] == ["#ff00ff", "#ffff00"], "of this channel alone"
        bar.card.hide()
        hand.action("view.contrast")
        assert seen()[0] == "#ff0000"

    run_program([str(tmp_path / "project")], script)
