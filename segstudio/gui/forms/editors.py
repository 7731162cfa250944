"""One editor for each kind of setting: whole number, number, logarithmic number, yes or no, choice, text."""

import math
import re

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QPaintEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from segstudio.config.form_spec import FieldSpec
from segstudio.gui.forms.numbers import whole_number

Value = bool | int | float | str

#: Steps of a logarithmic editor within one decade.
_LOG_STEPS = (1.0, 2.0, 5.0)
#: Pixels that a style keeps free beside the text of a choice.
_TEXT_MARGIN = 4
#: What choices are called that would not be understood.
_WORDS = {"auto": "automatic"}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_HALF_NUMBER = re.compile(r"[-+]?\d*\.?\d*(e[-+]?\d*)?", re.IGNORECASE)


class Editor(QWidget):
    """A widget for one value; `changed` is emitted for changes by the user only."""

    changed = Signal()

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(inner)
        self.setFocusProxy(inner)

    def value(self) -> Value:
        """Return what is shown."""
        raise NotImplementedError

    def set_value(self, value: Value) -> None:
        """Show `value` without emitting `changed`."""
        raise NotImplementedError


def make_editor(field: FieldSpec) -> Editor:
    """Return the editor that `field` needs, showing its default."""
    makers: dict[str, type[_Bool | _Int | _Float | _Choice | _Text]] = {
        "bool": _Bool,
        "int": _Int,
        "float": _Float,
        "choice": _Choice,
        "text": _Text,
    }
    editor = makers[field.kind](field)
    if field.default is not None:
        editor.set_value(field.default)
    return editor


class CalmSpinBox(QSpinBox):
    """A whole number; the wheel scrolls the panel around it until it has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        whole_number(self)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value only while it is being edited."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class CalmComboBox(QComboBox):
    """A choice; the wheel scrolls the panel around it until it has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value only while it is being edited."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def shown_text(self) -> str:
        """Return the choice as it is drawn: with an ellipsis where there is no room for all of it."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = (
            self.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, self).width() - _TEXT_MARGIN
        )
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the box with `shown_text`."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        option.currentText = self.shown_text()
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class NumberBox(QDoubleSpinBox):
    """A number written with as few digits as it needs, ``0.005`` or ``1e-06``; steps fit its size.

    Parameters
    ----------
    log
        Steps go 1, 2, 5, 10 instead of by a fixed amount.
    """

    def __init__(self, log: bool = False) -> None:
        super().__init__()
        self._log = log
        self.setDecimals(12)
        self.setLocale(QLocale.c())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        whole_number(self)

    def textFromValue(self, value: float) -> str:
        """Return the shortest text of `value`."""
        return f"{value:.6g}"

    def valueFromText(self, text: str) -> float:
        """Return the number in `text`, 0 when it holds none yet."""
        found = _NUMBER.search(self._bare(text))
        return float(found.group()) if found else 0.0

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Accept numbers in the range, and what can still become one."""
        bare = self._bare(text)
        if text == self.specialValueText() and text:
            return QValidator.State.Acceptable, text, position
        if _NUMBER.fullmatch(bare):
            inside = self.minimum() <= float(bare) <= self.maximum()
            state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        elif _HALF_NUMBER.fullmatch(bare):
            state = QValidator.State.Intermediate
        else:
            state = QValidator.State.Invalid
        return state, text, position

    def stepBy(self, steps: int) -> None:
        """Go to the next round number."""
        value = self.value()
        for _ in range(abs(steps)):
            value = _log_step(value, steps > 0) if self._log else value + math.copysign(_unit(value), steps)
        self.setValue(round(value, 12))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Change the value only while it is being edited."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _bare(self, text: str) -> str:
        return text.removesuffix(self.suffix()).strip()


class _Int(Editor):
    def __init__(self, field: FieldSpec) -> None:
        self._box = CalmSpinBox()
        super().__init__(self._box)
        low = -(2**31) if field.minimum is None else math.ceil(field.minimum)
        high = 2**31 - 1 if field.maximum is None else math.floor(field.maximum)
        self._box.setRange(low, min(high, 2**31 - 1))
        self._box.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType if high - low > 1000 else _PLAIN)
        _dress(self._box, field, low)
        self._box.valueChanged.connect(self.changed)

    def value(self) -> int:
        return self._box.value()

    def set_value(self, value: Value) -> None:
        self._box.blockSignals(True)
        self._box.setValue(int(value))
        self._box.blockSignals(False)


class _Float(Editor):
    def __init__(self, field: FieldSpec) -> None:
        self._box = NumberBox(field.log)
        super().__init__(self._box)
        low = -1e12 if field.minimum is None else field.minimum
        self._box.setRange(low, 1e12 if field.maximum is None else field.maximum)
        _dress(self._box, field, low)
        self._box.valueChanged.connect(self.changed)

    def value(self) -> float:
        return self._box.value()

    def set_value(self, value: Value) -> None:
        self._box.blockSignals(True)
        self._box.setValue(float(value))
        self._box.blockSignals(False)


class _Bool(Editor):
    def __init__(self, _field: FieldSpec) -> None:
        self._box = QCheckBox()
        super().__init__(self._box)
        self._box.toggled.connect(self.changed)

    def value(self) -> bool:
        return self._box.isChecked()

    def set_value(self, value: Value) -> None:
        self._box.blockSignals(True)
        self._box.setChecked(bool(value))
        self._box.blockSignals(False)


class _Choice(Editor):
    def __init__(self, field: FieldSpec) -> None:
        self._box = CalmComboBox()
        super().__init__(self._box)
        for choice in field.choices:
            self._box.addItem(_WORDS.get(str(choice), str(choice)), choice)
        self._box.currentIndexChanged.connect(self.changed)

    def value(self) -> str | int:
        value: str | int = self._box.currentData()  # as the Config declares it: "32" is not 32
        return value

    def set_value(self, value: Value) -> None:
        self._box.blockSignals(True)
        self._box.setCurrentIndex(max(0, self._box.findData(value)))
        self._box.blockSignals(False)


class _Text(Editor):
    def __init__(self, _field: FieldSpec) -> None:
        self._box = QLineEdit()
        super().__init__(self._box)
        self._box.textEdited.connect(self.changed)

    def value(self) -> str:
        return self._box.text()

    def set_value(self, value: Value) -> None:
        self._box.blockSignals(True)
        self._box.setText(str(value))
        self._box.blockSignals(False)


_PLAIN = QSpinBox.StepType.DefaultStepType


def _dress(box: QSpinBox | QDoubleSpinBox, field: FieldSpec, low: float) -> None:
    box.setKeyboardTracking(False)
    if field.unit:
        box.setSuffix(f" {field.unit}")
    if field.zero and low == 0:
        box.setSpecialValueText(field.zero)


def _unit(value: float) -> float:
    """Return a step that moves the second figure of `value`."""
    return 0.1 if value == 0 else 10.0 ** (math.floor(math.log10(abs(value)) + 1e-9) - (abs(value) < 10))


def _log_step(value: float, up: bool) -> float:
    """Return the next of 1, 2, 5, 10 ... above or below `value`."""
    if value <= 0:
        return 1e-6 if up else 0.0
    decade = math.floor(math.log10(value) + 1e-9)
    rungs = [step * 10.0**power for power in (decade - 1, decade, decade + 1) for step in _LOG_STEPS]
    if up:
        return min(rung for rung in rungs if rung > value * (1 + 1e-6))
    return max(rung for rung in rungs if rung < value * (1 - 1e-6))
