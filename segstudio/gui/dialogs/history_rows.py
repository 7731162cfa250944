"""The rows of the history: one earlier state each, with its picture, when it was, and how many objects it has."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QDate,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget
from shiboken6 import isValid

from segstudio.gui.theme import tokens
from segstudio.project.snapshot_file import Snapshot
from segstudio.session.label_picture import Rgb
from segstudio.session.session import Session

_THUMBNAIL = 64
_MARGIN = 8
_WHEN = Qt.ItemDataRole.UserRole
_COUNT = Qt.ItemDataRole.UserRole + 1

_Index = QModelIndex | QPersistentModelIndex


class HistoryRows(QAbstractListModel):
    """The earlier states of the image in front, newest first; pictures are made when a row is first painted."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._states: tuple[Snapshot, ...] = ()
        self._image = ""
        self._pictures: dict[int, QPixmap] = {}

    def show_states(self, states: tuple[Snapshot, ...], image_id: str) -> None:
        """Show other states; pictures of the same image stay."""
        self.beginResetModel()
        left = {state.number for state in states} if image_id == self._image else set()
        self._pictures = {number: picture for number, picture in self._pictures.items() if number in left}
        self._states, self._image = states, image_id
        self.endResetModel()

    def paint_anew(self) -> None:
        """Make all pictures again, as in another theme."""
        self._pictures.clear()
        if self._states:
            self.dataChanged.emit(self.index(0), self.index(len(self._states) - 1))

    def state(self, row: int) -> Snapshot | None:
        """Return the state in a row, ``None`` when there is no such row."""
        return self._states[row] if 0 <= row < len(self._states) else None

    def row_of(self, number: int) -> int:
        """Return the row of a state, -1 when it is not there."""
        return next((row for row, state in enumerate(self._states) if state.number == number), -1)

    def title(self, state: Snapshot) -> str:
        """Return why a state was kept."""
        return self.tr("Before “{0}”").format(state.name) if state.name else self.tr("While you worked")

    def when(self, state: Snapshot) -> str:
        """Return when the labels were like that."""
        return _when(state.time, self.tr("Today"), self.tr("Yesterday"))

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._states)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        state = self.state(index.row()) if index.isValid() else None
        if state is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.title(state)
        if role == _WHEN:
            return self.when(state)
        if role == _COUNT:
            return self.tr("1 object") if state.objects == 1 else self.tr("{0} objects").format(state.objects)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(str(self.data(index, part)) for part in (Qt.ItemDataRole.DisplayRole, _WHEN, _COUNT))
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(state)
        return None

    def _picture(self, state: Snapshot) -> QPixmap:
        number = state.number
        if number not in self._pictures:
            self._pictures[number] = QPixmap()
            image = self._image
            self._session.earlier.picture(
                number, 2 * _THUMBNAIL, label_colours(), lambda pixels: self._show(image, number, pixels)
            )
        return self._pictures[number]

    def _show(self, image_id: str, number: int, pixels: NDArray[np.uint8]) -> None:
        if not isValid(self):
            return  # the window was closed meanwhile
        row = self.row_of(number)
        if image_id == self._image and row >= 0:
            self._pictures[number] = pixmap_of(pixels)
            self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


class HistoryRowDelegate(QStyledItemDelegate):
    """Picture at the left; why, when and how much beside it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(220, _THUMBNAIL + 2 * _MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        colours = tokens()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        _draw_picture(painter, area, index.data(Qt.ItemDataRole.DecorationRole))
        text = area.adjusted(_THUMBNAIL + 12, 0, 0, 0)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        height = option.fontMetrics.height()
        top = text.top() + (text.height() - 3 * height - 4) // 2
        for number, role in enumerate((Qt.ItemDataRole.DisplayRole, _WHEN, _COUNT)):
            quiet = colours.secondary if number else colours.text
            painter.setPen(QColor(colours.on_accent if chosen else quiet))
            line = QRect(text.left(), top + number * (height + 2), text.width(), height)
            words = option.fontMetrics.elidedText(str(index.data(role)), Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)


def label_colours() -> tuple[Rgb, ...]:
    """Return the colours of objects in the present theme."""
    return tuple(rgb(name) for name in tokens().labels)


def rgb(colour: str) -> Rgb:
    """Return red, green and blue of a colour as ``"#3fa7d6"``."""
    value = QColor(colour)
    return value.red(), value.green(), value.blue()


def pixmap_of(pixels: NDArray[np.uint8]) -> QPixmap:
    """Return an RGB picture for the screen."""
    height, width, _ = pixels.shape
    return QPixmap.fromImage(QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy())


def _draw_picture(painter: QPainter, area: QRect, picture: QPixmap) -> None:
    frame = QRect(area.left(), area.top(), _THUMBNAIL, _THUMBNAIL)
    painter.fillRect(frame, tokens().colour("surround"))
    if not picture.isNull():
        target = QRect(QPoint(0, 0), picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio))
        target.moveCenter(frame.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(target, picture)


def _when(time: datetime, today: str, yesterday: str) -> str:
    moment = QDateTime.fromSecsSinceEpoch(int(time.timestamp()))
    days = moment.date().daysTo(QDate.currentDate())
    locale = QLocale()
    day = {0: today, 1: yesterday}.get(days) or locale.toString(moment.date(), "d MMMM yyyy")
    return f"{day}, {locale.toString(moment.time(), QLocale.FormatType.ShortFormat)}"
