"""Which keys belong to the field that has the focus, and not to the shortcuts of the window."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QTextEdit,
    QWidget,
)

_ENTER = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
_STEPS = frozenset({Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown})
_SIDES = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Right})
_MODIFIERS = ~Qt.KeyboardModifier.KeypadModifier
_TEXTS = (QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit)


def takes_text(field: QWidget | None) -> bool:
    """Tell whether somebody may be typing into `field`."""
    return isinstance(field, _TEXTS)


def keeps_key(field: QWidget | None, event: QKeyEvent) -> bool:
    """Tell whether a key that would be a shortcut is for `field`.

    Enter ends a number there, and must not accept a proposal. Qt's fields keep what is typed by themselves, but
    neither Enter nor the keys that step. Lists keep Shift with the keys that step: they choose several rows.
    """
    if isinstance(field, QAbstractItemView) and event.modifiers() & _MODIFIERS == Qt.KeyboardModifier.ShiftModifier:
        return event.type() == QEvent.Type.ShortcutOverride and Qt.Key(event.key()) in _STEPS
    if event.type() != QEvent.Type.ShortcutOverride or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return False
    key = Qt.Key(event.key())
    if takes_text(field):
        return key in _ENTER | _STEPS
    if isinstance(field, QSlider):
        return key in _STEPS | _SIDES
    return isinstance(field, QComboBox) and key in _STEPS
