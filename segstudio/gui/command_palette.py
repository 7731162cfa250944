"""The command palette: a field over the image that finds every action by its name."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFocusEvent, QFontMetrics, QIcon, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.actions import Action, ActionTable
from segstudio.gui.later import later
from segstudio.gui.theme import icon, tokens
from segstudio.gui.word_search import rank

_WIDTH, _TOP, _MARGIN = 600, 40, 8
_ROW_HEIGHT, _ROWS, _ICON = 30, 11, 16
_GAP = 12

_Index = QModelIndex | QPersistentModelIndex


class CommandPalette(QFrame):
    """A field and a list over the image, shown by `open`.

    Parameters
    ----------
    actions
        What can be found.
    over
        It stands at the top of this.
    canvas
        Gets the keys back.
    opener
        Id of the action that opens it: its keys close it again.
    """

    def __init__(self, actions: ActionTable, over: QWidget, canvas: QWidget, opener: str) -> None:
        super().__init__(over)
        self.setObjectName("command-palette")
        self._actions, self._over, self._canvas, self._opener = actions, over, canvas, opener
        self._last: list[str] = []
        self.field = _Field()
        self.field.setPlaceholderText(self.tr("Find an action, as “fill” or “train”"))
        self.field.textChanged.connect(self._find)
        self.field.pressed.connect(self._on_key)
        self.field.left.connect(self.hide)
        self.found = _Found(actions)
        self.list = QListView()
        self.list.setModel(self.found)
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.clicked.connect(lambda _index: self.run())
        self._none = QLabel(self.tr("No action is called so."))
        self._none.setContentsMargins(_GAP, 4, _GAP, 8)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        column.setSpacing(_MARGIN)
        column.addWidget(self.field)
        column.addWidget(self._none)
        column.addWidget(self.list)
        over.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        """Show it with an empty field; close it when it is shown."""
        if self.isVisible():
            self.close_again()
            return
        self._actions.refresh()
        self.field.clear()
        self._find("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_again(self) -> None:
        """Hide it, and give the keys to the image."""
        self.hide()
        self._canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def run(self) -> None:
        """Do what the row in front says; nothing when that is grey."""
        spec = self.found.spec(self.list.currentIndex().row())
        if spec is None or not self._actions[spec.id].isEnabled():
            return
        self._last = [spec.id, *(other for other in self._last if other != spec.id)][:5]
        self.close_again()
        # The field is still at work on the key that was pressed in it.
        later(self, self._actions[spec.id].trigger)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay where it belongs when the window gets another size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _find(self, typed: str) -> None:
        specs = list(self._actions.specs.values())
        ranks = {spec.id: _rank(typed, spec, self._actions[spec.id].text()) for spec in specs}
        found = [spec for spec in specs if ranks[spec.id] is not None]
        found.sort(key=lambda spec: (ranks[spec.id], not self._actions[spec.id].isEnabled()))
        if not typed.strip():
            found.sort(key=lambda spec: self._last.index(spec.id) if spec.id in self._last else len(self._last))
        self.found.show(found)
        self.list.setCurrentIndex(self.found.index(0))
        self.list.scrollToTop()
        self._none.setVisible(not found)
        self.list.setVisible(bool(found))
        self.list.setFixedHeight(min(len(found), _ROWS) * _ROW_HEIGHT)
        self._place()

    def _place(self) -> None:
        over = self._over.rect()
        width = min(_WIDTH, over.width() - 2 * _GAP)
        self.setGeometry(QRect((over.width() - width) // 2, _TOP, width, self.sizeHint().height()))

    def _on_key(self, event: QKeyEvent) -> None:
        row, key = self.list.currentIndex().row(), Qt.Key(event.key())
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: 1 - _ROWS, Qt.Key.Key_PageDown: _ROWS - 1}
        chord = QKeySequence(event.keyCombination())
        if key == Qt.Key.Key_Escape or chord in self._actions[self._opener].shortcuts():
            self.close_again()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.run()
        elif key in steps:
            last = self.found.rowCount() - 1
            wanted = row + steps[key]
            if abs(steps[key]) == 1:
                wanted %= last + 1 if last >= 0 else 1
            self.list.setCurrentIndex(self.found.index(max(0, min(wanted, last))))
        else:
            return
        event.accept()


class _Field(QLineEdit):
    """While it has the keys, none of them is a shortcut of the window."""

    pressed = Signal(QKeyEvent)
    """A key, before the field looks at it; who accepts it keeps it."""
    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Keep every key."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Offer the key to the list first."""
        event.ignore()
        self.pressed.emit(event)
        if not event.isAccepted():
            super().keyPressEvent(event)
            event.accept()  # what the field has no use for is not for the window behind it

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell that somebody works elsewhere; another window, or the menu of the field, does not count."""
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason):
            self.left.emit()


class _Found(QAbstractListModel):
    """The actions that fit, best first."""

    def __init__(self, actions: ActionTable) -> None:
        super().__init__()
        self.actions = actions
        self._specs: Sequence[Action] = ()

    def show(self, specs: Sequence[Action]) -> None:
        """Take the place of what was found before."""
        self.beginResetModel()
        self._specs = specs
        self.endResetModel()

    def spec(self, row: int) -> Action | None:
        """Return the action of a row."""
        return self._specs[row] if 0 <= row < len(self._specs) else None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        """Return how many there are."""
        return 0 if parent.isValid() else len(self._specs)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the name of an action, and what a reader of the screen is to say besides."""
        spec = self.spec(index.row())
        if spec is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.actions[spec.id].text().replace("&", "")
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return "  ".join(filter(None, (self.beside(spec), self.keys(spec))))
        return None

    def keys(self, spec: Action) -> str:
        """Return the keys of an action as this system writes them."""
        return self.actions.shown_keys(spec.id)

    def beside(self, spec: Action) -> str:
        """Return what stands beside the name: the menu, or why it is grey."""
        if self.actions[spec.id].isEnabled():
            return spec.menu.replace("&", "")
        return self.actions.why_grey(spec.id) or self.tr("Not possible at the moment.")

    def picture(self, spec: Action) -> QIcon:
        """Return a tick for what is switched on, else the picture of the action."""
        action = self.actions[spec.id]
        return icon("ph.check") if action.isCheckable() and action.isChecked() else action.icon()


