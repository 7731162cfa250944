"""The command palette in the real window: finds, does, says why not, and gives the keys back to the image."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.command_palette import CommandPalette

_CHORD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.mark.timeout(60)
def test_an_action_is_found_and_done_with_the_keyboard_alone(tmp_path: Path, qapp: object) -> None:
    shutil.copytree(resource("samples", "project.json").parent, tmp_path / "cells")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        window, view = hand.window, hand.session.view
        hand.key(Qt.Key.Key_P, _CHORD)
        (palette,) = window.findChildren(CommandPalette)
        assert palette.isVisible()
        assert palette.field.hasFocus()

        tool = view.tool
        QTest.keyClicks(palette.field, "delete obj")  # each of these letters is a shortcut of the window
        assert view.tool == tool
        found = palette.found.spec(0)
        assert (found.id, palette.found.keys(found)) == ("edit.delete", "Del")
        assert palette.found.beside(found) == "Select an object first."
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        assert palette.isVisible(), "a grey action is not done"

        palette.field.setText("polgon")
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        assert window.canvas.hasFocus()
        hand.wait(lambda: view.tool == "polygon", what="the tool")
        assert not palette.isVisible()

        hand.key(Qt.Key.Key_P, _CHORD)
        assert palette.found.spec(0).id == "tool.polygon", "what was done last comes first"
        QTest.keyClick(palette.field, Qt.Key.Key_Down)
        assert palette.list.currentIndex().row() == 1
        QTest.keyClick(palette.field, Qt.Key.Key_Escape)
        assert window.canvas.hasFocus()
        assert view.tool == "polygon"

    run_program([str(tmp_path / "cells")], script)
