"""The status bar: where am I, is my work safe, what is running, on which device."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QLabel, QProgressBar, QStatusBar, QWidget

from segstudio.gui.forms.parts import ElidedLabel, set_role
from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.where_words import channel_words, size_words
from segstudio.project.changes import FAILED, RESCUED, SAVED, SAVING
from segstudio.project.document import ImageDocument
from segstudio.session.session import Session

#: Names of devices are cut at this width, pixels.
_DEVICE_WIDTH = 260
#: How long a message stays that nothing takes away earlier.
_MESSAGE_MS = 4000


class StatusBar(QStatusBar):
    """Follows the session; a click on the running job asks for the list of jobs."""

    jobs_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setSizeGripEnabled(False)
        self._place = ElidedLabel()
        self._place.setObjectName("place")
        self._guidance = ""
        self._pointed: tuple[float, float, str, int] | None = None
        self._zoom = QLabel()
        self._channels = QLabel()
        self._channels.setObjectName("channels")
        self._channels.setProperty("role", "secondary")
        self._channels.hide()
        self._saved = QLabel()
        self._saved.setObjectName("saved")
        self._job = _Link()
        self._job.clicked.connect(self.jobs_wanted)
        self._bar = QProgressBar()
        self._bar.setFixedSize(120, 8)
        self._bar.setTextVisible(False)
        self._bar.hide()
        self._device = QLabel()
        self._device.setObjectName("device")
        self._device.setProperty("role", "secondary")
        self.addWidget(self._place, 1)
        for widget in (self._channels, self._zoom, self._saved, self._job, self._bar, self._device):
            self.addPermanentWidget(widget)
        session.front.loading.connect(self._on_loading)
        session.made.changed.connect(self._show_channels)
        session.view.events.display.connect(self._show_channels)
        session.objects.changed.connect(self._on_measured)
        # Before the tool that is put away says what it has given up.
        session.view.events.tool.connect(self._forget_message, priority=1)
        session.jobs.changed.connect(self._on_jobs)
        session.jobs.catalogue_changed.connect(self._show_device)
        session.preferences_changed.connect(self._show_device)
        self._show_device()

    def show_document(self, document: ImageDocument | None) -> None:
        """Follow another document; nothing of the one before stays."""
        self._pointed = None
        self._show_channels()
        if document is None:
            self._place.setText("")
            self._say_saved("", "")
            self.show_zoom(0)
        else:
            document.saved.connect(self._on_saved)
            document.turned.connect(self._forget_message)
            self._on_saved(document.save_state)

    def guide(self, sentence: str) -> None:
        """Say how to go on with a gesture; with nothing to say, what was said last of that goes."""
        if sentence:
            self.showMessage(sentence, _MESSAGE_MS)
        elif self.currentMessage() == self._guidance:
            self.clearMessage()
        self._guidance = sentence

    def _forget_message(self, *_: object) -> None:
        self.clearMessage()

    def _show_channels(self, *_: object) -> None:
        source = self._session.made.seen
        short, names = channel_words(source.info, self._session.view.display) if source is not None else ("", "")
        self._channels.setText(short)
        self._channels.setToolTip(plain_tip(names))
        self._channels.setVisible(bool(short))

    def show_pointer(self, x: float, y: float, value: str, object_id: int) -> None:
        """Say where the pointer is, image pixels, on which value and on which object (0 for none), and its size."""
        self._pointed = x, y, value, object_id
        words = [f"x {x:.0f}  y {y:.0f}", value] if value else []
        document, project = self._session.document, self._session.project
        if object_id and document is not None and project is not None:
            info, objects = document.planes.objects.get(object_id), self._session.objects
            names = {item.id: item.name for item in project.classes.classes}
            words.append(f"object {object_id} {names.get(info.class_id, '') if info else ''}".rstrip())
            words += size_words(objects.row(object_id), objects.unit)
        self._place.setText("  ·  ".join(words))

    def _on_measured(self) -> None:
        if self._pointed is not None and self._pointed[3]:
            self.show_pointer(*self._pointed)

    def show_zoom(self, factor: float) -> None:
        """Zoom as a percentage; nothing without an image."""
        self._zoom.setText(f"{factor * 100:.0f} %" if factor else "")

    def _on_loading(self, name: str) -> None:
        self._pointed = None
        self._place.setText(self.tr("Opening {name} …").format(name=name) if name else "")

    def _on_saved(self, state: str) -> None:
        document = self._session.document
        if document is not None and document.read_only:
            self._say_saved("", self.tr("reading only"))
            return
        kind, _, why = state.partition(": ")
        words = {SAVED: self.tr("saved ✓"), SAVING: self.tr("saving …"), RESCUED: self.tr("kept on this computer")}
        safe = document is not None and document.safe
        failed = self.tr("label files not written") if safe else self.tr("not saved")
        self._say_saved(kind, words.get(kind, failed))
        self._saved.setToolTip(plain_tip(why))

    def _say_saved(self, state: str, sentence: str) -> None:
        self._saved.setText(sentence)
        set_role(self._saved, {SAVED: "good", RESCUED: "error", FAILED: "error"}.get(state, "secondary"))

    def _on_jobs(self, _job_id: str) -> None:
        jobs = self._session.jobs
        text, fraction = jobs.summary()
        self._job.setText(text)
        self._bar.setVisible(bool(text) and fraction is not None)
        if fraction is not None:
            self._bar.setRange(0, 1000)
            self._bar.setValue(int(fraction * 1000))
        self._show_device()

    def _show_device(self) -> None:
        name = self._session.devices.name
        self._device.setText(self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, _DEVICE_WIDTH))
        self._device.setToolTip(self.tr("{device}: change it in Train or Predict").format(device=name) if name else "")


class _Link(QLabel):
    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.clicked.emit()
        super().mouseReleaseEvent(event)
