"""A grid of small pictures, of which only those in sight are asked for and drawn; several can be chosen."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QIcon,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from segstudio.gui.theme import FONT_SECONDARY, tokens

#: Side of a picture, room around it, height of the words under it, pixels.
SIDE, _GAP, _WORDS = 88, 8, 18
_CELL = QSize(SIDE + _GAP, SIDE + _WORDS + _GAP)
_MARK = 14
#: What scrolls by is not read: pictures are asked for when nothing has moved so long, milliseconds.
_REST_MS = 40
_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
#: Cells, rows and pages that a key goes on by.
_STEPS = {
    Qt.Key.Key_Left: (-1, 0, 0),
    Qt.Key.Key_Right: (1, 0, 0),
    Qt.Key.Key_Up: (0, -1, 0),
    Qt.Key.Key_Down: (0, 1, 0),
    Qt.Key.Key_PageUp: (0, 0, -1),
    Qt.Key.Key_PageDown: (0, 0, 1),
}


@dataclass(frozen=True)
class Cell:
    """What is shown of one object: words under its picture, and the mark beside them."""

    words: str
    mark: QIcon


class CropGrid(QAbstractScrollArea):
    """Pictures of objects by their ids, in rows.

    Parameters
    ----------
    picture
        Returns the picture of an object, ``None`` while it is not there.
    cell
        Returns what is shown with it.
    keys
        Calls of keys that are for the grid while it has them, and no shortcuts of the window.
    """

    wanted = Signal(list)
    """Ids of objects in sight without a picture."""
    chosen = Signal(frozenset)
    """Ids of the objects that the user chooses."""
    opened = Signal(int)
    """Id of an object that was double-clicked."""
    menu_wanted = Signal(QPoint)

    def __init__(
        self,
        picture: Callable[[int], QImage | None],
        cell: Callable[[int], Cell],
        keys: dict[Qt.Key, Callable[[], object]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture, self._cell, self._keys = picture, cell, keys
        self._ids: list[int] = []
        self._places: dict[int, int] = {}
        self._selected: frozenset[int] = frozenset()
        self._current = self._anchor = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumHeight(_CELL.height() + _GAP)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._ask)
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._rest.start())

    def show_ids(self, ids: list[int]) -> None:
        """Show other objects, or the same in another order; begins at the top."""
        self._ids, self._places = ids, {item: place for place, item in enumerate(ids)}
        self._current = self._anchor = 0
        self.verticalScrollBar().setValue(0)
        self._fit()

    def drop(self, gone: Set[int]) -> None:
        """Leave objects out; the others stay where they are, one after the other."""
        current = self.current()
        left = [item for item in self._ids if item not in gone]
        at = sum(item not in gone for item in self._ids[: self._current])
        self._ids, self._places = left, {item: place for place, item in enumerate(left)}
        self._current = self._anchor = self._places.get(current, min(at, max(0, len(left) - 1)))
        self._fit()

    @property
    def ids(self) -> Sequence[int]:
        """All objects, in order."""
        return self._ids

    def among(self, ids: Set[int]) -> frozenset[int]:
        """Return those of `ids` that are here."""
        return frozenset(self._places.keys() & ids)

    def current(self) -> int:
        """Return the object that the keys are at; 0 for none."""
        return self._ids[self._current] if self._current < len(self._ids) else 0

    def after(self, ids: frozenset[int]) -> int:
        """Return the first object behind the last of `ids` that is none of them, else the last before; 0 for none."""
        last = next((place for place in range(len(self._ids) - 1, -1, -1) if self._ids[place] in ids), -1)
        places = chain(range(last + 1, len(self._ids)), range(last, -1, -1))
        return next((self._ids[place] for place in places if self._ids[place] not in ids), 0)

    def go_to(self, object_id: int) -> None:
        """Let the keys be at an object, and bring it into sight."""
        place = self._places.get(object_id)
        if place is not None:
            self._current = self._anchor = place
            self._show(place)
            self.viewport().update()

    def select(self, ids: frozenset[int]) -> None:
        """Show other objects as chosen."""
        self._selected = ids
        self.viewport().update()

    def refresh(self) -> None:
        """Draw what is in sight again, and ask for pictures that are missing."""
        self.viewport().update()
        self._rest.start()

    def _columns(self) -> int:
        return max(1, (self.viewport().width() - _GAP) // _CELL.width())

    def _fit(self) -> None:
        rows = -(-len(self._ids) // self._columns())
        height = rows * _CELL.height() + _GAP
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(_CELL.height() // 2)
        self._current = min(self._current, max(0, len(self._ids) - 1))
        self.refresh()

    def _rect(self, place: int) -> QRect:
        row, column = divmod(place, self._columns())
        top = row * _CELL.height() + _GAP - self.verticalScrollBar().value()
        return QRect(QPoint(column * _CELL.width() + _GAP, top), QSize(SIDE, SIDE + _WORDS))

    def _in_sight(self) -> range:
        columns, top = self._columns(), self.verticalScrollBar().value() - _GAP
        first = max(0, top // _CELL.height()) * columns
        last = (top + self.viewport().height()) // _CELL.height() + 1
        return range(first, min(len(self._ids), last * columns))

    def _show(self, place: int) -> None:
        bar, rect = self.verticalScrollBar(), self._rect(place)
        if rect.top() < _GAP:
            bar.setValue(bar.value() + rect.top() - _GAP)
        elif rect.bottom() > self.viewport().height() - _GAP:
            bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + _GAP)

    def _ask(self) -> None:
        if self.isVisible():
            missing = [self._ids[place] for place in self._in_sight() if self._picture(self._ids[place]) is None]
            self.wanted.emit(missing)

    def _at(self, point: QPoint) -> int | None:
        """Return the place under a point."""
        return next((place for place in self._in_sight() if self._rect(place).contains(point)), None)

    def _choose(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & _SHIFT:
            first, last = sorted((self._anchor, place))
            ids = frozenset(self._ids[first : last + 1])
        elif modifiers & _CONTROL:
            ids = self._selected ^ {self._ids[place]}
            self._anchor = place
        else:
            ids, self._anchor = frozenset({self._ids[place]}), place
        self._current = place
        self._show(place)
        self.select(ids)
        self.chosen.emit(ids)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells in sight."""
        painter, t = QPainter(self.viewport()), tokens()
        font = QFont(self.font())
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        for place in self._in_sight():
            rect, object_id = self._rect(place), self._ids[place]
            if not rect.intersects(event.rect()):
                continue
            chosen = object_id in self._selected
            top = QRect(rect.topLeft(), QSize(SIDE, SIDE))
            picture = self._picture(object_id)
            if chosen:
                painter.fillRect(rect.adjusted(-3, -3, 3, 3), t.colour("accent"))
                painter.fillRect(QRect(rect.left(), top.bottom() + 1, SIDE, _WORDS), t.colour("panel"))
            if picture is None:
                painter.fillRect(top, t.colour("raised"))
            else:
                painter.drawImage(top, picture)
            cell = self._cell(object_id)
            line = QRect(rect.left(), top.bottom() + 1, SIDE, _WORDS)
            cell.mark.paint(painter, QRect(line.left() + 1, line.top() + 2, _MARK, _MARK))
            painter.setPen(t.colour("text"))
            words = painter.fontMetrics().elidedText(cell.words, Qt.TextElideMode.ElideRight, SIDE - _MARK - 4)
            painter.drawText(line.adjusted(_MARK + 4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
            if place == self._current and self.hasFocus():
                painter.setPen(QPen(t.colour("text"), 1, Qt.PenStyle.DotLine))
                painter.drawRect(rect.adjusted(-3, -3, 2, 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the rows into the new width."""
        super().resizeEvent(event)
        self._fit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose an object; with Ctrl one more or one less, with Shift all up to it."""
        place = self._at(event.position().toPoint())
        right = event.button() == Qt.MouseButton.RightButton
        if place is not None and not (right and self._ids[place] in self._selected):
            self._choose(place, event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Open an object."""
        place = self._at(event.position().toPoint())
        if place is not None:
            self.opened.emit(self._ids[place])

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the objects that are chosen."""
        self.menu_wanted.emit(event.globalPos())

    def event(self, event: QEvent) -> bool:
        """Keep the keys of the grid from becoming shortcuts of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._takes(event):
            event.accept()
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.matches(QKeySequence.StandardKey.SelectAll):
            return True
        steps = key in _STEPS or key in (Qt.Key.Key_Home, Qt.Key.Key_End)
        return (key in self._keys and not modifiers) or (steps and not modifiers & ~_SHIFT)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move on, choose all, or do what a key stands for."""
        key = Qt.Key(event.key())
        if not self._ids or not self._takes(event):
            super().keyPressEvent(event)
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select(frozenset(self._ids))
            self.chosen.emit(self._selected)
        elif key in self._keys:
            self._keys[key]()
        else:
            self._choose(self._target(key), event.modifiers() & _SHIFT)

    def _target(self, key: Qt.Key) -> int:
        last = len(self._ids) - 1
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            return 0 if key == Qt.Key.Key_Home else last
        cells, rows, pages = _STEPS[key]
        rows += pages * max(1, self.viewport().height() // _CELL.height())
        return min(max(self._current + cells + rows * self._columns(), 0), last)
