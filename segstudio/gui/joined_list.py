"""The list of the messages that were joined in one banner."""

from math import ceil
from typing import Final

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit

#: Least height, pixels.
LEAST: Final = 64


class JoinedList(QPlainTextEdit):
    """Takes no more room than it is given, nor than it needs; opens at its first line."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.hide()

    def unfold(self, shown: bool) -> None:
        """Show it from its beginning, or hide it."""
        self.setVisible(shown)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def give(self, height: int) -> None:
        """Give it so much room, pixels."""
        lines, frame = self.document().size().height(), self.document().documentMargin() + self.frameWidth()
        needs = ceil(lines * self.fontMetrics().lineSpacing() + 2 * frame)
        self.setFixedHeight(min(needs, max(height, LEAST)))
