"""What the window shows while files are dragged over it."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from segstudio.gui.theme import FONT_TITLE, tokens

#: Width of the frame, and its distance from the edge of the window, pixels.
_LINE, _EDGE = 3, 8
#: Room around the words on their card, and its round corners, pixels.
_ROOM, _ROUND = 24, 8


class DropSign(QWidget):
    """A frame round the whole window that says what letting go will do; the pointer goes through it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._words = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def appear(self, adds: bool) -> None:
        """Show it; `adds` when single images are added to the project that is open."""
        self._words = (
            self.tr("Drop images to add them, or a folder or project to open it")
            if adds
            else self.tr("Drop images, a folder or a project to open it")
        )
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()

    def words(self) -> str:
        """Return what it says."""
        return self._words

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a veil, a frame, and the words on a card: what lies below never runs through them."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = tokens().colour("background")
        veil.setAlphaF(0.75)
        painter.fillRect(self.rect(), veil)
        painter.setPen(QPen(tokens().colour("accent"), _LINE, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE), _EDGE, _EDGE)
        font = QFont(painter.font())
        font.setPixelSize(FONT_TITLE)
        painter.setFont(font)
        words = QRectF(painter.boundingRect(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens().colour("panel"))
        painter.drawRoundedRect(words.adjusted(-_ROOM, -_ROOM, _ROOM, _ROOM), _ROUND, _ROUND)
        painter.setPen(tokens().colour("text"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._words)
