"""A form made from the fields of a configuration: few settings in sight, the rest folded away with a search."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.config.form_spec import FieldSpec, nested
from segstudio.gui.forms.advanced import Advanced
from segstudio.gui.forms.field_row import FieldRow

#: Settings shown before "Advanced" is opened.
SHOWN = 5


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
                self.rows[path].build()  # seen at once
        self.advanced = Advanced([row for path, row in self.rows.items() if path not in shown])
        column.addWidget(self.advanced)
        self.advanced.setVisible(bool(self.advanced.rows))

    def values(self) -> dict[str, Any]:
        """Return all values by dotted path."""
        return {path: row.value for path, row in self.rows.items()}

    def overrides(self) -> dict[str, Any]:
        """Return the values that differ from their defaults, by dotted path."""
        return {path: row.value for path, row in self.rows.items() if row.is_changed}

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
