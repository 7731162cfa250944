"""The objects of the image in front as a table: sort, filter, fly there, delete."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.gui.bind import follow
from segstudio.gui.forms.parts import EmptyState, button
from segstudio.labels.edits import Delete
from segstudio.session.object_list import Row
from segstudio.session.session import Session

_Index = QModelIndex | QPersistentModelIndex
_ID, _CLASS, _SOURCE, _AREA, _LENGTH, _WIDTH, _ANGLE, _INTENSITY = range(8)
_SOURCES = {"hand": "hand", "model": "model", "import": "import"}
_NO_PARENT = QModelIndex()
#: Milliseconds between a selection on the canvas and the one in the table.
_MOMENT_MS = 40
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

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._shown: list[int] = []
        self._places: dict[int, int] = {}
        self._classes: tuple[ObjectClass, ...] = ()
        self._words = ""
        self._sort = (_ID, Qt.SortOrder.AscendingOrder)
        self._unit = "px"
        self._names: dict[int, str] = {}
        self._swatches: dict[int, QPixmap] = {}

    def show_rows(self, rows: list[Row], unit: str, classes: ClassTable | None) -> None:
        """Take over the objects of an image."""
        before, self._rows = self._rows, rows
        items = classes.classes if classes else ()
        if items == self._classes and unit == self._unit and self._repaint(before):
            return
        self._classes, self._unit = items, unit
        self._names = {item.id: item.name for item in items}
        self._swatches = {item.id: _swatch(item.colour) for item in items}
        self._arrange()

    def _repaint(self, before: list[Row]) -> bool:
        """Repaint the rows that are others now; return whether that is enough, their order being the same."""
        if [row.id for row in before] != [row.id for row in self._rows]:
            return False
        if not np.array_equal(self._ordered(), self._order):
            return False
        changed = {new.id for old, new in zip(before, self._rows, strict=True) if old is not new}
        places = [self._places[item] for item in changed if item in self._places]
        if places:
            self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), 7))
        return True

    def filter(self, words: str) -> None:
        """Show only rows with these words in id, class or source; ``>120`` and ``<120`` compare the area."""
        self._words = words.strip().lower()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self._sort = (column, order)
        self._arrange()

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
        return 0 if parent.isValid() else 8

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return the name of a column with its unit."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        unit = self._unit
        return (
            self.tr("Id"),
            self.tr("Class"),
            self.tr("Source"),
            self.tr("Area, {0}²").format(unit),
            self.tr("Length, {0}").format(unit),
            self.tr("Width, {0}").format(unit),
            self.tr("Angle, °"),
            self.tr("Mean intensity"),
        )[section]

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows."""
        if role not in _ROLES or not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        row = self._rows[self._order[index.row()]]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _CLASS:
            return self._swatches.get(row.class_id)
        return None

    def _text(self, row: Row, column: int) -> str:
        if column == _ID:
            return str(row.id)
        if column == _CLASS:
            return self._name(row)
        if column == _SOURCE:
            return _SOURCES[row.source]
        value = (row.area, row.length, row.width, row.angle, row.intensity)[column - _AREA]
        if value != value:  # NaN: not measured yet
            return "…"
        if column == _INTENSITY:
            return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
        digits = {_AREA: 0, _LENGTH: 1, _WIDTH: 1, _ANGLE: 0}[column] + (self._unit != "px" and column != _ANGLE)
        return f"{value:.{digits}f}"

    def _name(self, row: Row) -> str:
        return self._names.get(row.class_id, str(row.class_id))

    def _arrange(self) -> None:
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        held = [(index, self.object_at(index.row()), index.column()) for index in before]
        self._order = self._ordered()
        self._shown = [self._rows[number].id for number in self._order]
        self._places = {item: place for place, item in enumerate(self._shown)}
        after = [
            self.createIndex(self._places[item], column) if item in self._places else QModelIndex()
            for _index, item, column in held
        ]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _ordered(self) -> NDArray[np.intp]:
        """Return the numbers of the rows to show, in order."""
        column, order = self._sort
        arranged = np.argsort(self._keys(column), kind="stable")
        if order == Qt.SortOrder.DescendingOrder:
            arranged = arranged[::-1]
        if self._words:
            arranged = np.array([number for number in arranged if self._shows(self._rows[number])], np.intp)
        return arranged

    def _keys(self, column: int) -> NDArray[np.generic]:
        if column == _CLASS:
            return np.array([self._name(row) for row in self._rows], dtype=np.str_)
        if column == _SOURCE:
            return np.array([row.source for row in self._rows], dtype=np.str_)
        field = {
            _ID: "id",
            _AREA: "area",
            _LENGTH: "length",
            _WIDTH: "width",
            _ANGLE: "angle",
            _INTENSITY: "intensity",
        }[column]
        return np.array([getattr(row, field) for row in self._rows], np.float64)

    def _shows(self, row: Row) -> bool:
        text = f"{row.id} {self._name(row)} {_SOURCES[row.source]}".lower()
        for word in self._words.split():
            if word[0] in "<>" and word[1:].replace(".", "", 1).isdigit():
                if not (row.area < float(word[1:]) if word[0] == "<" else row.area > float(word[1:])):
                    return False
            elif word not in text:
                return False
        return True


