"""Shapes of the selected objects changed by keys in the real window, away from the GUI thread."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
Key, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier


def test_selected_objects_grow_and_are_copied_and_each_is_one_step(tmp_path: Path) -> None:
    image = np.zeros((100, 200), np.uint8)
    image[:50] = 200
    tifffile.imwrite(tmp_path / "a.tif", image)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()

    def script(hand: Driver) -> None:
        session, view = hand.session, hand.session.view
        hand.wait(lambda: session.document is not None, what="the image")
        document = session.document

        def do(key: Qt.Key, keys: Qt.KeyboardModifier) -> np.ndarray:
            hand.key(key, keys)
            hand.wait(lambda: not session.ahead.busy, what="the edit")
            return document.planes.labels.to_array()

        hand.key(Key.Key_R)
        hand.drag([(20, 20), (30, 30), (40, 40)])
        assert not hand.window.banners.messages()
        before = document.planes.labels.to_array()
        (first,) = view.selected
        view.shape_step = 3.0
        grown = do(Key.Key_Up, CTRL)
        assert np.count_nonzero(grown) > np.count_nonzero(before)
        copied = do(Key.Key_D, CTRL)
        (second,) = view.selected
        assert second != first
        assert np.count_nonzero(copied == second) == np.count_nonzero(grown == first)
        names = [record.name for record in document.history.entries()]
        assert names == ["Outline object", "Grow object", "Duplicate objects"]
        for _ in range(2):
            hand.action("edit.undo")
        np.testing.assert_array_equal(document.planes.labels.to_array(), before)

    run_program([str(tmp_path / "project")], script)
