"""One setting of a form: its name, editor, reset arrow and what is wrong with it."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from segstudio.config.form_spec import FieldSpec
from segstudio.gui.forms.editors import Editor, Value, make_editor
from segstudio.gui.forms.parts import caption, tool_button

#: Of all fields of a form, and of the choices above it, pixels.
FIELD_WIDTH = 144


class FieldRow(QWidget):
    """One setting: its name, an arrow back to the default when changed, its editor, and what is wrong with it.

    What it is made of is built when it is first seen, or has to hold something else than its default: a form has
    a hundred settings, and few of them are ever looked at.
    """

    changed = Signal(str)
    built = Signal()

    def __init__(self, field: FieldSpec) -> None:
        super().__init__()
        self.field = field
        self._editor: Editor | None = None

    @property
    def editor(self) -> Editor:
        """The editor; built when it is not there yet."""
        return self.build() if self._editor is None else self._editor

    @property
    def is_built(self) -> bool:
        """Whether it was ever needed."""
        return self._editor is not None

    @property
    def value(self) -> Value:
        """What is shown, or would be."""
        default = self.field.default
        if self._editor is not None or default is None:
            return self.editor.value()
        return float(default) if self.field.kind == "float" else default

    @property
    def is_changed(self) -> bool:
        """Whether the value differs from the default."""
        return self._editor is not None and self.field.default is not None and self.value != self.field.default

    def reset(self) -> None:
        """Go back to the default, as if the user had typed it."""
        if self.field.default is not None:
            self.editor.set_value(self.field.default)
            self._on_changed()

    def set_value(self, value: Value) -> None:
        """Show `value` without emitting `changed`."""
        if self._editor is not None or value != self.field.default:
            self.editor.set_value(value)
            self._show_state()

    def set_error(self, message: str) -> None:
        """Say below the editor what is wrong; an empty message takes it away."""
        if message:
            self.build()
        if self._editor is not None:
            self._error.setText(message)
            self._error.setVisible(bool(message))

    def error(self) -> str:
        """Return what is said to be wrong."""
        return self._error.text() if self._editor is not None else ""

    def matches(self, words: str) -> bool:
        """Return whether each of `words` stands in the title, help, group or path."""
        text = f"{self.field.title} {self.field.help} {self.field.group} {self.field.path}".lower()
        return all(word in text for word in words.lower().split())

    def tab_stops(self) -> list[QWidget]:
        """Return what takes the keys, in their order."""
        inner = self._editor.focusProxy() if self._editor is not None else None
        return [self._reset, inner] if inner is not None else []

    def showEvent(self, event: QShowEvent) -> None:
        """Build what is seen now."""
        self.build()
        super().showEvent(event)

    def build(self) -> Editor:
        """Make what it is made of, unless it is there; return the editor."""
        if self._editor is not None:
            return self._editor
        field = self.field
        editor = self._editor = make_editor(field)
        editor.setFixedWidth(FIELD_WIDTH)
        editor.changed.connect(self._on_changed)
        self._title = QLabel(field.title)
        self._title.setWordWrap(True)
        self._title.setBuddy(editor)
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._reset = _reset_button(self.tr("Back to {0}").format(describe(field, field.default)), self.reset)
        self._error = caption(role="error")
        tip = _tooltip(field)
        for widget in (self._title, editor):
            widget.setToolTip(tip)
        editor.setAccessibleName(field.title)
        editor.setAccessibleDescription(field.help)
        self._lay_out(editor)
        self._show_state()
        self.built.emit()
        return editor

    def _lay_out(self, editor: Editor) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        for widget, stretch in ((self._title, 1), (self._reset, 0), (editor, 0)):
            line.addWidget(widget, stretch)
        self._error.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(2)
        column.addLayout(line)
        column.addWidget(self._error)
        if self.isVisible():  # else they are shown with it
            self._title.show()
            editor.show()

    def _on_changed(self) -> None:
        self.set_error("")
        self._show_state()
        self.changed.emit(self.field.path)

    def _show_state(self) -> None:
        self._reset.setVisible(self.is_changed)


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
