"""A channel as a button: its colour, its name, and the way to its contrast."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from segstudio.gui.theme import tokens
from segstudio.session.display.shading import lut_colours

_HEIGHT, _DOT, _CARET, _GAP = 26, 10, 20, 8
_LONGEST = 150


class ChannelChip(QAbstractButton):
    """Shows and hides a channel, or brings it to the front in the single view.

    Parameters
    ----------
    name
        What the channel is called.
    """

    opened = Signal()
    """Its contrast is asked for."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._lut, self._drawn, self._current = name, "#ffffff", True, False
        self._over_caret = False
        self.setAccessibleName(name)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """Return room for the colour, the name and the arrow."""
        text = min(self.fontMetrics().horizontalAdvance(self._name), _LONGEST)
        return QSize(_GAP + _DOT + _GAP + text + _CARET + 4, _HEIGHT)

    def show_channel(self, lut: str, *, drawn: bool, current: bool) -> None:
        """Show how the channel is displayed, whether it is seen, and whether its contrast is in hand."""
        self._lut, self._drawn, self._current = lut, drawn, current
        self.setChecked(drawn)
        self.update()

    def nextCheckState(self) -> None:
        """Wait for the session to say so."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chip."""
        painter, t = QPainter(self), tokens()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = t.colour("accent" if self._current or self.hasFocus() else "border")
        painter.setPen(QPen(edge, 1))
        painter.setBrush(t.colour("raised") if self._drawn or self.underMouse() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        dot = QRectF(_GAP, (self.height() - _DOT) / 2, _DOT, _DOT)
        paint_lut(painter, dot, self._lut, filled=self._drawn)
        painter.setPen(t.colour("text" if self._drawn else "secondary"))
        place = self.rect().adjusted(_GAP + _DOT + _GAP, 0, -_CARET, 0)
        words = self.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
        x, y = self.width() - _CARET / 2 - 2, self.height() / 2
        painter.setPen(QPen(t.colour("text" if self._over_caret else "secondary"), 1.5))
        painter.drawPolyline([QPointF(x - 3.5, y - 1.5), QPointF(x, y + 2), QPointF(x + 3.5, y - 1.5)])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open the contrast at the arrow or with the right button."""
        if event.button() == Qt.MouseButton.RightButton or self._is_caret(event):
            self.opened.emit()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the arrow."""
        over = self._is_caret(event)
        if over != self._over_caret:
            self._over_caret = over
            self.update()
        super().mouseMoveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the contrast with the arrow key down."""
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Menu):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def _is_caret(self, event: QMouseEvent) -> bool:
        return event.position().x() >= self.width() - _CARET


def paint_lut(painter: QPainter, place: QRectF, lut: str, *, filled: bool = True) -> None:
    """Draw the colour or look-up table of a channel as a round spot or bar; a ring for one that is hidden."""
    painter.save()
    colours = [QColor(*rgb) for rgb in lut_colours(lut)]
    gradient = QLinearGradient(place.topLeft(), place.topRight())
    for number, colour in enumerate(colours):
        gradient.setColorAt(number / max(len(colours) - 1, 1), colour)
    brush = colours[-1] if len(colours) == 1 else gradient
    painter.setBrush(brush if filled else Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(tokens().colour("border") if filled else colours[-1], 1 if filled else 1.5))
    painter.drawRoundedRect(place, place.height() / 2, place.height() / 2)
    painter.restore()
