"""A maximum over depth and the guides in the real window: seen, and nothing else is changed by them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.project.project import Project

ALT = Qt.KeyboardModifier.AltModifier


@pytest.mark.timeout(60)
def test_a_maximum_is_seen_and_labels_lie_on_the_plane(tmp_path: Path, qapp: object) -> None:
    pixels = np.zeros((3, 100, 300), np.uint8)
    for number in range(3):
        pixels[number, :, number * 100 : number * 100 + 100] = 250
    tifffile.imwrite(tmp_path / "s.ome.tif", pixels, metadata={"axes": "ZYX"}, photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat.tif", pixels[0])
    project, problems = Project.create(tmp_path / "project", [tmp_path / "s.ome.tif", tmp_path / "flat.tif"])
    assert not problems
    project.close()

    def script(hand: Driver) -> None:
        canvas, session = hand.window.canvas, hand.session
        hand.wait(lambda: session.document is not None, what="the image")
        hand.open_image("s.ome.tif")
        hand.action("image.next_plane")

        def seen(*places: int) -> list[int]:
            hand.wait(canvas.is_idle)
            QTest.qWait(1)
            picture = canvas.grab().toImage()
            return [picture.pixelColor(hand.place((x, 20))).lightness() // 100 for x in places]

        assert seen(50, 150, 250) == [0, 2, 0]
        hand.key(Qt.Key.Key_M, ALT)
        assert seen(50, 150, 250) == [2, 2, 2]
        assert canvas.accessibleDescription() == "Maximum over depth (3 planes)  ·  labels on plane 2"
        hand.key(Qt.Key.Key_B)
        hand.drag([(40, 60), (90, 60)])
        hand.key(Qt.Key.Key_L, ALT)
        hand.drag([(10, 10), (20, 20), (40, 50)])
        assert session.view.ruler == (pytest.approx((10, 10), abs=1), pytest.approx((40, 50), abs=1))
        assert [bool(session.document.stack.page(n).labels.values()) for n in range(3)] == [False, True, False]
        hand.key(Qt.Key.Key_G, ALT)
        hand.action("image.next_plane")
        assert canvas.accessibleDescription().endswith("labels on plane 3")
        hand.open_image("flat.tif")
        assert canvas.accessibleDescription() == ""
        assert session.view.ruler is None
        hand.window.actions_table.refresh()
        assert not hand.window.actions_table["view.projection"].isEnabled()
        hand.open_image("s.ome.tif")
        hand.key(Qt.Key.Key_M, ALT)
        hand.key(Qt.Key.Key_G, ALT)
        assert session.document.plane == 2
        assert seen(50, 150, 250) == [0, 0, 2]

    run_program([str(tmp_path / "project")], script)
