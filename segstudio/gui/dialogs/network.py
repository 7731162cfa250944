"""The window about a network: what it is before it is trained, and what goes on inside when it is."""

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QTabWidget, QVBoxLayout, QWidget

from segstudio.core.tiles import Window
from segstudio.gui.dialogs.network_figures import NetworkFigures
from segstudio.gui.dialogs.network_inside import NetworkInside, Square
from segstudio.gui.forms.editors import CalmComboBox
from segstudio.session.job_specs import TrainingWish
from segstudio.session.network_reports import NetworkReports
from segstudio.session.session import Session

#: The network is described again when the settings have rested so long, milliseconds.
_PAUSE_MS = 400


class NetworkDialog(QDialog):
    """Stays beside the work: form and image can be used while it is open.

    Parameters
    ----------
    wish
        Returns what the form says now.
    square
        Returns so many image pixels around a point, or the middle of the view.
    """

    field_changed = Signal(bool, object, object)
    """Whether the receptive field is to be seen on the image, its side (``None``: all), the diameter of an object."""
    picture_wanted = Signal(object, object)
    """See `NetworkInside`."""

    def __init__(self, session: Session, wish: Callable[[], TrainingWish], square: Square, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._wish = session, wish
        self.reports = NetworkReports(session)
        self.setWindowTitle(self.tr("Network"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(940, 680)
        self.model = CalmComboBox()
        self.model.setMinimumWidth(260)
        self.figures = NetworkFigures(session, self.reports)
        self.inside = NetworkInside(session, self.reports, square)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.figures, self.tr("Overview"))
        self.tabs.addTab(self.inside, self.tr("Inside"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.describe)
        self._build()
        self._fill_models()
        self.model.currentIndexChanged.connect(self._on_model)
        self.figures.field_wanted.connect(lambda _wanted: self._tell_field())
        self.inside.picture_wanted.connect(self.picture_wanted)
        self.reports.described.connect(self._tell_field)
        session.runs.changed.connect(self._fill_models)
        session.document_changed.connect(self._on_document)
        session.project_changed.connect(self._on_project)
        session.images_changed.connect(self.form_changed)
        self.describe()

    def form_changed(self) -> None:
        """Describe the network again once the settings rest, when it is theirs that is shown."""
        if not self.model.currentData():
            self._timer.start()

    def describe(self) -> None:
        """Ask for the figures of what is chosen."""
        run = self._session.runs.run(self.model.currentData() or "")
        self.reports.describe(self._wish(), run.model if run is not None else None)

    def done(self, result: int) -> None:
        """Take everything off the image, and let the worker be; Escape and the window's cross come here too."""
        self._timer.stop()
        session = self._session
        for signal, slot in (
            (session.runs.changed, self._fill_models),
            (session.document_changed, self._on_document),
            (session.project_changed, self._on_project),
            (session.images_changed, self.form_changed),
            (self.reports.described, self._tell_field),
        ):
            signal.disconnect(slot, missing_ok=True)
        self.field_changed.emit(False, None, None)
        self.picture_wanted.emit(QImage(), Window(0, 0, 0, 0))
        self.inside.let_go()
        self.reports.close()
        super().done(result)

    def _build(self) -> None:
        label = QLabel(self.tr("Network"))
        label.setBuddy(self.model)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(label)
        head.addWidget(self.model)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.tabs, 1)

    def _fill_models(self) -> None:
        chosen = self.model.currentData() or ""
        self.model.blockSignals(True)
        self.model.clear()
        self.model.addItem(self.tr("Of the settings in Train"), "")
        for run in self._session.runs.all:
            if run.has_model:
                self.model.addItem(run.name, run.id)
        self.model.setCurrentIndex(max(0, self.model.findData(chosen)))
        self.model.blockSignals(False)
        if (self.model.currentData() or "") != chosen:
            self._on_model()
        elif not chosen:
            self.inside.forget()  # what it says depends on whether there is a model to choose

    def _on_model(self, _index: int = 0) -> None:
        self.describe()
        self.inside.set_model(self.model.currentData() or "")

    def _on_document(self, _document: object) -> None:
        self.inside.forget()

    def _on_project(self, _project: object) -> None:
        self.close()

    def _tell_field(self) -> None:
        report = self.reports.report
        shown = self.figures.on_image.isChecked() and report is not None
        side, diameter = (report.field, report.object_diameter_px) if report is not None else (None, None)
        self.field_changed.emit(shown, side, diameter)
