"""Choose the keys of every action; which action loses a key is said before it is done."""

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.actions import Action
from segstudio.gui.key_bindings import RESERVED, chord
from segstudio.gui.key_choice import CHOSEN, KeyChoice
from segstudio.gui.key_presets import PRESETS
from segstudio.gui.later import later
from segstudio.gui.theme import tokens

_ROW_HEIGHT, _AIR = 28, 16
_KEYS = 2


class ShortcutsDialog(QDialog):
    """Keyboard shortcuts.

    Parameters
    ----------
    specs
        All actions, by id.
    choice
        Begins with the keys in use, and is changed here.
    """

    chosen = Signal(object)
    """The `KeyChoice`, when it is to be used."""

    def __init__(self, specs: Mapping[str, Action], choice: KeyChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(720, 640)
        self._specs, self._choice = specs, choice
        self.preset = QComboBox()
        self.preset.addItems(list(PRESETS))
        self.preset.setCurrentText(choice.preset)
        self.preset.setToolTip(self.tr("Begin with the keys of a program that you know; keys of your own stay"))
        self.preset.currentTextChanged.connect(self._take_preset)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter, as “brush” or “Ctrl”"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._apply_filter)
        self.table = QTableWidget(len(specs), 3)
        self._fill_table()
        self._name = QLabel()
        self.fields = [QKeySequenceEdit() for _ in range(CHOSEN)]
        for field in self.fields:
            field.setMaximumSequenceLength(1)
            field.setClearButtonEnabled(True)
            field.keySequenceChanged.connect(lambda _keys, field=field: self._on_keys(field))
        self.reset = QPushButton(self.tr("Reset"))
        self.reset.setAutoDefault(False)
        self.reset.clicked.connect(self._reset)
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setMinimumHeight(40)
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._add_rows()
        self.table.currentCellChanged.connect(lambda row, *_: self._show(row))
        self._refresh()
        self.table.setCurrentCell(0, 0)

    def select(self, action_id: str) -> None:
        """Bring an action to the fields."""
        self.table.setCurrentCell(list(self._specs).index(action_id), 0)

    def accept(self) -> None:
        """Use the keys."""
        self.chosen.emit(self._choice)
        super().accept()

    def _add_rows(self) -> None:
        top = QHBoxLayout()
        top.addWidget(QLabel(self.tr("Keys as in")))
        top.addWidget(self.preset)
        top.addWidget(self.filter, 1)
        keys = QGridLayout()
        keys.addWidget(self._name, 0, 0, 1, 4)
        keys.addWidget(self.fields[0], 1, 0)
        keys.addWidget(QLabel(self.tr("or")), 1, 1)
        keys.addWidget(self.fields[1], 1, 2)
        keys.addWidget(self.reset, 1, 3)
        keys.setColumnStretch(0, 1)
        keys.setColumnStretch(2, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        use = buttons.addButton(self.tr("Use these keys"), QDialogButtonBox.ButtonRole.AcceptRole)
        use.setDefault(True)
        self.reset_all = buttons.addButton(self.tr("Reset all"), QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_all.setAutoDefault(False)
        self.reset_all.clicked.connect(self._reset_all)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addLayout(keys)
        column.addWidget(self.says)
        column.addWidget(buttons)

    def _fill_table(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels([self.tr("Where"), self.tr("What"), self.tr("Keys")])
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        for row, spec in enumerate(self._specs.values()):
            for column, text in enumerate((spec.menu.replace("&", ""), _name(spec), "")):
                table.setItem(row, column, QTableWidgetItem(text))
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.resizeColumnsToContents()
        for column in range(_KEYS):
            table.setColumnWidth(column, table.columnWidth(column) + _AIR)
        header.setSectionResizeMode(_KEYS, QHeaderView.ResizeMode.Stretch)

    def _refresh(self) -> None:
        """Show the keys as chosen so far; what differs from the preset stands out."""
        keys, usual, bold = self._choice.bindings.keys, self.font(), self.font()
        bold.setBold(True)
        for row, action_id in enumerate(self._specs):
            item, changed = self.table.item(row, _KEYS), action_id in self._choice.changed
            text = "   ".join(map(_native, keys[action_id])) or "–"
            # Each of these has the table measured and drawn anew.
            if item is not None and item.text() != text:
                item.setText(text)
            if item is not None and item.font().bold() != changed:
                item.setForeground(tokens().colour("accent_text" if changed else "text"))
                item.setFont(bold if changed else usual)
        self.reset_all.setEnabled(bool(self._choice.changed))
        self.reset.setEnabled(self._current() in self._choice.changed)

    def _current(self) -> str:
        row = max(0, self.table.currentRow())
        return list(self._specs)[row]

    def _show(self, _row: int) -> None:
        """Put the keys of the row in front into the fields."""
        action_id = self._current()
        keys = self._choice.bindings.keys[action_id]
        self._name.setText(self.tr("Keys of “{0}”").format(_name(self._specs[action_id])))
        for number, field in enumerate(self.fields):
            field.blockSignals(True)
            field.setKeySequence(QKeySequence(keys[number] if number < len(keys) else ""))
            field.blockSignals(False)
        self.reset.setEnabled(action_id in self._choice.changed)
        self._say("")

    def _on_keys(self, field: QKeySequenceEdit) -> None:
        """Take the keys of the fields; one is emptied by the cross in it, and for a moment by each new key."""
        if field.keySequence().isEmpty():
            later(self, lambda: self._take_keys() if field.keySequence().isEmpty() else None)
        else:
            self._take_keys()

    def _take_keys(self) -> None:
        action_id = self._current()
        names = [field.keySequence().toString() for field in self.fields]
        refused = [key for key in map(chord, names) if key in RESERVED]
        if refused:
            later(self, lambda: self._refuse(refused[0]))  # the field is still at work on the key
            return
        before = self._choice.bindings.keys[action_id]
        losers = self._choice.take(action_id, (*names, *before[CHOSEN:]))
        self._refresh()
        self._say_lost(losers)

    def _refuse(self, key: str) -> None:
        self._show(0)
        use = QCoreApplication.translate("Keys", str(RESERVED[key]))
        self._say(self.tr("{0} {1}. Choose another key.").format(_native(key), use), "error")

    def _say_lost(self, losers: Mapping[str, str]) -> None:
        self._say("\n".join(self._lost(key, loser) for loser, key in losers.items()), "warning")

    def _lost(self, key: str, loser: str) -> str:
        left = "   ".join(map(_native, self._choice.bindings.keys[loser]))
        none = self.tr("{0} is the key of “{1}”, which will have none.")
        words = self.tr("{0} is a key of “{1}”, which keeps {2}.") if left else none
        return words.format(_native(key), _name(self._specs[loser]), left)

    def _take_preset(self, name: str) -> None:
        self._choice.like(name)
        self._refresh()
        self._show(0)
        if self._choice.changed:
            names = ", ".join(f"“{_name(self._specs[action_id])}”" for action_id in self._choice.changed)
            self._say(self.tr("Keys of your own stay: {0}. “Reset all” takes them away.").format(names), "")

    def _reset(self) -> None:
        losers = self._choice.reset(self._current())
        self._refresh()
        self._show(0)
        self._say_lost(losers)

    def _reset_all(self) -> None:
        self._choice.reset_all()
        self._refresh()
        self._show(0)

    def _say(self, sentence: str, role: str = "") -> None:
        self.says.setText(sentence)
        self.says.setProperty("role", role)
        self.says.style().unpolish(self.says)
        self.says.style().polish(self.says)

    def _apply_filter(self, text: str) -> None:
        for row in range(self.table.rowCount()):
            items = (self.table.item(row, column) for column in range(3))
            words = " ".join(item.text() for item in items if item is not None)
            self.table.setRowHidden(row, text.lower() not in words.lower())
        shown = [row for row in range(self.table.rowCount()) if not self.table.isRowHidden(row)]
        if shown and self.table.currentRow() not in shown:
            self.table.setCurrentCell(shown[0], 0)  # the fields are never those of a row out of sight


def _name(spec: Action) -> str:
    return spec.text.rstrip("…").replace("&", "")


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
