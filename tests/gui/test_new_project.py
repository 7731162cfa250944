"""The dialog of a new project, worked with keys."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.gui.forms.path_line import PathLine

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_enter_presses_the_button_that_has_the_keys(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(elsewhere))
    dialog = NewProjectDialog(tmp_path / "suggested")
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.activateWindow()
    choose = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Choose…")
    assert not choose.isDefault(), "one button only looks like the one to press"
    choose.setFocus()
    qtbot.waitUntil(choose.hasFocus)
    qtbot.keyClick(choose, Qt.Key.Key_Return)
    assert dialog.isVisible(), "no project is created"
    assert str(elsewhere) in str(dialog.folder)
    create = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Create project")
    create.setFocus()
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(create, Qt.Key.Key_Return)


def test_a_path_is_seen_whole_or_told_by_the_tooltip(qtbot: QtBot) -> None:
    line = PathLine("/data/anna/microscopy 2026/cells SegStudio")
    qtbot.addWidget(line)
    assert line.minimumWidth() > line.fontMetrics().horizontalAdvance(line.text())
    line.setText("/data" * 100)
    assert line.minimumWidth() < 500
    assert line.toolTip() == "/data" * 100
