"""The settings of a form that most people leave alone: folded away, in groups, with a search."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.forms.field_row import FieldRow
from segstudio.gui.forms.parts import caption, heading
from segstudio.gui.later import later
from segstudio.gui.theme import icon

#: With more advanced settings than this their groups are folded at first.
_FOLDED_FROM = 16


class Advanced(QWidget):
    """Settings folded away, in groups, with a search."""

    def __init__(self, rows: Sequence[FieldRow]) -> None:
        super().__init__()
        self.rows = list(rows)
        self._is_open = False
        self._button = QToolButton()
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setAutoRaise(True)
        self._button.clicked.connect(lambda _checked=False: self._set_open(not self._is_open))
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self._nothing = caption(self.tr("No setting has these words."))
        self._nothing.hide()
        self._groups: list[_Group] = []
        self._body = QFrame()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.search)
        column.addWidget(self._nothing)
        self._fill(column)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 4, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        whole.addWidget(self._body)
        self._body.hide()
        self._keys_asked = False
        for each in self.rows:
            each.built.connect(self._on_built)
        self._set_open(False)
        self.refresh()

    @property
    def is_open(self) -> bool:
        """Whether the settings are in sight."""
        return self._is_open

    def open(self) -> None:
        """Bring the settings in sight."""
        self._set_open(True)

    def refresh(self) -> None:
        """Say how many settings are changed."""
        count = sum(row.is_changed for row in self.rows)
        self._button.setText(self.tr("Advanced") if not count else self.tr("Advanced ({0} changed)").format(count))
        for group in self._groups:
            group.say_changed()

    def reveal_errors(self) -> None:
        """Bring what is said to be wrong in sight."""
        for group in self._groups:
            if any(row.error() for row in group.rows):
                group.unfold()

    def _on_built(self) -> None:
        if not self._keys_asked:
            self._keys_asked = True
            later(self, self._order_keys)

    def _order_keys(self) -> None:
        """Let the keys go from top to bottom: what was built last comes last otherwise, wherever it lies."""
        self._keys_asked = False
        before: QWidget = self._button
        for widget in (self.search, *(each for group in self._groups for each in group.tab_stops())):
            QWidget.setTabOrder(before, widget)
            before = widget

    def _fill(self, column: QVBoxLayout) -> None:
        folded = len(self.rows) > _FOLDED_FROM
        for title in dict.fromkeys(row.field.group for row in self.rows):
            group = _Group(title, [row for row in self.rows if row.field.group == title], folded and bool(title))
            column.addWidget(group.heading)
            self._groups.append(group)
            for row in group.rows:
                column.addWidget(row)

    def _filter(self, words: str) -> None:
        for group in self._groups:
            group.filter(words)
        self._nothing.setVisible(not any(row.matches(words) for row in self.rows))

    def _set_open(self, is_open: bool) -> None:
        self._is_open = is_open
        self._body.setVisible(is_open)
        self._button.setIcon(icon("ph.caret-down" if is_open else "ph.caret-right", "secondary"))
        if is_open:
            self.search.setFocus()
            later(self, self._reveal)  # once the layout knows how tall it is

    def _reveal(self) -> None:
        """Bring the first settings in sight where the panel is scrolled: opened, they lie below its lower edge."""
        around: QWidget | None = self
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(self.search, 0, around.viewport().height() // 2)


class _Group:
    """Settings below one heading, which folds them where there are many; a search looks into folded ones."""

    def __init__(self, title: str, rows: Sequence[FieldRow], folded: bool) -> None:
        self.rows = list(rows)
        self._title, self._folds, self._folded, self._words = title, folded, folded, ""
        self.heading: QLabel | QToolButton = heading(title)
        if folded:
            button = QToolButton()
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setAutoRaise(True)
            button.clicked.connect(lambda _checked=False: self._turn())
            self.heading = button
        else:
            self.heading.setContentsMargins(0, 8, 0, 0)
        self._show()

    def filter(self, words: str) -> None:
        """Show only settings with these words; all, or none where it is folded, without words."""
        self._words = words
        self._show()

    def unfold(self) -> None:
        """Show its settings."""
        self._folded = False
        self._show()

    def tab_stops(self) -> list[QWidget]:
        """Return what takes the keys, in their order."""
        turns = [self.heading] if self._folds else []
        return [*turns, *(widget for row in self.rows for widget in row.tab_stops())]

    def say_changed(self) -> None:
        """Say how many settings are changed, which nobody sees while it is folded."""
        if self._folds:
            count = sum(row.is_changed for row in self.rows)
            words = self.heading.tr("{0} ({1} changed)").format(self._title, count) if count else self._title
            self.heading.setText(words)

    def _turn(self) -> None:
        self._folded = not self._folded
        self._show()

    def _show(self) -> None:
        found = [row.matches(self._words) for row in self.rows]
        for row, matches in zip(self.rows, found, strict=True):
            row.setVisible(matches and (bool(self._words) or not self._folded))
        self.heading.setVisible(bool(self._title) and any(found))
        self.say_changed()
        if isinstance(self.heading, QToolButton):
            opened = bool(self._words) or not self._folded
            self.heading.setIcon(icon("ph.caret-down" if opened else "ph.caret-right", "secondary"))
