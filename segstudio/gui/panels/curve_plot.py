"""The plot of the curves: lines with their names at the end, the best epoch, values under the pointer."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.theme import tokens
from segstudio.session.curves import Curves, epoch_words

#: Figures of one run are told apart by their dashes, runs by their colours.
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
_COLOURS = ("accent", "warning", "good", "error", "text", "secondary")
_NAMES = {
    "train_loss": "training",
    "val_loss": "validation",
    "val_f1": "F1",
    "val_iou": "foreground IoU",
    "val_ap": "AP",
    "learning_rate": "rate",
    "images_per_s": "patches/s",
}
#: Pixels from one name to the next, and between a line and a name.
_LABEL_HEIGHT, _LABEL_GAP = 16, 12
#: The names take no more than this share of the width.
_MOST_FOR_LABELS = 0.45
#: With so few points each one gets a mark.
_FEW = 8


class _WholeTicks(pg.AxisItem):
    """An axis whose ticks can be held to whole numbers: there is no epoch 1.2."""

    whole = True

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """Return distance and offset of each level of ticks."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        if not self.whole:
            return levels
        return [level for level in levels if level[0] >= 1 and level[0] % 1 == 0] or [(1.0, 0.0)]


class CurvePlot(QWidget):
    """Draws series; knows nothing about jobs."""

    hovered = Signal(str)
    """Values under the pointer, in words; empty when it is elsewhere."""

    def __init__(self, best: str) -> None:
        super().__init__()
        self._best = best
        self._lines: list[tuple[str, NDArray[np.float64], NDArray[np.float64]]] = []
        self._texts: list[pg.TextItem] = []
        self._axis_name = ""
        self._log = False
        self._steps = _WholeTicks("bottom")
        self._plot = pg.PlotWidget(axisItems={"bottom": self._steps})
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.getPlotItem().scene().sigMouseMoved.connect(self._on_moved)
        self._plot.getPlotItem().vb.sigResized.connect(self._fit)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        self.dress()

    def labels(self) -> list[str]:
        """Return the names of the lines."""
        return [label for label, _x, _y in self._lines]

    def dress(self) -> None:
        """Take over the colours of the theme."""
        colours = tokens()
        self._plot.setBackground(colours.panel)
        item = self._plot.getPlotItem()
        for side in ("left", "bottom"):
            axis = item.getAxis(side)
            axis.setPen(pg.mkPen(colours.border))
            axis.setTextPen(pg.mkPen(colours.secondary))
            axis.enableAutoSIPrefix(False)
        item.showGrid(x=True, y=True, alpha=0.12)
        self._cross.setPen(pg.mkPen(colours.secondary, width=1, style=Qt.PenStyle.DotLine))

    def draw(self, curves: Curves, runs: Sequence[str], names: Sequence[str], axis: str, log: bool) -> int:
        """Draw the series `names` of `runs` over `axis` (``"epochs"`` or ``"minutes"``); return how many lines.

        Values that a logarithm cannot show are left out with `log`.
        """
        item = self._plot.getPlotItem()
        item.clear()
        item.setLogMode(x=False, y=log)
        self._axis_name = axis
        self._steps.whole = axis == "epochs"
        self._lines, self._texts, self._log = [], [], log
        item.setLabel("bottom", axis)
        for number, run_id in enumerate(runs):
            colour = _COLOURS[number % len(_COLOURS)]
            for dash, name in enumerate(names):
                series = curves.series(run_id, name)
                x, y = getattr(series, axis), series.values
                usable = np.isfinite(y) & ((y > 0) | (not log))
                if usable.any():
                    label = _NAMES.get(name, name)
                    label = label if len(runs) == 1 else f"{curves.run_name(run_id)}: {label}"
                    self._draw_line(label, x[usable], y[usable], colour, dash)
        if self._lines:
            item.addItem(self._cross, ignoreBounds=True)
            self._cross.hide()
            item.setYRange(*self._reach(), padding=0.08)
            for number, run_id in enumerate(runs):
                self._mark_best(curves, run_id, axis, number)
            self._fit()
        return len(self._lines)

    def _draw_line(self, label: str, x: NDArray[np.float64], y: NDArray[np.float64], colour: str, dash: int) -> None:
        item = self._plot.getPlotItem()
        pen = _pen(tokens().colour(colour), dash, 2 * self.devicePixelRatioF())
        symbol = "o" if len(x) <= _FEW else None
        item.plot(x, y, pen=pen, symbol=symbol, symbolSize=5, symbolBrush=pen.color(), symbolPen=None)
        self._texts.append(pg.TextItem(label, color=_text_colour(colour), anchor=(0, 0.5)))
        item.addItem(self._texts[-1], ignoreBounds=True)
        self._lines.append((label, x, y))

    def _ends(self) -> tuple[float, float]:
        """Return the first and the last place on the axis that has a point."""
        first = min(float(x[0]) for _label, x, _y in self._lines)
        last = max(float(x[-1]) for _label, x, _y in self._lines)
        return first, max(last, first + (1.0 if self._axis_name == "epochs" else 0.1))

    def _fit(self, *_box: object) -> None:
        """Leave room at the right for the names at the ends of the lines, and put them there."""
        box = self._plot.getPlotItem().vb
        if not self._lines or box.width() < 1:
            return
        widest = max(text.boundingRect().width() for text in self._texts) + _LABEL_GAP
        first, last = self._ends()
        reach = (last - first) / (1 - min(widest / box.width(), _MOST_FOR_LABELS))
        self._plot.getPlotItem().setXRange(first - 0.01 * reach, first + reach, padding=0)
        self._place_labels()

    def _place_labels(self) -> None:
        """Put each name at the end of its line, pushed apart where they would lie on one another."""
        box = self._plot.getPlotItem().vb
        if not self._lines or box.height() < _LABEL_HEIGHT:
            return
        ends = [float(np.log10(y[-1]) if self._log else y[-1]) for _label, _x, y in self._lines]
        low, high = box.viewRange()[1]
        gap = _LABEL_HEIGHT * (high - low) / box.height()
        order = sorted(range(len(ends)), key=ends.__getitem__)
        places = spaced([ends[number] for number in order], gap, high - gap / 2)
        for number, place in zip(order, places, strict=True):
            self._texts[number].setPos(float(self._lines[number][1][-1]), place)

    def _reach(self) -> tuple[float, float]:
        heights = [np.log10(y) if self._log else y for _label, _x, y in self._lines]
        low, high = min(float(y.min()) for y in heights), max(float(y.max()) for y in heights)
        return (low, high) if high > low else (low - abs(low or 1.0) / 2, low + abs(low or 1.0) / 2)

    def _mark_best(self, curves: Curves, run_id: str, axis: str, number: int) -> None:
        """Draw a line at the best epoch; its name lies at the left of it, where the curves are not."""
        best = curves.best(run_id)
        if best is None or all(len(x) < 2 for _label, x, _y in self._lines):
            return
        place = best.epoch if axis == "epochs" else best.elapsed_s / 60
        colour = _COLOURS[number % len(_COLOURS)]
        faint = tokens().colour(colour)
        faint.setAlphaF(0.6)
        line = pg.InfiniteLine(place, pen=pg.mkPen(faint, width=1, style=Qt.PenStyle.DashLine))
        first, last = self._ends()
        side = 1.0 if place > first + (last - first) / 4 else 0.0
        down = 0.14 * number
        pg.InfLineLabel(
            line,
            f"{self._best}: {epoch_words(best.epoch)}",
            position=0.92 - down if self._low_at(place) else 0.08 + down,
            color=_text_colour(colour),
            anchors=[(side, 0.5), (side, 0.5)],
        )
        self._plot.getPlotItem().addItem(line, ignoreBounds=True)

    def _low_at(self, place: float) -> bool:
        """Return whether the curves run through the lower half of the plot at a place of the axis."""
        low, high = self._reach()
        heights = []
        for _label, x, y in self._lines:
            value = float(y[int(np.abs(x - place).argmin())])
            heights.append(((float(np.log10(value)) if self._log else value) - low) / (high - low))
        return sum(heights) / len(heights) < 1 / 2

    def _on_moved(self, place: QPointF) -> None:
        box = self._plot.getPlotItem().vb
        if not self._lines or not box.sceneBoundingRect().contains(place):
            self._cross.hide()
            self.hovered.emit("")
            return
        at = box.mapSceneToView(place).x()
        words, run_before = [], ""
        for label, x, y in self._lines:
            nearest = int(np.abs(x - at).argmin())
            run, _, name = label.rpartition(": ")
            words.append(f"{label if run != run_before else name} {y[nearest]:.3g}")
            run_before, at_shown = run, float(x[nearest])
        self._cross.setPos(at_shown)
        self._cross.show()
        unit = f"epoch {epoch_words(at_shown)}" if self._axis_name == "epochs" else f"{at_shown:.1f} min"
        self.hovered.emit(f"{unit}:  {'   '.join(words)}")


def _text_colour(role: str) -> QColor:
    """Return the colour in which the words about a line can be read."""
    colours = tokens()
    return QColor(getattr(colours, f"{role}_text", getattr(colours, role)))


def _pen(colour: QColor, dash: int, width: float) -> QPen:
    pen: QPen = pg.mkPen(colour, width=width, style=_DASHES[dash % len(_DASHES)])
    return pen


def spaced(wanted: Sequence[float], gap: float, highest: float) -> list[float]:
    """Return places at least `gap` apart, in the order of `wanted` (ascending) and as near to it as may be.

    None lies above `highest`.

    Examples
    --------
    >>> spaced([1.0, 1.0, 5.0], 1.0, 5.0)
    [1.0, 2.0, 5.0]
    >>> spaced([5.0, 5.0], 1.0, 5.0)
    [4.0, 5.0]
    """
    places: list[float] = []
    for want in wanted:
        places.append(max(want, places[-1] + gap) if places else want)
    limit = highest
    for number in reversed(range(len(places))):
        places[number] = min(places[number], limit)
        limit = places[number] - gap
    return places
