"""How the values of one measurement are spread, as a small histogram with its median."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from segstudio.gui.forms.parts import on_theme
from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import FONT_SECONDARY, tokens

_BINS = 24


class Distribution(QWidget):
    """Bars, their median, and the least and greatest value."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._counts: NDArray[np.intp] = np.zeros(0, np.intp)
        self._edges: NDArray[np.float64] = np.zeros(0)
        self._median = 0.0
        self.setFixedHeight(132)
        on_theme(self, self.update)

    def show_values(self, values: NDArray[np.float64], name: str) -> None:
        """Show the values that are finite."""
        finite = values[np.isfinite(values)]
        self._title = name
        if len(finite):
            self._counts, self._edges = np.histogram(finite, min(_BINS, max(5, round(len(finite) ** 0.5) * 2)))
            self._median = float(np.median(finite))
        else:
            self._counts = np.zeros(0, np.intp)
        says = self.tr("{0}: median {1:.4g}").format(name, self._median) if len(finite) else ""
        self.setToolTip(plain_tip(says))
        self.update()

    def counts(self) -> list[int]:
        """Return the numbers of objects in the bars."""
        return [int(count) for count in self._counts]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, the median, and least and greatest value."""
        if not len(self._counts):
            return
        colours = tokens()
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        plot = QRectF(0, 18, self.width(), self.height() - 38)
        step = plot.width() / len(self._counts)
        tallest = self._counts.max()
        for number, count in enumerate(self._counts.tolist()):
            height = plot.height() * count / tallest
            bar = QRectF(plot.left() + number * step, plot.bottom() - height, max(1.0, step - 1), height)
            painter.fillRect(bar, colours.colour("accent"))
        painter.setPen(colours.colour("border"))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        low, high = float(self._edges[0]), float(self._edges[-1])
        at = plot.left() + plot.width() * (self._median - low) / max(high - low, 1e-12)
        painter.setPen(colours.colour("text"))
        painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
        painter.drawText(
            QRectF(0, 0, self.width(), 16),
            Qt.AlignmentFlag.AlignLeft,
            self.tr("{0}  ·  median {1:.4g}").format(self._title, self._median),
        )
        painter.setPen(colours.colour("secondary"))
        ends = QRectF(0, plot.bottom() + 3, self.width(), 16)
        painter.drawText(ends, Qt.AlignmentFlag.AlignLeft, f"{low:.4g}")
        painter.drawText(ends, Qt.AlignmentFlag.AlignRight, f"{high:.4g}")
