"""Keys that a field keeps for itself are no shortcuts of the window."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.field_keys import keeps_key


def asked(field: QWidget, key: Qt.Key, held: Qt.KeyboardModifier) -> bool:
    return keeps_key(field, QKeyEvent(QEvent.Type.ShortcutOverride, key, held))


def test_a_list_keeps_shift_and_arrows_to_choose_several_rows(qtbot: QtBot) -> None:
    rows, line = QListWidget(), QLineEdit()
    for widget in (rows, line):
        qtbot.addWidget(widget)
    shift, none = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
    assert asked(rows, Qt.Key.Key_Down, shift)
    assert asked(rows, Qt.Key.Key_PageUp, shift)
    assert not asked(rows, Qt.Key.Key_Down, none)
    assert not asked(rows, Qt.Key.Key_Return, shift)
    assert not asked(line, Qt.Key.Key_Down, shift)
    assert asked(line, Qt.Key.Key_Return, none)