class InstancesPanel(QWidget):
    """Table of objects; the selection is that of the canvas."""

    fly_to = Signal(int)
    """Id of the object that was clicked."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._following = False
        self.model = ObjectTable(self)
        self.view = QTableView()
        self.view.setModel(self.model)
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter: class, source, id, or >120 for the area"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._on_filter)
        self._count = QLabel()
        self._count.setProperty("role", "secondary")
        self._delete = button(self.tr("Delete"), self.delete_selected, "trash")
        self._empty = EmptyState("selection")
        self._dress()
        self._build()
        session.objects.changed.connect(self.refresh)
        session.project_changed.connect(self._on_project)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.view.clicked.connect(self._on_clicked)
        # A moment later: the frame that shows the end of a stroke has no time for the table as well.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(lambda: self._show_selected(self._session.view.selected))
        follow(session.view, "selected", self, self._on_selected_elsewhere)
        shortcut = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.view)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.delete_selected)
        self.refresh()

    def refresh(self) -> None:
        """Show the objects of the image in front."""
        project, objects = self._session.project, self._session.objects
        rows = objects.rows()
        self._following = True
        self.model.show_rows(rows, objects.unit, project.classes if project else None)
        self._following = False
        self._show_selected(self._session.view.selected)
        self._pages.setCurrentIndex(1 if rows else 0)
        self._empty.say(
            self.tr("Open an image to see its objects.")
            if self._session.document is None
            else self.tr("This image has no objects yet. Right-click on it and circle one cell.")
        )

    def delete_selected(self) -> None:
        """Delete the selected objects, as one edit that can be undone."""
        document, ids = self._session.document, tuple(sorted(self._session.view.selected))
        if document is not None and ids:
            document.apply(Delete(ids))
            self._session.view.selected = frozenset()

    def selected_ids(self) -> frozenset[int]:
        """Return the objects of the selected rows."""
        return frozenset(self.model.object_at(index.row()) for index in self.view.selectionModel().selectedRows())

    def _dress(self) -> None:
        view = self.view
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setSortingEnabled(True)
        view.sortByColumn(_ID, Qt.SortOrder.AscendingOrder)
        view.setAlternatingRowColors(True)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        # One height for all rows: Qt then never measures 10,000 of them.
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(26)
        view.horizontalHeader().setHighlightSections(False)
        # The arrow of the sorted column stands above its name, not on it.
        view.horizontalHeader().setStyleSheet(
            "QHeaderView::up-arrow, QHeaderView::down-arrow { subcontrol-position: top center; }"
        )
        for column, width in enumerate((64, 130, 80, 100, 100, 100, 90, 120)):
            view.setColumnWidth(column, width)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        self._filter.setMaximumWidth(360)
        top.addWidget(self._filter, 1)
        top.addWidget(self._count)
        top.addStretch(1)
        top.addWidget(self._delete)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 8, 12, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)

    def _on_filter(self, words: str) -> None:
        self.model.filter(words)
        self._say_count()

    def _on_project(self, project: object) -> None:
        if project is not None and self._session.project is not None:
            self._session.project.classes_changed.connect(self.refresh)

    def _on_selection(self, *_items: QItemSelection) -> None:
        if not self._following:
            self._following = True
            self._session.view.selected = self.selected_ids()
            self._following = False
        self._say_count()

    def _on_selected_elsewhere(self, _ids: object) -> None:
        if not self._following:
            self._soon.start(_MOMENT_MS)

    def _on_clicked(self, index: QModelIndex) -> None:
        self.fly_to.emit(self.model.object_at(index.row()))

    def _show_selected(self, ids: Iterable[int]) -> None:
        """Select the rows of `ids`, as ranges: thousands of single ones would be slow."""
        places = sorted(place for item in ids if (place := self.model.place_of(item)) >= 0)
        selection = QItemSelection()
        start = previous = -2
        for place in [*places, -10]:
            if place != previous + 1:
                if start >= 0:
                    selection.select(self.model.index(start, 0), self.model.index(previous, 7))
                start = place
            previous = place
        self._following = True
        self.view.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._following = False
        if len(places) == 1:
            self.view.scrollTo(self.model.index(places[0], 0))
        self._say_count()

    def _say_count(self) -> None:
        shown, chosen = self.model.rowCount(), len(self._session.view.selected)
        text = self.tr("{0} objects").format(f"{shown:,}")
        self._count.setText(self.tr("{0}, {1} selected").format(text, chosen) if chosen else text)
        self._delete.setEnabled(chosen > 0)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column in (_CLASS, _SOURCE) else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _swatch(colour: str) -> QPixmap:
    picture = QPixmap(12, 12)
    picture.fill(QColor(colour))
    return picture
