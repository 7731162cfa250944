"""A form made from the fields of a configuration: few settings in sight, the rest folded away with a search."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.config.form_spec import FieldSpec, nested
from segstudio.gui.forms.editors import Value, make_editor
from segstudio.gui.forms.parts import caption, heading, tool_button
from segstudio.gui.theme import icon

#: Settings shown before "Advanced" is opened.
SHOWN = 5
#: Of all fields of a form, and of the choices above it, pixels.
FIELD_WIDTH = 144
#: With more advanced settings than this their groups are folded at first.
_FOLDED_FROM = 16


class FieldRow(QWidget):
    """One setting: its name, an arrow back to the default when changed, its editor, and what is wrong with it."""

    changed = Signal(str)

    def __init__(self, field: FieldSpec) -> None:
        super().__init__()
        self.field = field
        self.editor = make_editor(field)
        self.editor.setFixedWidth(FIELD_WIDTH)
        self.editor.changed.connect(self._on_changed)
        self._title = QLabel(field.title)
        self._title.setWordWrap(True)
        self._title.setBuddy(self.editor)
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._reset = _reset_button(self.tr("Back to {0}").format(describe(field, field.default)), self.reset)
        self._error = caption(role="error")
        self._error.hide()
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        for widget, stretch in ((self._title, 1), (self._reset, 0), (self.editor, 0)):
            line.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self._error)
        tip = _tooltip(field)
        for widget in (self._title, self.editor):
            widget.setToolTip(tip)
        self.editor.setAccessibleName(field.title)
        self.editor.setAccessibleDescription(field.help)
        self._show_state()

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return self.field.default is not None and self.editor.value() != self.field.default

    def reset(self) -> None:
        """Go back to the default, as if the user had typed it."""
        if self.field.default is not None:
            self.editor.set_value(self.field.default)
            self._on_changed()

    def set_value(self, value: Value) -> None:
        """Show `value` without emitting `changed`."""
        self.editor.set_value(value)
        self._show_state()

    def set_error(self, message: str) -> None:
        """Say below the editor what is wrong; an empty message takes it away."""
        self._error.setText(message)
        self._error.setVisible(bool(message))

    def error(self) -> str:
        """Return what is said to be wrong."""
        return self._error.text()

    def matches(self, words: str) -> bool:
        """Return whether each of `words` stands in the title, help, group or path."""
        text = f"{self.field.title} {self.field.help} {self.field.group} {self.field.path}".lower()
        return all(word in text for word in words.lower().split())

    def _on_changed(self) -> None:
        self.set_error("")
        self._show_state()
        self.changed.emit(self.field.path)

    def _show_state(self) -> None:
        self._reset.setVisible(self.is_changed)


class Form(QWidget):
    """All settings of a configuration.

    Parameters
    ----------
    fields
        What ``form_spec`` returns, one list or several after one another; paths must be unique.
    shown
        Paths in sight, in this order; ``None`` takes the first `SHOWN` that are not advanced.
    """

    changed = Signal(str)
    """Path of the setting that the user changed."""

    def __init__(self, fields: Sequence[FieldSpec], shown: Sequence[str] | None = None) -> None:
        super().__init__()
        self.rows = {field.path: FieldRow(field) for field in fields}
        for row in self.rows.values():
            row.changed.connect(self._on_row)
        if shown is None:
            shown = [field.path for field in fields if not field.advanced][:SHOWN]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for path in shown:
            if path in self.rows:
                column.addWidget(self.rows[path])
        self.advanced = Advanced([row for path, row in self.rows.items() if path not in shown])
        column.addWidget(self.advanced)
        self.advanced.setVisible(bool(self.advanced.rows))

    def values(self) -> dict[str, Any]:
        """Return all values by dotted path."""
        return {path: row.editor.value() for path, row in self.rows.items()}

    def overrides(self) -> dict[str, Any]:
        """Return the values that differ from their defaults, by dotted path."""
        return {path: row.editor.value() for path, row in self.rows.items() if row.is_changed}

    def settings(self) -> dict[str, Any]:
        """Return the changed values as nested mappings, as a configuration takes them."""
        return nested(self.overrides())

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show `values` by dotted path, defaults for the others; unknown paths are ignored."""
        for path, row in self.rows.items():
            value = values.get(path, row.field.default)
            if value is not None:
                row.set_value(value)
        self.advanced.refresh()

    def set_errors(self, errors: Mapping[str, str]) -> dict[str, str]:
        """Show what is wrong at each field; return the messages that belong to no field here.

        A message below "Advanced" opens it.
        """
        for path, row in self.rows.items():
            row.set_error(errors.get(path, ""))
        if any(row.error() for row in self.advanced.rows):
            self.advanced.open()
            self.advanced.reveal_errors()
        return {path: message for path, message in errors.items() if path not in self.rows}

    def reset(self) -> None:
        """Go back to all defaults."""
        for row in self.rows.values():
            if row.is_changed:
                row.reset()

    def _on_row(self, path: str) -> None:
        self.advanced.refresh()
        self.changed.emit(path)


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
            QTimer.singleShot(0, self, self._reveal)  # once the layout knows how tall it is

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


def describe(field: FieldSpec, value: Value | None) -> str:
    """Return `value` in words: with its unit, "automatic" where 0 means that."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == 0 and field.zero:
        return field.zero
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {field.unit}".strip()


def _reset_button(tip: str, call: Callable[[], object]) -> QToolButton:
    made = tool_button("ph.arrow-counter-clockwise", tip, call)
    policy = made.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    made.setSizePolicy(policy)
    return made


def _tooltip(field: FieldSpec) -> str:
    parts = [field.help] if field.help else []
    if field.minimum is not None and field.maximum is not None and field.kind in ("int", "float"):
        parts.append(f"{field.minimum:g} to {field.maximum:g}{' ' + field.unit if field.unit else ''}.")
    parts.append(f"Default: {describe(field, field.default)}.")
    return f"<p>{' '.join(parts)}</p>"
