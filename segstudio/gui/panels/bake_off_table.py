"""The table of a comparison: the best on top, its interval drawn, and beside it time, size and speed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import tokens
from segstudio.session.bake_off_lines import Line, lines_of, other_judges
from segstudio.session.bake_off_record import Record
from segstudio.session.bake_off_result import FEWEST_IMAGES, Judge, Standing

_RUN = Qt.ItemDataRole.UserRole
_SPAN = Qt.ItemDataRole.UserRole + 1
_ROW_HEIGHT = 28
#: Columns with a meaning of their own; the others are figures.
_NAME_COLUMN, _SPAN_COLUMN = 0, 2
#: Widths, pixels: score, its drawing, behind, two other figures, minutes, size, speed.
_WIDTHS = (168, 120, 164, 78, 78, 146, 74, 80)
#: Rows that are in sight without scrolling.
_ROWS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value, its interval and the best lie on an axis; ``None`` without an interval."""

    axis: tuple[float, float]
    value: float
    low: float | None
    high: float | None
    best: float
    wins: bool


class SpanDelegate(QStyledItemDelegate):
    """Draws a value as a dot on the line of its interval, with a faint mark where the best is."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        span = index.data(_SPAN)
        if not isinstance(span, Span):
            return
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        box = option.rect.adjusted(10, 0, -10, 0)
        middle, (first, last) = box.center().y() + 0.5, span.axis

        def at(value: float) -> float:
            return float(box.left() + (value - first) / (last - first) * box.width())

        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(tokens().colour("on_accent" if chosen else "border"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(at(span.best), box.top() + 2), QPointF(at(span.best), box.bottom() - 1))
        colour = tokens().colour("on_accent" if chosen else "good" if span.wins else "secondary")
        painter.setPen(QPen(colour, 2))
        if span.low is not None and span.high is not None:
            painter.drawLine(QPointF(at(span.low), middle), QPointF(at(span.high), middle))
            for end in (span.low, span.high):
                painter.drawLine(QPointF(at(end), middle - 3), QPointF(at(end), middle + 3))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(at(span.value), middle), 4, 4)
        painter.restore()


class BakeOffTable(QTableWidget):
    """One row for each candidate; one of them can be chosen."""

    def __init__(self) -> None:
        super().__init__(0, 1 + len(_WIDTHS))
        self.setObjectName("candidates")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setItemDelegateForColumn(_SPAN_COLUMN, SpanDelegate(self))
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(_NAME_COLUMN, QHeaderView.ResizeMode.Stretch)
        for column, width in enumerate(_WIDTHS, start=1):
            self.setColumnWidth(column, width)

    def show_record(self, record: Record | None, judge: Judge) -> None:
        """Show the candidates: scored ones from the best to the worst, the others in their order."""
        chosen = self.chosen()
        lines = lines_of(record, judge) if record is not None else []
        ranked = [line.standing for line in lines if line.standing is not None]
        axis = axis_of(ranked)
        self._label(judge, axis)
        self.blockSignals(True)
        self.clearSpans()
        self.setRowCount(len(lines))
        for place, line in enumerate(lines):
            self._fill(place, line, _span(line, axis, ranked[0].value if ranked else 0.0))
        self.clearSelection()
        for place in range(self.rowCount()):
            item = self.item(place, _NAME_COLUMN)
            if chosen and item is not None and item.data(_RUN) == chosen:
                self.selectRow(place)
        self.blockSignals(False)
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + _ROW_HEIGHT * min(self.rowCount(), _ROWS_SHOWN) + 4)

    def chosen(self) -> str:
        """Return the run of the chosen candidate; empty for none."""
        items = self.selectedItems()
        return str(items[0].data(_RUN)) if items else ""

    def text_of(self, place: int) -> str:
        """Return what a row says."""
        items = (self.item(place, column) for column in range(self.columnCount()))
        return " ".join(item.text() for item in items if item is not None and item.text())

    def _label(self, judge: Judge, axis: tuple[float, float]) -> None:
        first, second = other_judges(judge)
        brackets = self.tr(
            "In brackets: where it lies for 95 of 100 choices of images; fewer than {0} images cannot tell."
        ).format(FEWEST_IMAGES)
        titles = (
            (self.tr("Candidate"), self.tr("Way to find objects and network")),
            (f"{judge.title}, 95 %", f"{judge.says} {brackets}"),
            (
                self.tr("{0:.1f} to {1:.1f}").format(*axis),
                self.tr("The figure with its interval; the dashed line is where the best is"),
            ),
            (self.tr("Behind"), self.tr("How much the best is better. Not apart: chance alone may explain it")),
            (first.title, first.says),
            (second.title, second.says),
            (self.tr("Learned"), self.tr("Time that it learned, minutes")),
            (self.tr("Size"), self.tr("Size of the model's file")),
            (self.tr("Per Mpx"), self.tr("Time to find the objects of a million pixels, in images of this size")),
        )
        for column, (title, tip) in enumerate(titles):
            item = QTableWidgetItem(title)
            item.setToolTip(f"<p>{escape(tip)}</p>" if tip else "")
            side = Qt.AlignmentFlag.AlignLeft if column == _NAME_COLUMN else Qt.AlignmentFlag.AlignRight
            side = Qt.AlignmentFlag.AlignHCenter if column == _SPAN_COLUMN else side
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.setHorizontalHeaderItem(column, item)

    def _fill(self, place: int, line: Line, span: Span | None) -> None:
        row = line.row
        figures = (line.score, "", line.behind, *line.others, line.learned, line.size, line.speed)
        colour = "error_text" if row.state == "failed" else "secondary"
        for column, text in enumerate((row.title, *(figures if span is not None else (line.state,)))):
            item = QTableWidgetItem(text)
            item.setData(_RUN, row.run)
            left = column == _NAME_COLUMN or span is None
            side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            why = f"{row.error} {row.hint}".strip()
            says = "\n".join(filter(None, (row.title, why))) if column == _NAME_COLUMN else why
            item.setToolTip(plain_tip(says or (row.title if left else "")))
            if span is None:
                item.setForeground(tokens().colour("secondary" if column == _NAME_COLUMN else colour))
            elif column == _SPAN_COLUMN:
                item.setData(_SPAN, span)
            if line.wins and column <= _SPAN_COLUMN + 1:
                font = item.font()
                font.setWeight(font.Weight.DemiBold)
                item.setFont(font)
            self.setItem(place, column, item)
        if span is None:
            self.setSpan(place, 1, 1, self.columnCount() - 1)


def axis_of(ranked: Sequence[Standing]) -> tuple[float, float]:
    """Return the tenths between which all values and intervals lie."""
    intervals = [item.interval for item in ranked if item.interval is not None and item.believable]
    ends = [end for interval in intervals for end in (interval.low, interval.high)]
    ends += [item.value for item in ranked]
    if not ends:
        return 0.0, 1.0
    first, last = math.floor(10 * min(ends) + 1e-9) / 10, math.ceil(10 * max(ends) - 1e-9) / 10
    return first, max(last, first + 0.1)


def _span(line: Line, axis: tuple[float, float], best: float) -> Span | None:
    if line.standing is None:
        return None
    interval = line.standing.interval if line.standing.believable else None
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Span(axis, line.standing.value, low, high, best, line.wins)
