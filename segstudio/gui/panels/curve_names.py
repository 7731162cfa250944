"""The names of lines, at their ends: none covers another, and none leaves the plot."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF

from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import tokens

#: Pixels between a line and its name.
_GAP = 12


class EndNames:
    """Writes names into a plot.

    Parameters
    ----------
    plot
        Gets the names; it is cleared by its owner, before `clear`.
    """

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self._names: list[str] = []
        self._ends: list[tuple[float, float]] = []
        self._texts: list[pg.TextItem] = []
        self._leaders: list[pg.PlotCurveItem] = []

    def clear(self) -> None:
        """Forget the lines."""
        self._names, self._ends, self._texts, self._leaders = [], [], [], []

    def add(self, name: str, colour: str, end: tuple[float, float]) -> None:
        """Name a line that ends there, in the coordinates of the plot."""
        ground = QColor(tokens().panel)
        ground.setAlphaF(0.8)  # the lines of a longer training run below the name
        text = pg.TextItem(name, color=colour, anchor=(0, 0.5), fill=ground)
        text.textItem.document().setDocumentMargin(1)  # else names cover those above them
        leader = pg.PlotCurveItem(pen=pg.mkPen(colour, width=1))
        for item in (text, leader):
            self._plot.addItem(item, ignoreBounds=True)
        self._names.append(name)
        self._ends.append(end)
        self._texts.append(text)
        self._leaders.append(leader)

    def elide(self, room: float) -> float:
        """Cut names in the middle that do not fit into `room` pixels: what differs stands at both ends.

        The tooltip has the whole name. Returns the pixels that the longest takes, with what lies before it.
        """
        for text, name in zip(self._texts, self._names, strict=True):
            metrics = QFontMetricsF(text.textItem.font())
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room - 2 * _GAP)
            text.setText(shown)
            text.textItem.setToolTip(plain_tip(name) if shown != name else "")
        return max(float(text.boundingRect().width()) for text in self._texts) + _GAP

    def place(self) -> None:
        """Put each name at the end of its line; names that would lie on one another are moved, with a thin line."""
        box = self._plot.vb
        height = max((float(text.boundingRect().height()) for text in self._texts), default=0.0)
        if not self._texts or box.height() < height:
            return
        (left, right), (low, high) = box.viewRange()
        across, up = (right - left) / max(1.0, box.width()), (high - low) / box.height()
        gap, ends = height * up, self._ends
        widths = [text.boundingRect().width() * across for text in self._texts]
        for group in neighbours([x for x, _y in ends], [_GAP * across + width for width in widths]):
            order = sorted(group, key=lambda number: ends[number][1])
            places = spaced([ends[number][1] for number in order], gap, high - gap / 2, low + gap / 2)
            for number, place in zip(order, places, strict=True):
                x, y = ends[number]
                moved, fits = abs(place - y) > gap / 2, low <= place <= high
                for item in (self._texts[number], self._leaders[number]):
                    item.setVisible(fits)  # the pointer tells the names for which there is no room
                beside = x + (_GAP * across if moved else 0.0)
                self._texts[number].setPos(beside, place)
                self._leaders[number].setData([x, beside] if moved else [], [y, place] if moved else [])


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
