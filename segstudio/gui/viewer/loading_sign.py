"""What lies over the view while an image opens slowly: its name, so that nobody takes the black for the image."""

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from segstudio.gui.theme import tokens
from segstudio.gui.viewer.plates import card

#: An image that opens within this time needs no words, milliseconds.
_AFTER_MS: Final = 300
_ROOM: Final = 16
#: Longest name, of the width of the view.
_WIDEST: Final = 0.6


class LoadingSign(QLabel):
    """A card in the middle of a view; the pointer goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._view = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMargin(_ROOM)
        self.setStyleSheet(f"color: {tokens().canvas['bright']};")  # on the dark of the card in both themes
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AFTER_MS)
        self._timer.timeout.connect(self._appear)
        parent.installEventFilter(self)
        self.hide()

    def wait_for(self, name: str) -> None:
        """Show the name of an image that has not opened in a moment; nothing for an empty one, which has opened."""
        self._timer.stop()
        if not name:
            self.hide()
            return
        self._say(self.tr("Opening {name} …").format(name=self._shortened(name)))

    def show_share(self, name: str, share: float) -> None:
        """Show how much of a large image is prepared to be seen, 0 to 1; nothing once it is."""
        if share >= 1:
            self.wait_for("")
            return
        words = self.tr("Preparing {name} …  {share} %") if share > 0 else self.tr("Reading {name} …")
        self._say(words.format(name=self._shortened(name), share=round(100 * share)))

    def _shortened(self, name: str) -> str:
        widest = round(self._view.width() * _WIDEST)
        return self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, widest)

    def _say(self, words: str) -> None:
        self.setText(words)
        self._place()
        if self.isHidden() and not self._timer.isActive():
            self._timer.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep to the middle of the view."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the words on a card."""
        painter = QPainter(self)
        card(painter, self.rect())
        painter.end()
        super().paintEvent(event)

    def _appear(self) -> None:
        self._place()
        self.raise_()
        self.show()

    def _place(self) -> None:
        self.adjustSize()
        middle = self._view.rect().center()
        self.move(middle.x() - self.width() // 2, middle.y() - self.height() // 2)