class _Rows(QStyledItemDelegate):
    """Picture, name, where or why not, keys at the right."""

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        """Return the same height for all."""
        return QSize(0, _ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row."""
        model = index.model()
        spec = model.spec(index.row()) if isinstance(model, _Found) else None
        if not isinstance(model, _Found) or spec is None:
            return
        here = bool(option.state & option.state.State_Selected)
        can = model.actions[spec.id].isEnabled()
        name, beside = _colours(here=here, can=can)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if here:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens().colour("accent" if can else "border"))
            painter.drawRoundedRect(rect, 4, 4)
        mode = QIcon.Mode.Disabled if not can else QIcon.Mode.Selected if here else QIcon.Mode.Normal
        left, middle = rect.left() + _GAP, rect.top() + (rect.height() - _ICON) // 2
        model.picture(spec).paint(painter, QRect(left, middle, _ICON, _ICON), Qt.AlignmentFlag.AlignCenter, mode)
        metrics: QFontMetrics = option.fontMetrics
        line = rect.adjusted(_GAP + _ICON + _GAP, 0, -_GAP, 0)
        keys, text = model.keys(spec), str(index.data())
        painter.setPen(tokens().colour(name))
        painter.drawText(line, _LEFT, text)
        painter.setPen(tokens().colour(beside))
        painter.drawText(line, _RIGHT, keys)
        room = line.adjusted(metrics.horizontalAdvance(text) + _GAP, 0, -metrics.horizontalAdvance(keys) - _GAP, 0)
        painter.drawText(room, _LEFT, metrics.elidedText(model.beside(spec), Qt.TextElideMode.ElideRight, room.width()))
        painter.restore()


_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _colours(*, here: bool, can: bool) -> tuple[str, str]:
    """Return the colours of the name and of what stands beside it."""
    if not can:
        return "secondary", "secondary"
    return ("on_accent", "on_accent") if here else ("text", "secondary")


def _rank(typed: str, spec: Action, now: str) -> int | None:
    """Return how well an action fits, by its name at the moment or by the one it always has."""
    menu, more = spec.menu.replace("&", ""), spec.tip
    ranks = [rank(typed, name.replace("&", ""), menu, more) for name in {spec.text, now}]
    found = [each for each in ranks if each is not None]
    return min(found) if found else None
