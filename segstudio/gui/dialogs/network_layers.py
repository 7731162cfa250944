"""The layers of a network as a tree that folds by block, with what can be copied and saved of it."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView

from segstudio.gui.forms.plain import plain_tip
from segstudio.jobs.network_report import Layer

_PATH = Qt.ItemDataRole.UserRole
#: Least room for a column, pixels.
_LEAST = 60
_ROW_HEIGHT = 24


class LayerTree(QTreeView):
    """Shows one row a layer; blocks fold.

    Parameters
    ----------
    columns
        Titles; the first column names the layer.
    cells
        The texts of the other columns, from a layer.
    words
        How many columns at the left hold words; the others hold figures and stand at the right.
    """

    chosen = Signal(str)
    """Dotted name of the layer that the user stands on; ``""`` for the whole."""

    def __init__(self, columns: Iterable[str], cells: Callable[[Layer], Iterable[str]], words: int = 1) -> None:
        super().__init__()
        self._columns, self._cells, self._words = tuple(columns), cells, words
        self._model = QStandardItemModel(0, len(self._columns), self)
        self._layers: tuple[Layer, ...] = ()
        self._items: dict[str, QStandardItem] = {}
        self.setModel(self._model)
        self._show_titles()
        self._fit()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setAlternatingRowColors(True)
        self.setUniformRowHeights(True)
        self.setStyleSheet(f"QTreeView::item {{ min-height: {_ROW_HEIGHT}px; padding: 0 4px; }}")
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def show_layers(self, layers: tuple[Layer, ...], first: str) -> None:
        """Show other layers; `first` is what the root is called. What is open and chosen stays so by name."""
        if layers == self._layers:
            return
        opened = {path for path, item in self._items.items() if self.isExpanded(item.index())} or {""}
        here = self.path() if self.currentIndex().isValid() else None
        self._layers = layers
        self.selectionModel().blockSignals(True)
        self._model.clear()
        self._show_titles()
        self._items = {}
        for layer in layers:
            self._add(layer, first)
        self.selectionModel().blockSignals(False)
        for path in opened:
            if path in self._items:
                self.expand(self._items[path].index())
        self._fit()
        if here is not None:
            self.choose(here)

    def refresh(self) -> None:
        """Read the texts of all rows again."""
        for layer in self._layers:
            item = self._items[layer.path]
            parent = item.parent() or self._model.invisibleRootItem()
            for column, text in enumerate(self._cells(layer), start=1):
                parent.child(item.row(), column).setText(text)

    def choose(self, path: str) -> None:
        """Stand on a layer and bring it in sight."""
        if path in self._items:
            self.setCurrentIndex(self._items[path].index())

    def path(self) -> str:
        """Return the layer that the user stands on."""
        return str(self.currentIndex().siblingAtColumn(0).data(_PATH) or "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
            event.accept()
        else:
            super().keyPressEvent(event)

    def copy(self) -> None:
        """Put the selected rows on the clipboard, all when none or only one is selected."""
        rows = self.selectionModel().selectedRows()
        names = {str(row.data(_PATH)) for row in rows}
        chosen = [layer for layer in self._layers if len(names) < 2 or layer.path in names]
        lines = [self._columns, *((layer.path, *self._cells(layer)) for layer in chosen)]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines) + "\n")

    def _show_titles(self) -> None:
        self._model.setHorizontalHeaderLabels(list(self._columns))
        for column in range(1, len(self._columns)):
            self._model.horizontalHeaderItem(column).setTextAlignment(self._side(column))

    def _add(self, layer: Layer, first: str) -> None:
        parent_path, _, name = layer.path.rpartition(".")
        parent = self._items.get(parent_path) if layer.path else None
        item = QStandardItem(name or first)
        item.setData(layer.path, _PATH)
        item.setToolTip(plain_tip(layer.path))
        row = [item]
        for column, text in enumerate(self._cells(layer), start=1):
            cell = QStandardItem(text)
            cell.setTextAlignment(self._side(column))
            row.append(cell)
        (parent or self._model.invisibleRootItem()).appendRow(row)
        self._items[layer.path] = item

    def _fit(self) -> None:
        header = self.header()
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(_LEAST)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, len(self._columns)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    def _on_current(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(self.path())

    def _side(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignLeft if column < self._words else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter
