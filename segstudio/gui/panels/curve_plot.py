"""The plot of the curves: lines with their names at the end, the best epoch, values under the pointer."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.panels.curve_axes import RoomyLogTicks, WholeTicks
from segstudio.gui.panels.curve_names import EndNames
from segstudio.gui.theme import tokens
from segstudio.session.curves import Curves, epoch_words

#: Figures of one run are told apart by their dashes, runs by their colours; figures of a single run by both.
_DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
#: Told apart with every common colour vision, after Okabe and Ito (2008); dark enough to be read on a light ground.
_ON_DARK = ("#56b4e9", "#e69f00", "#cc79a7", "#2fbf93", "#f0e442", "#d0d4dc")
_ON_LIGHT = ("#0067a3", "#a84800", "#9c3d78", "#00704f", "#6b5d00", "#40444c")
_NAMES = {
    "train_loss": "training",
    "val_loss": "validation",
    "val_f1": "F1",
    "val_iou": "foreground IoU",
    "val_ap": "AP",
    "learning_rate": "rate",
    "images_per_s": "patches/s",
}
#: Lightness below which a ground is dark, 0 to 255.
_DARK = 128
#: The names take no more than this share of the width.
_MOST_FOR_NAMES = 0.45
#: Share of the least width between a mark that stands alone and its name.
_BESIDE = 0.012
#: Share of the width that is left free before the first point.
_BEFORE = 0.01
#: Share of the height that is left free above and below the curves.
_PADDING = 0.08
#: Share of the width that words at a line take, and of the height that lies between them and the curves.
_WORDS, _CLEAR = 0.2, 0.14
#: With so few points each one gets a mark; pixels across, larger where there is no line yet.
_FEW, _MARK, _ALONE = 8, 5, 10
#: Figures that lie between 0 and 1.
_SHARES = frozenset({"val_f1", "val_iou", "val_ap"})


class CurvePlot(QWidget):
    """Draws series; knows nothing about jobs."""

    hovered = Signal(str)
    """Values under the pointer, in words; empty when it is elsewhere."""

    def __init__(self, best: str) -> None:
        super().__init__()
        self._best = best
        self._lines: list[tuple[str, NDArray[np.float64], NDArray[np.float64]]] = []
        self._words: list[tuple[float, float]] = []
        self._axis_name = ""
        self._log = self._of_shares = False
        self._steps = WholeTicks("bottom")
        self._plot = pg.PlotWidget(axisItems={"bottom": self._steps, "left": RoomyLogTicks("left")})
        self._plot.setAcceptDrops(False)  # files are for the window
        self._plot.viewport().setAcceptDrops(False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.getPlotItem().scene().sigMouseMoved.connect(self._on_moved)
        self._plot.getPlotItem().vb.sigResized.connect(self._fit)
        self._names = EndNames(self._plot.getPlotItem())
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
        self._lines, self._words, self._log = [], [], log
        self._of_shares = _SHARES.issuperset(names)
        self._names.clear()
        item.setLabel("bottom", axis)
        for number, run_id in enumerate(runs):
            for dash, name in enumerate(names):
                colour = _colour(number if len(runs) > 1 else dash)
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
            item.setYRange(*self._reach(), padding=_PADDING)
            for number, run_id in enumerate(runs):
                self._mark_best(curves, run_id, axis, number)
            self._fit()
        return len(self._lines)

    def _draw_line(self, label: str, x: NDArray[np.float64], y: NDArray[np.float64], colour: str, dash: int) -> None:
        item = self._plot.getPlotItem()
        pen = _pen(QColor(colour), dash, 2 * self.devicePixelRatioF())
        symbol = "o" if len(x) <= _FEW else None
        item.plot(
            x,
            y,
            pen=pen,
            symbol=symbol,
            symbolSize=_ALONE if len(x) == 1 else _MARK,
            symbolBrush=pen.color(),
            symbolPen=None,
        )
        # The ground of a name would hide half of a mark that stands alone.
        beside = _BESIDE * self._least() if len(x) == 1 else 0.0
        end = float(x[-1]) + beside, float(np.log10(y[-1]) if self._log else y[-1])
        self._names.add(label, colour, end)
        self._lines.append((label, x, y))

    def _ends(self) -> tuple[float, float]:
        """Return the first and the last place on the axis that has a point."""
        first = min(float(x[0]) for _label, x, _y in self._lines)
        last = max(float(x[-1]) for _label, x, _y in self._lines)
        return first, max(last, first + self._least())

    def _least(self) -> float:
        """Return how much of the axis is shown at least."""
        return 1.0 if self._axis_name == "epochs" else 0.1

    def _fit(self, *_box: object) -> None:
        """Leave room at the right for the names at the ends of the lines, and put them there."""
        box = self._plot.getPlotItem().vb
        if not self._lines or box.width() < 1:
            return
        widest = self._names.elide(_MOST_FOR_NAMES * box.width())
        first, last = self._ends()
        reach = (last - first) / (1 - _BEFORE - min(widest / box.width(), _MOST_FOR_NAMES))
        self._plot.getPlotItem().setXRange(first - _BEFORE * reach, first + (1 - _BEFORE) * reach, padding=0)
        self._names.place()

    def _reach(self) -> tuple[float, float]:
        heights = [np.log10(y) if self._log else y for _label, _x, y in self._lines]
        low, high = min(float(y.min()) for y in heights), max(float(y.max()) for y in heights)
        points = all(len(x) == 1 for _label, x, _y in self._lines)
        if self._of_shares and not self._log and (points or high == low):
            return 0.0, 1.0
        if high > low:
            return low, high
        return low - abs(low or 1.0) / 2, low + abs(low or 1.0) / 2

    def _mark_best(self, curves: Curves, run_id: str, axis: str, number: int) -> None:
        """Draw a line at the best epoch; its name lies at the left of it, where the curves are not."""
        best = curves.best(run_id)
        if best is None or all(len(x) < 2 for _label, x, _y in self._lines):
            return
        epochs = axis == "epochs"
        place = best.epoch if epochs else best.elapsed_s / 60
        words = (
            self.tr("epoch {0}").format(epoch_words(best.epoch))
            if epochs
            else self.tr("{0} min").format(f"{place:.3g}")
        )
        colour = _colour(number)
        faint = QColor(colour)
        faint.setAlphaF(0.6)
        line = pg.InfiniteLine(place, pen=pg.mkPen(faint, width=1, style=Qt.PenStyle.DashLine))
        first, last = self._ends()
        side = 1.0 if place > first + (last - first) / 4 else 0.0
        pg.InfLineLabel(
            line,
            f"{self._best}: {words}",
            position=self._free_at(place, side, (0.92, 0.08, 0.5, 0.78, 0.22, 0.64, 0.36)),
            color=colour,
            anchors=[(side, 0.5), (side, 0.5)],
        )
        self._plot.getPlotItem().addItem(line, ignoreBounds=True)

    def mark(self, epoch: float, words: str) -> None:
        """Say what began at an epoch, where the curves are not; only over epochs, and after `draw`."""
        if self._axis_name != "epochs" or not self._lines:
            return
        colour = tokens().colour("warning")
        line = pg.InfiniteLine(epoch, pen=pg.mkPen(colour, width=1, style=Qt.PenStyle.DotLine))
        first, last = self._ends()
        side = 1.0 if epoch > first + (last - first) / 2 else 0.0
        text = tokens().colour("warning_text")
        place = self._free_at(epoch, side, (0.78, 0.22, 0.5))
        pg.InfLineLabel(line, words, position=place, color=text, anchors=[(side, 0.5), (side, 0.5)])
        self._plot.getPlotItem().addItem(line, ignoreBounds=True)

    def _free_at(self, place: float, side: float, wishes: Sequence[float]) -> float:
        """Return the first of `wishes`, shares of the height, where words beside a place of the axis are alone.

        Parameters
        ----------
        side
            1 for words at the left of the place, 0 for words at its right.
        """
        (low, high), (first, last) = self._reach(), self._ends()
        beside = np.linspace(place, place + (1 - 2 * side) * _WORDS * (last - first), 8)
        heights = [np.interp(beside, x, np.log10(y) if self._log else y) for _label, x, y in self._lines]
        taken = ((np.concatenate(heights) - low) / (high - low) + _PADDING) / (1 + 2 * _PADDING)
        near = [height for other, height in self._words if abs(other - place) < 2 * _WORDS * (last - first)]
        # Words on words cannot be read, words on a curve can.
        free = [wish for wish in wishes if all(abs(wish - height) > 0.9 * _CLEAR for height in near)] or wishes
        found = max(free, key=lambda wish: min(float(np.abs(taken - wish).min()), _CLEAR))
        self._words.append((place, found))
        return found

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


def _colour(number: int) -> str:
    """Return a colour for lines and for the words about them."""
    colours = _ON_DARK if QColor(tokens().panel).lightness() < _DARK else _ON_LIGHT
    return colours[number % len(colours)]


def _pen(colour: QColor, dash: int, width: float) -> QPen:
    pen: QPen = pg.mkPen(colour, width=width, style=_DASHES[dash % len(_DASHES)])
    return pen
