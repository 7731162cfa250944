"""The first lines of a message that open to all of it."""

from html import escape
from math import ceil
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QTextLayout, QTextLine, QTextOption
from PySide6.QtWidgets import QLabel, QSizePolicy

#: What is to be done stands at the end: at 1280 pixels all but messages with very long paths fit into this.
MOST_LINES: Final = 3


class Headline(QLabel):
    """A text on three lines or fewer, cut off with an ellipsis where there is no room; a click shows the rest below.

    The tooltip has it all too. Opened, the text can be selected.
    """

    cut_changed = Signal(bool)
    """Whether some of the text is out of sight."""
    opened = Signal()
    """It was clicked while some of it was out of sight."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._cut = False
        self._most = MOST_LINES
        self.is_open = False
        """Whether all of the text is shown, on as many lines as it takes."""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setWordWrap(True)
        self._take(text)

    def say(self, text: str) -> None:
        """Show another text."""
        self._take(text)
        self.updateGeometry()
        self._look()

    def keep_to(self, lines: int) -> None:
        """Show no more than so many lines while it is not opened."""
        if lines != self._most:
            self._most = lines
            self.updateGeometry()
            self._look()
            self.update()

    def open(self, *, opened: bool) -> None:
        """Show all of the text, or its first lines only."""
        self.is_open = opened
        selectable = Qt.TextInteractionFlag.TextSelectableByMouse
        self.setTextInteractionFlags(selectable if opened else Qt.TextInteractionFlag.NoTextInteraction)
        self.updateGeometry()
        self._look()

    def heightForWidth(self, width: int) -> int:
        """Return the height of the lines that are shown."""
        heights = self._heights(width)
        return ceil(sum(heights if self.is_open else heights[: self._most]))

    def sizeHint(self) -> QSize:
        """Return the room for the text at the present width; the layout gives the width."""
        return QSize(0, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Return the least room: one line."""
        return QSize(0, ceil(self._heights(self.width())[0]))

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
        """Draw the lines as a label does, with an ellipsis when some are out of sight."""
        if not self._cut:
            super().paintEvent(event)
            return
        starts = [line.textStart() for line in self._lines(self.width())[: self._most]]
        ends = [*starts[1:], len(self.text())]
        lines = [self.text()[start:end] for start, end in zip(starts, ends, strict=True)]
        lines[-1] = self.fontMetrics().elidedText(lines[-1], Qt.TextElideMode.ElideRight, self.width())
        alignment, role = int(self.alignment()), self.foregroundRole()
        self.style().drawItemText(
            QPainter(self), self.contentsRect(), alignment, self.palette(), self.isEnabled(), "\n".join(lines), role
        )

    def _take(self, text: str) -> None:
        self.setText(text)
        self.setAccessibleName(text)
        self.setToolTip(f"<p>{escape(text)}</p>")

    def _heights(self, width: int) -> list[float]:
        """Return how high each line is when it is drawn: more than the spacing of some fonts says."""
        return [line.height() for line in self._lines(width)] or [float(self.fontMetrics().lineSpacing())]

    def _lines(self, width: int) -> list[QTextLine]:
        """Return the lines into which the text is broken at a width."""
        self._layout = QTextLayout(self.text(), self.font())  # kept: its lines live as long as it does
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self._layout.setTextOption(option)
        lines: list[QTextLine] = []
        self._layout.beginLayout()
        while (line := self._layout.createLine()).isValid():
            line.setLineWidth(max(1, width))
            lines.append(line)
        self._layout.endLayout()
        return lines

    def _look(self) -> None:
        cut = not self.is_open and len(self._lines(self.width())) > self._most
        if cut != self._cut:
            self._cut = cut
            self.cut_changed.emit(cut)
