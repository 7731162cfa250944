"""The curve of a learning-rate range test: loss over rate, with the rate that is suggested."""

from math import log10

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.gui.forms.parts import on_theme
from segstudio.gui.theme import FONT_SECONDARY, tokens

_HEIGHT, _LEFT, _BOTTOM, _TOP = 132, 28, 32, 16
#: Exponents of the first and the last rate.
_FIRST, _LAST = -6, 0
#: Share by which losses may rise over the first ones before they run out of the picture.
_ROOM = 0.25


class RatePlot(QWidget):
    """Draws the losses as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._rates = self._losses = self._smooth = np.zeros(0)
        self._suggested: float | None = None
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        on_theme(self, self.update)

    def show_curve(
        self,
        curve: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        suggested: float | None,
    ) -> None:
        """Show rates, losses and smooth losses, and mark a rate."""
        self._rates, self._losses, self._smooth = curve
        self._suggested = suggested
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that fits the panel."""
        return QSize(280, _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw axes, dots, line and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        frame = QRectF(_LEFT, _TOP, self.width() - _LEFT - 8, _HEIGHT - _TOP - _BOTTOM)
        low, high = self._reach()
        self._draw_axes(painter, frame, low, high)
        if len(self._rates):
            painter.setClipRect(frame.adjusted(-1, -1, 1, 1))
            self._draw_losses(painter, frame, low, high)
            painter.setClipping(False)
        if self._suggested is not None:
            self._draw_mark(painter, frame, self._suggested)

    def _reach(self) -> tuple[float, float]:
        if not len(self._losses):
            return 0.0, 1.0
        first = float(np.median(self._losses[:10]))
        low = float(min(self._losses.min(), self._smooth.min()))
        high = max(first + _ROOM * max(first - low, 0.05 * abs(first)), first + 1e-6)
        return low - 0.08 * (high - low), high

    def _draw_axes(self, painter: QPainter, frame: QRectF, low: float, high: float) -> None:
        colours = tokens()
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawLine(frame.bottomLeft(), frame.bottomRight())
        painter.drawLine(frame.topLeft(), frame.bottomLeft())
        painter.setPen(QColor(colours.secondary))
        for exponent in range(_FIRST, _LAST + 1, 2):
            x = self._x(frame, 10.0**exponent)
            words = f"{10.0**exponent:.6f}".rstrip("0").rstrip(".")
            box = QRectF(x - 40, frame.bottom() + 2, 80, 14)
            box.moveRight(min(box.right(), self.width() + 32.0 if exponent < _LAST else self.width() - 2.0))
            aligned = Qt.AlignmentFlag.AlignRight if exponent == _LAST else Qt.AlignmentFlag.AlignHCenter
            painter.drawText(box, aligned, words)
        painter.drawText(
            QRectF(frame.left(), frame.bottom() + 16, frame.width(), 14),
            Qt.AlignmentFlag.AlignHCenter,
            self.tr("learning rate"),
        )
        painter.save()
        painter.translate(10, frame.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-40, -8, 80, 14), Qt.AlignmentFlag.AlignHCenter, self.tr("loss"))
        painter.restore()
        del low, high

    def _draw_losses(self, painter: QPainter, frame: QRectF, low: float, high: float) -> None:
        colours = tokens()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.disabled))
        for rate, loss in zip(self._rates, self._losses, strict=True):
            painter.drawEllipse(self._place(frame, rate, loss, low, high), 1.5, 1.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.accent), 2))
        places = [self._place(frame, r, s, low, high) for r, s in zip(self._rates, self._smooth, strict=True)]
        painter.drawPolyline(QPolygonF(places))

    def _draw_mark(self, painter: QPainter, frame: QRectF, rate: float) -> None:
        colours, x = tokens(), self._x(frame, rate)
        painter.setPen(QPen(QColor(colours.good), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.setPen(QColor(colours.good_text))
        box = QRectF(x - 60, 0, 120, 14)
        box.moveRight(min(box.right(), self.width() - 2.0))
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, f"{rate:g}")

    def _x(self, frame: QRectF, rate: float) -> float:
        return frame.left() + (log10(rate) - _FIRST) / (_LAST - _FIRST) * frame.width()

    def _place(self, frame: QRectF, rate: float, loss: float, low: float, high: float) -> QPointF:
        share = min(max((loss - low) / (high - low), -0.2), 1.5)
        return QPointF(self._x(frame, rate), frame.bottom() - share * frame.height())
