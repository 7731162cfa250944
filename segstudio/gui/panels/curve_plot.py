"""The plot of the curves: lines with their names at the end, the best epoch, values under the pointer."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.panels.curve_axes import RoomyLogTicks, WholeTicks
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
#: Pixels from one name to the next, and between a line and a name.
_LABEL_HEIGHT, _LABEL_GAP = 16, 12
#: Lightness below which a ground is dark, 0 to 255.
_DARK = 128
#: The names take no more than this share of the width.
_MOST_FOR_LABELS = 0.45
#: Share of the height that is left free above and below the curves.
_PADDING = 0.08
#: Share of the width that words at a line take, and of the height that lies between them and the curves.
_WORDS, _CLEAR = 0.2, 0.14
#: With so few points each one gets a mark.
_FEW = 8


class CurvePlot(QWidget):
    """Draws series; knows nothing about jobs."""

    hovered = Signal(str)
    """Values under the pointer, in words; empty when it is elsewhere."""

    def __init__(self, best: str) -> None:
        super().__init__()
        self._best = best
        self._lines: list[tuple[str, NDArray[np.float64], NDArray[np.float64]]] = []
        self._texts: list[pg.TextItem] = []
        self._leaders: list[pg.PlotCurveItem] = []
        self._axis_name = ""
        self._log = False
        self._steps = WholeTicks("bottom")
        self._plot = pg.PlotWidget(axisItems={"bottom": self._steps, "left": RoomyLogTicks("left")})
        self._plot.setAcceptDrops(False)  # files are for the window
        self._plot.viewport().setAcceptDrops(False)
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
        self._lines, self._texts, self._leaders, self._log = [], [], [], log
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
        item.plot(x, y, pen=pen, symbol=symbol, symbolSize=5, symbolBrush=pen.color(), symbolPen=None)
        ground = QColor(tokens().panel)
        ground.setAlphaF(0.8)  # the lines of a longer training run below the name
        self._texts.append(pg.TextItem(label, color=colour, anchor=(0, 0.5), fill=ground))
        item.addItem(self._texts[-1], ignoreBounds=True)
        self._leaders.append(pg.PlotCurveItem(pen=pg.mkPen(colour, width=1)))
        item.addItem(self._leaders[-1], ignoreBounds=True)
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
        """Put each name at the end of its line; names that would lie on one another are moved, with a thin line."""
        box = self._plot.getPlotItem().vb
        if not self._lines or box.height() < _LABEL_HEIGHT:
            return
        (left, right), (low, high) = box.viewRange()
        across, up = (right - left) / max(1.0, box.width()), (high - low) / box.height()
        gap, ends = _LABEL_HEIGHT * up, [self._end(number) for number in range(len(self._lines))]
        widths = [text.boundingRect().width() * across for text in self._texts]
        for group in neighbours([x for x, _y in ends], [_LABEL_GAP * across + width for width in widths]):
            order = sorted(group, key=lambda number: ends[number][1])
            places = spaced([ends[number][1] for number in order], gap, high - gap / 2, low + gap / 2)
            for number, place in zip(order, places, strict=True):
                x, y = ends[number]
                moved = abs(place - y) > gap / 2
                beside = x + (_LABEL_GAP * across if moved else 0.0)
                self._texts[number].setPos(beside, place)
                self._leaders[number].setData([x, beside] if moved else [], [y, place] if moved else [])

    def _end(self, number: int) -> tuple[float, float]:
        """Return where a line ends, in the coordinates of the plot."""
        _label, x, y = self._lines[number]
        return float(x[-1]), float(np.log10(y[-1]) if self._log else y[-1])

    def _reach(self) -> tuple[float, float]:
        heights = [np.log10(y) if self._log else y for _label, _x, y in self._lines]
        low, high = min(float(y.min()) for y in heights), max(float(y.max()) for y in heights)
        return (low, high) if high > low else (low - abs(low or 1.0) / 2, low + abs(low or 1.0) / 2)

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
        down = 0.14 * number
        pg.InfLineLabel(
            line,
            f"{self._best}: {words}",
            position=self._free_at(place, side, (0.92 - down, 0.08 + down, 0.5 - down)),
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
        """Return the first of `wishes`, shares of the height, where words beside a place of the axis lie on no curve.

        Parameters
        ----------
        side
            1 for words at the left of the place, 0 for words at its right.
        """
        (low, high), (first, last) = self._reach(), self._ends()
        beside = np.linspace(place, place + (1 - 2 * side) * _WORDS * (last - first), 8)
        heights = [np.interp(beside, x, np.log10(y) if self._log else y) for _label, x, y in self._lines]
        taken = ((np.concatenate(heights) - low) / (high - low) + _PADDING) / (1 + 2 * _PADDING)
        return max(wishes, key=lambda wish: min(float(np.abs(taken - wish).min()), _CLEAR))

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


def neighbours(starts: Sequence[float], widths: Sequence[float]) -> list[list[int]]:
    """Return the numbers of spans in groups; spans of different groups do not overlap.

    Examples
    --------
    >>> neighbours([5.0, 1.0, 1.5], [1.0, 1.0, 1.0])
    [[1, 2], [0]]
    """
    groups: list[list[int]] = []
    reach = float("-inf")
    for number in sorted(range(len(starts)), key=starts.__getitem__):
        if starts[number] < reach:
            groups[-1].append(number)
        else:
            groups.append([number])
        reach = max(reach, starts[number] + widths[number])
    return groups


def spaced(wanted: Sequence[float], gap: float, highest: float, lowest: float = float("-inf")) -> list[float]:
    """Return places at least `gap` apart, in the order of `wanted` (ascending), each as near to its wish as may be.

    None lies above `highest`, nor below `lowest` while there is room.

    Examples
    --------
    >>> spaced([1.0, 1.0, 5.0], 1.0, 9.0)
    [0.5, 1.5, 5.0]
    >>> spaced([5.0, 5.0], 1.0, 5.0)
    [4.0, 5.0]
    """
    clusters: list[list[float]] = []  # the wish for the first place of a cluster, and how many are in it
    for number, want in enumerate(wanted):
        clusters.append([want - number * gap, 1])
        while len(clusters) > 1 and clusters[-1][0] <= clusters[-2][0]:
            (first, some), (second, more) = clusters[-2:]
            clusters[-2:] = [[(first * some + second * more) / (some + more), some + more]]
    starts = [start for start, count in clusters for _ in range(int(count))]
    top = highest - (len(wanted) - 1) * gap
    return [min(max(start, lowest), top) + number * gap for number, start in enumerate(starts)]
