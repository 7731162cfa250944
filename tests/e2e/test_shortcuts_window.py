"""Changing a key in the real window: the conflict is said, the key works at once and after a restart."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.dialogs.key_map import KeyMap
from segstudio.gui.dialogs.shortcuts import ShortcutsDialog


@pytest.mark.timeout(60)
def test_a_key_is_changed_and_its_conflict_is_said(tmp_path: Path, qapp: object) -> None:
    shutil.copytree(resource("samples", "project.json").parent, tmp_path / "cells")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        view = hand.session.view
        hand.action("help.shortcuts")
        dialog = hand.dialog(ShortcutsDialog)
        dialog.select("tool.split")
        field = dialog.fields[0]
        QTest.keyClick(field, Qt.Key.Key_H)
        hand.wait(dialog.says.text, what="the refusal")
        assert dialog.says.text() == "H hides the overlays while it is held. Choose another key."
        assert field.keySequence().toString() == "S", "what cannot be had takes nothing away"
        QTest.keyClick(field, Qt.Key.Key_F)
        assert dialog.says.text() == "F is the key of “Fill”, which will have none."
        assert view.tool == "select", "the key is for the field"
        dialog.select("tool.pick")
        dialog.fields[0].clear()
        hand.wait(lambda: dialog.reset.isEnabled(), what="the empty field")
        dialog.select("tool.region")
        QTest.keyClick(dialog.fields[0], Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        dialog.select("edit.undo")
        QTest.keyClick(dialog.fields[0], Qt.Key.Key_J)
        hand.click(dialog, "Use these keys")

        hand.key(Qt.Key.Key_F)
        assert view.tool == "split"
        hand.key(Qt.Key.Key_S)
        assert view.tool == "split", "S is nobody's"
        captions = [label.text() for label in hand.window.label_step.findChildren(QLabel)]
        assert "The region brush (Ctrl+N) paints:" in captions
        hand.action("help.keys")
        rows = hand.dialog(KeyMap)._table
        shown = {rows.item(row, 1).text(): rows.item(row, 2).text() for row in range(rows.rowCount())}
        assert (shown["Split"], "Fill" in shown, "Pick" in shown, shown["Undo"]) == ("F", False, False, "J")
        hand.dialog(KeyMap).close()

        hand.key(Qt.Key.Key_3)  # the changed key of Undo drops the last point of a polygon, and undoes nothing
        hand.click_at((20, 20))
        hand.click_at((40, 20))
        hand.key(Qt.Key.Key_J)
        hand.key(Qt.Key.Key_J)
        assert not hand.window.canvas._hand.running
        assert not hand.session.document.can_redo

    run_program([str(tmp_path / "cells")], script)

    def again(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.key(Qt.Key.Key_F)
        assert hand.session.view.tool == "split"

    run_program([str(tmp_path / "cells")], again)
