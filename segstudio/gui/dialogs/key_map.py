"""Every key and gesture on one page, with a filter; read from the action table, so it is never out of date."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QHeaderView, QLineEdit, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from segstudio.gui.actions import GESTURES, ActionTable

#: Room above and below the words of a row together, pixels.
_AIR = 8


class KeyMap(QDialog):
    """Opened with ``?``."""

    def __init__(self, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys and mouse"))
        self.resize(820, 640)
        rows = [(self.tr("Mouse"), what, how) for what, how in GESTURES]
        for spec in actions.specs.values():
            keys = actions.shown_keys(spec.id)
            if keys:
                rows.append((spec.menu.replace("&", ""), spec.text.rstrip("…").replace("&", ""), keys))
        self._table = QTableWidget(len(rows), 3)
        self._table.setHorizontalHeaderLabels([self.tr("Where"), self.tr("What"), self.tr("Keys or gesture")])
        self._table.verticalHeader().hide()
        self._table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self._table.setShowGrid(False)
        self._table.setWordWrap(True)
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                self._table.setItem(row, column, QTableWidgetItem(text))
        header = self._table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        # A row is measured when its column has its width, and not before.
        self._table.verticalHeader().setMinimumSectionSize(16)
        self._fit = QTimer(self)
        self._fit.setSingleShot(True)
        self._fit.timeout.connect(self._fit_rows)
        header.sectionResized.connect(lambda *_: self._fit.start(0))
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter, as “brush” or “Ctrl”"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._apply_filter)
        column_layout = QVBoxLayout(self)
        column_layout.addWidget(self._filter)
        column_layout.addWidget(self._table)

    def _fit_rows(self) -> None:
        self._table.resizeRowsToContents()
        for row in range(self._table.rowCount()):
            self._table.setRowHeight(row, self._table.rowHeight(row) + _AIR)

    def _apply_filter(self, text: str) -> None:
        for row in range(self._table.rowCount()):
            items = (self._table.item(row, column) for column in range(3))
            words = " ".join(item.text() for item in items if item is not None)
            self._table.setRowHidden(row, text.lower() not in words.lower())
