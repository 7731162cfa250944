"""Numbers that are set by hand: sliders with their value, and boxes whose number a double click takes hold of."""

from collections.abc import Callable
from math import log as ln

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QLabel, QLineEdit, QSlider, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import row


class _WholeNumber(QLineEdit):
    """Lets a double click take hold of the whole number, whatever stands behind it.

    No event filter: Python would be asked about each of the hundreds of events that a change of the theme sends.
    """

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """Select the number, as the box around it does."""
        box = self.parent()
        if isinstance(box, QAbstractSpinBox):
            box.selectAll()


def whole_number(box: QAbstractSpinBox) -> None:
    """Let a double click on `box` select its number: Qt selects a word, and typing then goes on behind it."""
    box.setLineEdit(_WholeNumber(box))


class CalmSlider(QSlider):
    """A slider that leaves the wheel to the panel around it."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Do not change the value."""
        event.ignore()


class ValueSlider(QWidget):
    """A named slider with its value in figures.

    Parameters
    ----------
    low, high
        Range of the value.
    steps
        How many positions the slider has.
    show
        Turns the value into text.
    log
        Equal ways mean equal factors; `low` must be positive.
    """

    moved = Signal(float)
    """The user moved it."""

    def __init__(
        self,
        title: str,
        low: float,
        high: float,
        steps: int = 100,
        show: Callable[[float], str] = "{:g}".format,
        log: bool = False,
    ) -> None:
        super().__init__()
        self._low, self._high, self._steps, self._show, self._log = low, high, steps, show, log
        self._slider = CalmSlider()
        self._slider.setRange(0, steps)
        self._slider.setAccessibleName(title)
        self._title = QLabel(title)
        self._figures = QLabel()
        self._figures.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._figures.setMinimumWidth(44)
        self._slider.valueChanged.connect(self._on_moved)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row(self._title, self._figures, stretch=0))
        column.addWidget(self._slider)
        self._show_figures()

    def value(self) -> float:
        """Return the value."""
        share = self._slider.value() / self._steps
        if self._log:
            return float(self._low * (self._high / self._low) ** share)
        return self._low + share * (self._high - self._low)

    def set_value(self, value: float) -> None:
        """Move there without emitting `moved`."""
        inside = min(max(value, self._low), self._high)
        share = (
            ln(inside / self._low) / ln(self._high / self._low)
            if self._log
            else (inside - self._low) / (self._high - self._low)
        )
        self._slider.blockSignals(True)
        self._slider.setValue(round(share * self._steps))
        self._slider.blockSignals(False)
        self._show_figures()

    def _on_moved(self) -> None:
        self._show_figures()
        self.moved.emit(self.value())

    def _show_figures(self) -> None:
        self._figures.setText(self._show(self.value()))
