"""One line of a message that opens to all of it."""

from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy


class Headline(QLabel):
    """A text on one line, cut off with an ellipsis where there is no room; a click shows the rest below.

    The tooltip has it all too. Opened, the text can be selected.
    """

    cut_changed = Signal(bool)
    """Whether some of the text is out of sight."""
    opened = Signal()
    """It was clicked while some of it was out of sight."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._cut = False
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._take(text)

    def say(self, text: str) -> None:
        """Show another text."""
        self._take(text)
        self._look()

    def open(self, *, opened: bool) -> None:
        """Show all of the text, on as many lines as it takes, or one line only."""
        self.setWordWrap(opened)
        selectable = Qt.TextInteractionFlag.TextSelectableByMouse
        self.setTextInteractionFlags(selectable if opened else Qt.TextInteractionFlag.NoTextInteraction)
        self.updateGeometry()
        self._look()

    def sizeHint(self) -> QSize:
        """Return the room for all of it when it is open; else the height of a line, the layout gives the width."""
        return super().sizeHint() if self.wordWrap() else QSize(0, self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Return the least room, as `sizeHint`."""
        return super().minimumSizeHint() if self.wordWrap() else self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Find out whether there is room."""
        super().resizeEvent(event)
        self._look()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Ask to be opened."""
        super().mouseReleaseEvent(event)
        if self._cut and event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line as a label does, with an ellipsis."""
        if self.wordWrap():
            super().paintEvent(event)
            return
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        alignment, role = int(self.alignment()), self.foregroundRole()
        self.style().drawItemText(
            QPainter(self), self.contentsRect(), alignment, self.palette(), self.isEnabled(), shown, role
        )

    def _take(self, text: str) -> None:
        self.setText(text)
        self.setAccessibleName(text)
        self.setToolTip(f"<p>{escape(text)}</p>")

    def _look(self) -> None:
        cut = not self.wordWrap() and self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        if cut != self._cut:
            self._cut = cut
            self.cut_changed.emit(cut)
