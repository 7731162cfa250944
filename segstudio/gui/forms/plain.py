"""Texts with names that strangers gave: shown as they are written, where Qt would guess that they are HTML."""

from html import escape
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import Qt as TextGuess
from PySide6.QtWidgets import QLabel, QMessageBox

T = TypeVar("T", QLabel, QMessageBox)


def plain(widget: T) -> T:
    """Let a label or a message show its text as it is; return it."""
    widget.setTextFormat(Qt.TextFormat.PlainText)
    return widget


def plain_tip(text: str) -> str:
    """Return the tooltip that shows `text` as it is; a tooltip has no such setting of its own."""
    return f"<p>{escape(text)}</p>".replace("\n", "<br>") if TextGuess.mightBeRichText(text) else text
