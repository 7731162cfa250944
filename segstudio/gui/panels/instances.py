"""The objects of the image in front as a table: sort, filter, fly there, delete."""

from collections.abc import Iterable

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.bind import follow
from segstudio.gui.forms.parts import ElidedLabel, EmptyState, button, caption, on_theme
from segstudio.gui.later import later
from segstudio.gui.panels.object_menu import ObjectMenu
from segstudio.gui.panels.object_table import ID, ObjectTable
from segstudio.labels.edits import Delete
from segstudio.session.session import Session

#: Milliseconds between a selection on the canvas and the one in the table.
_MOMENT_MS = 40


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
        self._filter.setPlaceholderText(self.tr("Filter: class, state, or >120"))
        self._filter.setToolTip(self.tr("Class, state, source or id; >120 or <120 for the area"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._on_filter)
        self._count = ElidedLabel()
        self._count.setProperty("role", "secondary")
        self._none = caption(self.tr("No object matches the filter."), role="")
        self._delete = button(self.tr("Delete"), self.delete_selected, "trash")
        self._delete.setToolTip(self.tr("Delete the objects of the selected rows; Undo brings them back"))
        self._empty = EmptyState("selection")
        self._dress()
        self._build()
        session.objects.changed.connect(self.refresh)
        session.project_changed.connect(self._on_project)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.model.arranging.connect(self._let_go)
        self.model.arranged.connect(self._take_up)
        self.view.clicked.connect(self._on_clicked)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.horizontalHeader().sortIndicatorChanged.connect(lambda _column, _order: self._on_sorted())
        # A moment later: the frame that shows the end of a stroke has no time for the table as well.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(lambda: self._show_selected(self._session.view.selected))
        follow(session.view, "selected", self, self._on_selected_elsewhere)
        self.refresh()

    def refresh(self) -> None:
        """Show the objects of the image in front."""
        project, objects = self._session.project, self._session.objects
        rows = objects.rows()
        self._following = True
        self.model.show_rows(rows, objects.unit, project.classes if project else None)
        self._following = False
        self._show_selected(self._session.view.selected)
        self._pages.setCurrentIndex(1 if rows or objects.listing else 0)
        self._empty.say(self._why_empty())

    def _why_empty(self) -> str:
        document = self._session.document
        if document is None:
            return self.tr("Open an image to see its objects.")
        if document.read_only:
            return self.tr("This image has no objects yet.")
        return self.tr("This image has no objects yet. Right-click on it and circle one cell.")

    def delete_selected(self) -> None:
        """Delete the selected objects of the rows that are shown, as one edit that can be undone."""
        document, chosen = self._session.document, self._selected_and_shown()
        if document is not None and chosen:
            document.apply(Delete(tuple(sorted(chosen))))
            self._session.view.selected = self._session.view.selected - chosen

    def selected_ids(self) -> frozenset[int]:
        """Return the objects of the selected rows."""
        # By ranges: Qt's selectedRows() asks the model ten times for each row.
        chosen = self.view.selectionModel().selection()
        ranges = [chosen.at(number) for number in range(chosen.count())]
        return frozenset(
            self.model.object_at(place) for part in ranges for place in range(part.top(), part.bottom() + 1)
        )

    def _dress(self) -> None:
        view = self.view
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setSortingEnabled(True)
        view.sortByColumn(ID, Qt.SortOrder.AscendingOrder)
        view.setAlternatingRowColors(True)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        # One height for all rows: Qt then never measures 10,000 of them.
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(26)
        view.horizontalHeader().setHighlightSections(False)
        # A selection of its own, always empty: the header asks whether whole columns are selected, row by row.
        view.horizontalHeader().setSelectionModel(QItemSelectionModel(self.model, view))
        # The name of the sorted column has the arrow: that of a style sheet lies on the name.
        view.horizontalHeader().setStyleSheet(
            "QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0; height: 0; }"
        )
        view.setIconSize(QSize(12, 12))
        on_theme(self, self.model.retint)
        for column, width in enumerate((64, 130, 110, 80, 100, 100, 100, 90, 120)):
            view.setColumnWidth(column, width)

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        self._filter.setMaximumWidth(360)
        top.addWidget(self._filter, 1)
        top.addWidget(self._count, 1)
        top.addWidget(self._delete)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 8, 12, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._none)
        column.addWidget(self.view, 1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)

    def _on_filter(self, words: str) -> None:
        """Show other rows; objects whose rows are hidden are not selected any more."""
        self._following = True
        self.model.filter(words)
        chosen = self._selected_and_shown()
        self._session.view.selected = chosen
        self._following = False
        self._show_selected(chosen)

    def _selected_and_shown(self) -> frozenset[int]:
        """Return the objects that are selected, without those that only the canvas shows."""
        return frozenset(item for item in self._session.view.selected if self.model.place_of(item) >= 0)

    def _let_go(self) -> None:
        """Select no row while they change places; the view knows which objects are selected."""
        following, self._following = self._following, True
        self.view.selectionModel().clearSelection()
        self._following = following

    def _take_up(self) -> None:
        """Select the rows of the selected objects at their new places."""
        if not self._following:
            self._show_selected(self._session.view.selected)

    def _on_sorted(self) -> None:
        # A moment later: the model sorts after the header has told.
        later(self.view, self.view.scrollToTop)

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

    def _open_menu(self, place: QPoint) -> None:
        menu = ObjectMenu(self._session, self._selected_and_shown(), self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.view.viewport().mapToGlobal(place))

    def _show_selected(self, ids: Iterable[int]) -> None:
        """Select the rows of `ids`, as ranges: thousands of single ones would be slow."""
        places = sorted(place for item in ids if (place := self.model.place_of(item)) >= 0)
        selection = QItemSelection()
        start = previous = -2
        for place in [*places, -10]:
            if place != previous + 1:
                if start >= 0:
                    selection.select(
                        self.model.index(start, 0), self.model.index(previous, self.model.columnCount() - 1)
                    )
                start = place
            previous = place
        self._let_go()  # first: Qt compares thousands of old ranges with as many new ones, each with each
        self._following = True
        self.view.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.Select)
        self._following = False
        if len(places) == 1:
            self.view.scrollTo(self.model.index(places[0], 0))
        self._say_count()

    def _say_count(self) -> None:
        shown, total = self.model.rowCount(), self.model.total()
        text = self.tr("1 object") if total == 1 else self.tr("{0} objects").format(f"{total:,}")
        if self._filter.text().strip():
            text = self.tr("{0} of {1}").format(f"{shown:,}", text)
        chosen = len(self._selected_and_shown())
        beyond = len(self._session.view.selected) - chosen
        if chosen:
            text = self.tr("{0}, {1} selected").format(text, chosen)
        if beyond:
            text = self.tr("{0}, {1} selected that the filter hides").format(text, beyond)
        if self._session.objects.listing:
            text = "…"
        self._count.setText(text)
        self._delete.setEnabled(chosen > 0 and self._writable())
        self._none.setVisible(shown == 0 and not self._session.objects.listing)

    def _writable(self) -> bool:
        document = self._session.document
        return document is not None and not document.read_only
