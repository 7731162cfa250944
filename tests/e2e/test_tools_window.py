"""Tools that propose, move and reshape, used by keys and mouse on the planes of a stack in the real window."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")
Key, SHIFT, CTRL = Qt.Key, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
Y, X = np.mgrid[:120, :160]
CELLS = [np.hypot(X - x, Y - y) <= 10 for x, y in ((30, 30), (80, 30), (30, 85))]


def test_cells_are_proposed_moved_copied_to_the_next_plane_and_reshaped(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(60, 4, (2, 120, 160))
    stack = (noise + 100 * np.logical_or.reduce(CELLS)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()

    def script(hand: Driver) -> None:
        session, view = hand.session, hand.session.view
        hand.wait(lambda: session.document is not None, what="the image")
        document = session.document

        def labels() -> np.ndarray:
            hand.wait(lambda: not session.ahead.busy, what="the edit")
            return document.planes.labels.to_array()

        def proposal() -> None:
            hand.wait(lambda: "takes what is proposed" in hand.window.status.currentMessage(), what="the proposal")
            hand.window.status.clearMessage()

        hand.key(Key.Key_B, SHIFT)
        hand.drag([(17, 17), (30, 30), (43, 43)])
        proposal()
        hand.key(Key.Key_Return)
        first = labels() > 0
        assert np.count_nonzero(first ^ CELLS[0]) < 0.1 * np.count_nonzero(CELLS[0])
        hand.key(Key.Key_T, SHIFT)
        hand.drag([(5, 5), (110, 5), (110, 110), (5, 110)])
        proposal()
        hand.click_at((70, 70))  # elsewhere: it takes the proposal and begins a region that Escape gives up
        hand.key(Key.Key_Escape)
        assert len(set(np.unique(labels())) - {0}) == 3
        view.let_go()
        hand.key(Key.Key_V, SHIFT)
        hand.drag([(60, 10), (100, 10), (100, 50), (60, 50)])
        hand.wait(lambda: len(view.selected) == 1, what="the selected object")
        (right,) = view.selected
        hand.key(Key.Key_G, SHIFT)
        hand.drag([(80, 30), (90, 40), (120, 60)])
        assert labels()[60, 120] == right
        hand.key(Key.Key_C, CTRL)
        hand.window.step_plane("Z", 1)
        assert document.plane == 1
        hand.key(Key.Key_V, CTRL)
        hand.wait(lambda: not session.ahead.busy and view.selected - {right}, what="the copy")
        (copy,) = view.selected
        assert labels()[60, 120] == copy
        hand.key(Key.Key_N, SHIFT)
        hand.click_at((120, 60))
        hand.wait(lambda: "Drag vertices" in hand.window.status.currentMessage(), what="the vertices")
        edge = int(np.nonzero(labels() == copy)[1].max()) + 1
        hand.drag([(edge, 60), (140, 60), (150, 60)])
        hand.window.step_plane("Z", -1)  # what was changed is kept
        names = [record.name for record in document.history.entries()]
        assert names == ["Outline in a box", "Threshold", "Move objects", "Paste objects", "Edit outline"]
        assert document.stack.page(1).labels.to_array()[60, 140] == copy
        for _ in names:
            hand.action("edit.undo")
        hand.wait(lambda: not document.can_undo, what="undo")
        assert document.stack.blank

    run_program([str(tmp_path / "project")], script)
