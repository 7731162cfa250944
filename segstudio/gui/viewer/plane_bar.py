"""Sliders under the canvas, one for each axis along which the planes of a stack lie."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSlider, QToolButton, QWidget

from segstudio.gui.theme import icon
from segstudio.session.plane_choice import PlaneChoice

#: What the axes are called.
_NAMES = {"T": "Time", "Z": "Depth", "C": "Channel", "I": "Plane"}
_FRAME_MS = 125


class PlaneBar(QWidget):
    """Shows and changes which plane is in front; hidden for flat images.

    Parameters
    ----------
    planes
        What it changes.
    """

    asked = Signal(int, int)
    """Axis, and where to go along it."""

    def __init__(self, planes: PlaneChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._planes = planes
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 4, 12, 4)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(2, 1)
        self._rows: list[tuple[QSlider, QLabel, QToolButton]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._play_on)
        self._playing: int | None = None
        self.setObjectName("planes")
        self.hide()

    def rebuild(self) -> None:
        """Have a slider for each axis of the image in front."""
        self._stop()
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        self._rows = []
        axes = self._planes.axes
        for axis, (letter, size) in enumerate(axes):
            self._add(axis, letter, size)
        self.setVisible(bool(axes))
        self.follow()

    def _add(self, axis: int, letter: str, size: int) -> None:
        name = self.tr(_NAMES.get(letter, "Plane"))
        play, slider, at = QToolButton(), QSlider(Qt.Orientation.Horizontal), QLabel()
        play.setIcon(icon("ph.play"))
        play.setToolTip(self.tr("Play"))
        play.setCheckable(True)
        play.setAutoRaise(True)
        play.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        play.toggled.connect(lambda on: self._play(axis if on else None))
        slider.setRange(0, size - 1)
        slider.setPageStep(max(1, size // 10))
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        slider.setAccessibleName(name)
        slider.valueChanged.connect(lambda value: self.asked.emit(axis, value))
        at.setMinimumWidth(at.fontMetrics().horizontalAdvance(f"{size} / {size}"))
        at.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for column, widget in enumerate((QLabel(name), play, slider, at)):
            self._grid.addWidget(widget, axis, column)
        self._rows.append((slider, at, play))

    def follow(self) -> None:
        """Show where the plane in front lies."""
        for (slider, at, _), (_, size), position in zip(
            self._rows, self._planes.axes, self._planes.position, strict=True
        ):
            slider.blockSignals(True)
            slider.setValue(position)
            slider.blockSignals(False)
            at.setText(f"{position + 1} / {size}")

    def _play(self, axis: int | None) -> None:
        for number, (_, _, button) in enumerate(self._rows):
            if number != axis and button.isChecked():
                button.setChecked(False)
        self._playing = axis
        if axis is None:
            self._timer.stop()
        else:
            self._timer.start()

    def _play_on(self) -> None:
        if self._playing is not None:
            size, here = self._planes.axes[self._playing][1], self._planes.position[self._playing]
            self.asked.emit(self._playing, (here + 1) % size)

    def _stop(self) -> None:
        self._timer.stop()
        self._playing = None
