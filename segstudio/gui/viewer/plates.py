"""Dark grounds on which something light can be read over every image: behind a text, and of a small card."""

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPen

from segstudio.gui.theme import tokens

_RADIUS = 8


def plate(painter: QPainter, place: QRectF, text: str, font: QFont) -> None:
    """Draw light text on a dark plate, readable on every image."""
    back = tokens().colour("halo")
    back.setAlphaF(0.55)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(back)
    painter.drawRoundedRect(place.adjusted(-5, -1, 5, 1), 3, 3)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setFont(font)
    painter.setPen(tokens().colour("bright"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def card(painter: QPainter, place: QRect) -> None:
    """Draw the ground of a widget that lies over an image, with round corners."""
    back, edge = tokens().colour("surround"), tokens().colour("bright")
    back.setAlphaF(0.85)
    edge.setAlphaF(0.2)
    painter.setPen(QPen(edge, 1))
    painter.setBrush(back)
    painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS, _RADIUS)
