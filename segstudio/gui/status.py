"""The status bar: where am I, is my work safe, what is running, on which device."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from segstudio.gui.forms.parts import ElidedLabel


class StatusBar(QStatusBar):
    """Shows what it is told; a click on the running job asks for the list of jobs."""

    jobs_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self._place = ElidedLabel()
        self._place.setObjectName("place")
        self._zoom = QLabel()
        self._saved = QLabel()
        self._saved.setObjectName("saved")
        self._job = _Link()
        self._job.clicked.connect(self.jobs_wanted)
        self._bar = QProgressBar()
        self._bar.setFixedSize(120, 8)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._device = QLabel()
        self._device.setProperty("role", "secondary")
        self.addWidget(self._place, 1)
        for widget in (self._zoom, self._saved, self._job, self._bar, self._device):
            self.addPermanentWidget(widget)

    def show_place(self, text: str) -> None:
        """Position, pixel value, object and class under the pointer."""
        self._place.setText(text)

    def show_zoom(self, factor: float) -> None:
        """Zoom as a percentage; nothing without an image."""
        self._zoom.setText(f"{factor * 100:.0f} %" if factor else "")

    def show_saved(self, state: str, sentence: str) -> None:
        """Say whether the work is safe: ``saved``, ``saving`` or ``failed``; empty without an image."""
        self._saved.setText(sentence)
        self._saved.setProperty("role", {"saved": "good", "failed": "error"}.get(state, "secondary"))
        self._saved.style().unpolish(self._saved)
        self._saved.style().polish(self._saved)

    def show_job(self, text: str, fraction: float | None = None) -> None:
        """Name the running job and its progress (0..1, ``None`` when unknown); nothing when `text` is empty."""
        self._job.setText(text)
        self._bar.setVisible(bool(text) and fraction is not None)
        if fraction is not None:
            self._bar.setRange(0, 1000)
            self._bar.setValue(int(fraction * 1000))

    def show_device(self, name: str) -> None:
        """Name the device that trains and predicts."""
        self._device.setText(name)


class _Link(QLabel):
    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()
        super().mouseReleaseEvent(event)
