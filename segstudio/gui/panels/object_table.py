"""The objects of an image as rows and columns for a table view."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QWidget

from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.gui.theme import icon, tokens
from segstudio.labels.objects import ReviewState
from segstudio.session.object_rows import Row

_Index = QModelIndex | QPersistentModelIndex
ID, _CLASS, _STATE, _SOURCE, _AREA, _LENGTH, _WIDTH, _ANGLE, _INTENSITY = range(9)
_SOURCES = {"hand": "hand", "model": "model", "import": "imported"}
#: What is to be looked at comes first when the table is sorted by state.
_URGENT: tuple[ReviewState, ...] = ("suspicious", "unreviewed", "accepted")
#: Picture of a state, and its colour.
STATE_MARKS: dict[ReviewState, tuple[str, str]] = {
    "suspicious": ("warning", "warning_text"),
    "unreviewed": ("circle", "secondary"),
    "accepted": ("check", "good_text"),
}
_NO_PARENT = QModelIndex()
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ALIGNMENTS = tuple(_LEFT if column in (_CLASS, _STATE, _SOURCE) else _RIGHT for column in range(9))
#: Side of a swatch, pixels; it is drawn at four times that size, and so is its ring.
_SWATCH, _RING = 12, 7
#: What cells answer; Qt asks each of them for ten roles at every repaint.
_ROLES = frozenset(
    int(role)
    for role in (
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.DecorationRole,
        Qt.ItemDataRole.TextAlignmentRole,
    )
)


class ObjectTable(QAbstractTableModel):
    """Rows as columns of NumPy: sorting and filtering 10,000 objects takes milliseconds and no proxy."""

    arranging = Signal()
    """The rows are about to get another order: what is selected is better let go, Qt would follow it cell by cell."""
    arranged = Signal()
    """The rows have another order."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._shown: list[int] = []
        self._places: dict[int, int] = {}
        self._classes: tuple[ObjectClass, ...] = ()
        self._words = ""
        self._texts: list[str] = []
        self._sort = (ID, Qt.SortOrder.AscendingOrder)
        self._unit = "px"
        self._names: dict[int, str] = {}
        self._swatches: dict[int, QIcon] = {}
        self._marks: dict[ReviewState, QIcon] = {}

    def show_rows(self, rows: list[Row], unit: str, classes: ClassTable | None) -> None:
        """Take over the objects of an image."""
        before, self._rows = self._rows, rows
        self._texts = []
        items = classes.classes if classes else ()
        if items == self._classes and unit == self._unit and self._repaint(before):
            return
        self._classes, self._unit = items, unit
        self._names = {item.id: item.name for item in items}
        self.retint()
        self._arrange()

    def retint(self) -> None:
        """Draw the swatches of the classes and the marks of the states again in the colours of the theme."""
        self._marks = {state: icon(name, colour) for state, (name, colour) in STATE_MARKS.items()}
        self._swatches = {item.id: _swatch(item.colour) for item in self._classes}

    def _repaint(self, before: list[Row]) -> bool:
        """Repaint the rows that are others now; return whether that is enough, their order being the same."""
        if [row.id for row in before] != [row.id for row in self._rows]:
            return False
        if not np.array_equal(self._ordered(), self._order):
            return False
        changed = {new.id for old, new in zip(before, self._rows, strict=True) if old is not new}
        places = [self._places[item] for item in changed if item in self._places]
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), _INTENSITY))
        return True

    def filter(self, words: str) -> None:
        """Show only rows with these words in id, class, state or source; ``>120`` and ``<120`` compare the area."""
        self._words = words.strip().lower()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; its name gets an arrow, which a style sheet would draw on the name."""
        self._sort = (column, order)
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, ID, _INTENSITY)

    def total(self) -> int:
        """Return how many objects there are, shown or not."""
        return len(self._rows)

    def object_at(self, row: int) -> int:
        """Return the object of a visible row."""
        return self._shown[row]

    def place_of(self, object_id: int) -> int:
        """Return the visible row of an object, -1 when it is not shown."""
        return self._places.get(object_id, -1)

    def rowCount(self, parent: _Index = _NO_PARENT) -> int:
        """Return how many rows are visible."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: _Index = _NO_PARENT) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(_ALIGNMENTS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the name of a column with its unit."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENTS[section]
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        unit = self._unit
        name = (
            self.tr("Id"),
            self.tr("Class"),
            self.tr("State"),
            self.tr("Source"),
            self.tr("Area, {0}²").format(unit),
            self.tr("Length, {0}").format(unit),
            self.tr("Width, {0}").format(unit),
            self.tr("Angle, °"),
            self.tr("Mean intensity"),
        )[section]
        column, order = self._sort
        arrow = "▲" if order == Qt.SortOrder.AscendingOrder else "▼"
        return f"{name} {arrow}" if section == column else name

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows."""
        if role not in _ROLES or not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENTS[index.column()]
        row = self._rows[self._order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _CLASS:
            return self._swatches.get(row.class_id)
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _STATE:
            return self._marks.get(row.state)
        return None

    def _text(self, row: Row, column: int) -> str:
        if column == ID:
            return str(row.id)
        if column == _CLASS:
            return self._name(row)
        if column == _STATE:
            return row.state
        if column == _SOURCE:
            return _SOURCES[row.source]
        value = (row.area, row.length, row.width, row.angle, row.intensity)[column - _AREA]
        if value != value:  # NaN: not measured yet, or no pixel that could be
            return "…" if row.area != row.area else "–"
        if column == _INTENSITY:
            return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
        digits = {_AREA: 0, _LENGTH: 1, _WIDTH: 1, _ANGLE: 0}[column] + (self._unit != "px" and column != _ANGLE)
        return f"{value:.{digits}f}"

    def _name(self, row: Row) -> str:
        return self._names.get(row.class_id, str(row.class_id))

    def _arrange(self) -> None:
        self.arranging.emit()
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [(index, self.object_at(index.row()), index.column()) for index in before]
        self._order = self._ordered()
        self._shown = [self._rows[number].id for number in self._order.tolist()]
        self._places = {item: place for place, item in enumerate(self._shown)}
        after = [
            self.createIndex(self._places[item], column) if item in self._places else QModelIndex()
            for _index, item, column in held
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()
        self.arranged.emit()

    def _ordered(self) -> NDArray[np.intp]:
        """Return the numbers of the rows to show, in order."""
        column, order = self._sort
        arranged = np.argsort(self._keys(column), kind="stable")
        if order == Qt.SortOrder.DescendingOrder:
            arranged = arranged[::-1]
        if self._words:
            arranged = arranged[self._matching()[arranged]]
        return arranged

    def _keys(self, column: int) -> NDArray[np.generic]:
        if column == _CLASS:
            return np.array([self._name(row) for row in self._rows], dtype=np.str_)
        if column == _STATE:
            return np.array([_URGENT.index(row.state) for row in self._rows], np.int8)
        if column == _SOURCE:
            return np.array([row.source for row in self._rows], dtype=np.str_)
        field = {
            ID: "id",
            _AREA: "area",
            _LENGTH: "length",
            _WIDTH: "width",
            _ANGLE: "angle",
            _INTENSITY: "intensity",
        }[column]
        return np.array([getattr(row, field) for row in self._rows], np.float64)

    def _matching(self) -> NDArray[np.bool_]:
        """Return which rows have all words of the filter."""
        if not self._texts:
            names = {key: f"{name} ".lower() for key, name in self._names.items()}
            self._texts = [
                f"{row.id} {names.get(row.class_id) or f'{row.class_id} '}{row.state} {_SOURCES[row.source]}"
                for row in self._rows
            ]
        matching = np.ones(len(self._rows), np.bool_)
        for word in self._words.split():
            if word[0] in "<>" and word[1:].replace(".", "", 1).isdigit():
                areas, limit = np.array([row.area for row in self._rows], np.float64), float(word[1:])
                matching &= areas < limit if word[0] == "<" else areas > limit
            else:
                matching &= np.array([word in text for text in self._texts], np.bool_)
        return matching


def _swatch(colour: str) -> QIcon:
    """Return a square of the colour of a class, with a ring on a selected row, which may be as blue as the class."""
    made = QIcon()
    for mode, ring in ((QIcon.Mode.Normal, ""), (QIcon.Mode.Selected, tokens().on_accent)):
        picture = QPixmap(4 * _SWATCH, 4 * _SWATCH)
        picture.fill(QColor(ring or colour))
        painter = QPainter(picture)
        painter.fillRect(picture.rect().adjusted(_RING, _RING, -_RING, -_RING), QColor(colour))
        painter.end()
        made.addPixmap(picture, mode)
    return made
