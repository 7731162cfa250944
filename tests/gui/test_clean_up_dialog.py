"""The window that cleans up: nothing is done that was not shown before."""

from pathlib import Path

import numpy as np
import tifffile
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from studio import Studio

from segstudio.core.tiles import Window
from segstudio.gui.dialogs.clean_up import CleanUpDialog
from segstudio.labels.clean_up import CleanUp
from segstudio.labels.edits import Polygon
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels


def test_after_a_turn_a_stroke_or_another_wish_it_is_looked_anew_before_anything_can_be_done(
    studio: Studio, tmp_path: Path, qtbot: QtBot
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 40, 40), np.uint8), metadata={"axes": "ZYX"}, imagej=True)
    session = studio.session
    session.create_project(tmp_path / "stack", [tmp_path / "a.tif"])
    studio.until(lambda: session.document is not None)
    document = session.document
    assert document is not None
    speck = np.zeros((40, 40), np.int32)
    speck[10:13, 10:13] = 1
    document.apply(PasteLabels(speck, Window.whole(speck.shape), {1: ObjectInfo()}))
    done: list[CleanUp] = []
    dialog = CleanUpDialog(session, done.append)
    qtbot.addWidget(dialog)
    dialog.show()
    studio.until(dialog.clean.isEnabled)
    assert session.view.selected == {1}
    assert "on this plane" in dialog.says.text()
    document.turn_to(1)
    assert not dialog.clean.isEnabled()
    assert session.view.selected == frozenset()
    studio.until(lambda: dialog.says.text() == "There is nothing to clean up on this plane.")
    document.apply(Polygon([(20, 20), (23, 20), (23, 23), (20, 23)], None))
    studio.until(lambda: session.view.selected == {2})
    assert dialog.clean.isEnabled()
    document.apply(Polygon([(30, 30), (33, 30), (33, 33), (30, 33)], None))
    assert not dialog.clean.isEnabled()
    studio.until(dialog.clean.isEnabled)
    dialog.smallest.setValue(1)
    assert not dialog.clean.isEnabled()
    dialog.smallest.setValue(20)
    studio.until(dialog.clean.isEnabled)
    qtbot.mouseClick(dialog.clean, Qt.MouseButton.LeftButton)
    assert ([edit.smallest for edit in done], dialog.clean.isEnabled()) == ([20], False)
