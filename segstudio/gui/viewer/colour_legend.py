"""What the colours of objects mean: a colour bar of a measurement, or a list, in the upper right corner."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QLinearGradient, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.label_render import Colour
from segstudio.gui.viewer.plates import card

#: Room to the edges of the view, inside the card and between its parts, screen pixels.
_EDGE, _INSIDE, _GAP = 12, 10, 6
_BAR_WIDTH, _BAR_HEIGHT, _SWATCH, _LINE = 12, 110, 12, 18


@dataclass(frozen=True)
class Legend:
    """What is shown.

    Attributes
    ----------
    title
        What objects are coloured by; empty shows nothing.
    entries
        A name and its colour; none for a measurement.
    bar
        Colours of a measurement from its low to its high end.
    ends
        Its low and its high value, in words.
    """

    title: str = ""
    entries: tuple[tuple[str, Colour], ...] = ()
    bar: tuple[Colour, ...] = ()
    ends: tuple[str, str] = ("", "")


class ColourLegend(QGraphicsItem):
    """Lies over the image; `set_legend` says what it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.legend = Legend()
        self._bounds = QRectF()

    def set_legend(self, legend: Legend) -> None:
        """Show something else."""
        if legend != self.legend:
            self.legend = legend
            self.update()

    def set_bounds(self, bounds: QRectF) -> None:
        """Follow the size of the view."""
        if bounds != self._bounds:
            self.prepareGeometryChange()
            self._bounds = bounds

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the card."""
        legend = self.legend
        if not legend.title:
            return
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        metrics = QFontMetricsF(font)
        words = legend.ends if legend.bar else tuple(name for name, _ in legend.entries)
        beside = max((metrics.horizontalAdvance(text) for text in words), default=0.0) + _SWATCH + _GAP
        width = round(max(metrics.horizontalAdvance(legend.title), beside)) + 2 * _INSIDE
        body = _BAR_HEIGHT if legend.bar else _LINE * len(legend.entries)
        height = 2 * _INSIDE + _LINE + body
        place = QRect(round(self._bounds.right()) - width - _EDGE, round(self._bounds.top()) + _EDGE, width, height)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card(painter, place)
        painter.setPen(tokens().colour("bright"))
        left, top = place.left() + _INSIDE, place.top() + _INSIDE
        painter.drawText(QRectF(left, top, width, _LINE), Qt.AlignmentFlag.AlignVCenter, legend.title)
        if legend.bar:
            self._paint_bar(painter, QRectF(left, top + _LINE + 2, _BAR_WIDTH, _BAR_HEIGHT - 4))
        else:
            self._paint_entries(painter, QPointF(left, top + _LINE), width)

    def _paint_bar(self, painter: QPainter, bar: QRectF) -> None:
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        last = max(1, len(self.legend.bar) - 1)
        for number, colour in enumerate(self.legend.bar):
            gradient.setColorAt(number / last, QColor(*colour))
        painter.fillRect(bar, gradient)
        low, high = self.legend.ends
        beside, side = bar.right() + _GAP, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip
        painter.drawText(QRectF(beside, bar.top() - 3, 1, _LINE), side, high)
        painter.drawText(QRectF(beside, bar.bottom() + 3 - _LINE, 1, _LINE), side, low)

    def _paint_entries(self, painter: QPainter, corner: QPointF, width: float) -> None:
        for number, (name, colour) in enumerate(self.legend.entries):
            top = corner.y() + number * _LINE
            painter.fillRect(QRectF(corner.x(), top + (_LINE - _SWATCH) / 2, _SWATCH, _SWATCH), QColor(*colour))
            words = QRectF(corner.x() + _SWATCH + _GAP, top, width, _LINE)
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, name)
