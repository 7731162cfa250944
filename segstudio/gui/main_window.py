"""Puts panels, canvas, menus and toolbar together and forwards what one tells to the other; holds no logic."""

import traceback
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QSettings, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from segstudio import __version__
from segstudio.core.errors import UserError
from segstudio.gui.actions import ActionTable
from segstudio.gui.banner import BannerArea
from segstudio.gui.commands import actions
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.gui.dialogs.help import HelpWindow
from segstudio.gui.dialogs.key_map import KeyMap
from segstudio.gui.jobs import JobThreads
from segstudio.gui.opening import Opening
from segstudio.gui.panels.curves import CurvesPanel
from segstudio.gui.panels.images import ImagesPanel
from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.jobs import JobsPanel
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.status import StatusBar
from segstudio.gui.theme import apply_theme
from segstudio.gui.viewer.canvas import Canvas
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.gui.welcome import Welcome
from segstudio.labels.edits import Edit
from segstudio.project.document import SAVED, SAVING, DocumentChange, ImageDocument
from segstudio.project.project import Project
from segstudio.session.session import Session

_TOOLBAR = (
    ("file.open_folder",),
    ("tool.select", "tool.brush", "tool.erase", "tool.encircle", "tool.polygon", "tool.fill", "tool.pick"),
    ("tool.split", "tool.merge", "tool.delete", "tool.relabel", "tool.region"),
    ("edit.undo", "edit.redo"),
    ("view.fit",),
)
_MENUS = ("&File", "&Edit", "&Tools", "&View", "&Image", "T&rain", "&Help")
#: Raised when docks are added or renamed, so that an old saved layout is not forced on a new window.
_LAYOUT_VERSION = 1


class MainWindow(QMainWindow):
    """The one window.

    Parameters
    ----------
    session
        Everything the window shows and changes.
    log_file
        Where the program's log is written, for "Show log".
    """

    def __init__(self, session: Session, log_file: Path | None = None) -> None:
        super().__init__()
        self.session = session
        self._job_threads = JobThreads(session.jobs, self)
        self._log_file = log_file
        self._refresh_asked = False
        self.setWindowTitle("SegStudio")
        self.resize(1440, 900)
        self.setAcceptDrops(True)
        self.canvas = Canvas(session)
        self.welcome = Welcome()
        self.banners = BannerArea()
        self.status = StatusBar(self)
        self.setStatusBar(self.status)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.canvas)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banners)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(centre)
        self.opening = Opening(session, self)
        self._add_panels()
        self.actions_table = ActionTable(self, actions(self))
        self._add_toolbar()
        self._add_menus()
        self._connect()
        self._help: HelpWindow | None = None
        self._fault: ErrorDialog | None = None
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
        self._default_state = self.saveState(_LAYOUT_VERSION)
        self._restore_layout()
        self._show_project(session.project)

    # -- assembly ----------------------------------------------------------------------------------

    def _add_panels(self) -> None:
        self.images = ImagesPanel(self.session)
        self.label_step = LabelPanel(self.session)
        self.label_step.add_section(HistogramWidget(self.session), self.tr("Contrast"))
        self.training = TrainingPanel(self.session)
        self.prediction = PredictionPanel(self.session)
        self.measure = MeasurePanel(self.session)
        self.instances = InstancesPanel(self.session)
        self.curves = CurvesPanel(self.session)
        self.jobs = JobsPanel(self.session)
        self.steps = _tabs(
            (self.label_step, self.tr("Label")),
            (self.training, self.tr("Train")),
            (self.prediction, self.tr("Predict")),
            (self.measure, self.tr("Measure")),
        )
        self.drawer = _tabs(
            (self.instances, self.tr("Objects")), (self.curves, self.tr("Curves")), (self.jobs, self.tr("Jobs"))
        )
        self.drawer.setTabPosition(QTabWidget.TabPosition.North)
        left, right, below = (
            Qt.DockWidgetArea.LeftDockWidgetArea,
            Qt.DockWidgetArea.RightDockWidgetArea,
            Qt.DockWidgetArea.BottomDockWidgetArea,
        )
        self.docks = (
            self._dock("images-dock", self.tr("Images"), self.images, left),
            self._dock("steps-dock", self.tr("Steps"), self.steps, right),
            self._dock("drawer-dock", self.tr("Objects, curves, jobs"), self.drawer, below),
        )
        self.setCorner(Qt.Corner.BottomLeftCorner, left)
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        self.resizeDocks(list(self.docks[:2]), [220, 340], Qt.Orientation.Horizontal)
        self.docks[2].hide()

    def _dock(self, name: str, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _add_toolbar(self) -> None:
        self.toolbar = QToolBar(self.tr("Tools"), self)
        self.toolbar.setObjectName("toolbar")
        self.toolbar.setIconSize(QSize(20, 20))
        for number, group in enumerate(_TOOLBAR):
            if number:
                self.toolbar.addSeparator()
            for action_id in group:
                self.toolbar.addAction(self.actions_table[action_id])
        self.addToolBar(self.toolbar)

    def _add_menus(self) -> None:
        for name in _MENUS:
            menu = self.menuBar().addMenu(self.tr(name))
            for spec, action in self.actions_table.menu(name):
                if spec.separator:
                    menu.addSeparator()
                menu.addAction(action)
            if name == "&View":
                panels = menu.addMenu(self.tr("Panels"))
                for dock in self.docks:
                    panels.addAction(dock.toggleViewAction())
            menu.aboutToShow.connect(self.actions_table.refresh)
        for _spec, action in self.actions_table.menu("Classes"):
            self.addAction(action)

    def _connect(self) -> None:
        session = self.session
        self.welcome.open_folder.connect(self.opening.ask_folder)
        self.welcome.open_project.connect(self.opening.ask_project)
        self.welcome.open_sample.connect(self.opening.open_sample)
        self.welcome.open_recent.connect(lambda folder: session.open_project(Path(folder)))
        self.images.add_wanted.connect(self.opening.ask_images)
        self.instances.fly_to.connect(self.canvas.fly_to)
        for panel in (self.training, self.prediction, self.measure):
            panel.step_wanted.connect(self.show_step)
        self.training.curves_wanted.connect(lambda: self.show_drawer(1))
        self.measure.export_wanted.connect(self._ask_export)
        self.images.selection_changed.connect(lambda: self.prediction.set_selected(self.images.selected_ids()))
        self.status.jobs_wanted.connect(lambda: self.show_drawer(2))
        self.canvas.zoom_changed.connect(self.status.show_zoom)
        self.canvas.hovered.connect(self._on_hovered)
        self.canvas.tool_message.connect(lambda sentence: self.status.showMessage(sentence, 4000))
        session.noticed.connect(self.banners.show_notice)
        session.project_changed.connect(self._show_project)
        session.document_changed.connect(self._show_document)
        session.images_changed.connect(self._refresh)
        session.loading.connect(self._on_loading)
        session.view.events.connect(lambda _info: self._refresh())
        session.jobs.changed.connect(self._show_jobs)
        session.review.changed.connect(self._refresh)
        session.review.focused.connect(self.canvas.fly_to)

    # -- what is shown -----------------------------------------------------------------------------

    def _show_project(self, project: Project | None) -> None:
        self.setWindowTitle(f"{project.name} – SegStudio" if project else "SegStudio")
        self._pages.setCurrentWidget(self.canvas if project else self.welcome)
        for part in (self.toolbar, *self.docks[:2]):
            part.setVisible(project is not None)
        if project is None:
            self.docks[2].hide()
            self.session.existing_recent(self.welcome.set_recent)
        self._refresh()

    def _show_document(self, document: ImageDocument | None) -> None:
        self.canvas.set_document(document)
        if document is None:
            self.status.show_saved("", "")
            self.status.show_place("")
        else:
            document.changed.connect(self._on_edited)
            document.saved.connect(self._show_saved)
            self._show_saved(document.save_state)
        self._refresh()

    def _on_edited(self, _change: DocumentChange) -> None:
        self._refresh()
        self.session.images_changed.emit()

    def _on_hovered(self, x: float, y: float, value: str, object_id: int) -> None:
        words = [f"x {x:.0f}  y {y:.0f}", value] if value else []
        document, project = self.session.document, self.session.project
        if object_id and document is not None and project is not None:
            info = document.planes.objects.get(object_id)
            name = project.classes[info.class_id].name if info else ""
            words.append(f"object {object_id} {name}")
        self.status.show_place("  ·  ".join(words))

    def _on_loading(self, name: str) -> None:
        self.status.show_place(self.tr("Opening {name} …").format(name=name) if name else "")

    def _show_saved(self, state: str) -> None:
        words = {SAVED: self.tr("saved ✓"), SAVING: self.tr("saving …")}
        self.status.show_saved(state.partition(":")[0], words.get(state, self.tr("not saved")))

    def _show_jobs(self, _job_id: str = "") -> None:
        text, fraction = self.session.jobs.summary()
        self.status.show_job(text, fraction)
        self.status.show_device(self.session.jobs.device_name)
        self._refresh()

    def _refresh(self) -> None:
        if not self._refresh_asked:
            self._refresh_asked = True
            QTimer.singleShot(0, self, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh_asked = False
        self.actions_table.refresh()

    def show_step(self, number: int) -> None:
        """Show one of the four steps."""
        self.docks[1].show()
        self.steps.setCurrentIndex(number)

    def show_drawer(self, number: int) -> None:
        """Open the drawer at objects, curves or jobs."""
        self.docks[2].show()
        self.drawer.setCurrentIndex(number)

    # -- verbs -------------------------------------------------------------------------------------

    def apply(self, edit: Edit) -> None:
        """Apply an edit to the image in front."""
        if self.session.document is not None:
            self.session.document.apply(edit)

    def undo(self) -> None:
        """Take back the last action on this image."""
        if self.session.document is not None:
            self.session.document.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.session.document is not None:
            self.session.document.redo()

    def select_all(self) -> None:
        """Select all objects of the image."""
        if self.session.document is not None:
            self.session.view.selected = frozenset(self.session.document.planes.objects)

    def save_now(self) -> None:
        """Write the label files now, without waiting for the next quiet moment."""
        if self.session.document is not None:
            self.session.document.checkpoint()

    def export(self) -> None:
        """Go to the step where exports are made, and open its dialog."""
        self.show_step(3)
        self.measure.export()

    def _ask_export(self) -> None:
        ExportDialog(self.session, self.images.selected_ids(), self).open()

    def train(self) -> None:
        """Go to the step Train and start."""
        self.show_step(1)
        self.training.start()

    def predict_current(self) -> None:
        """Go to the step Predict and predict the image in front."""
        self.show_step(2)
        self.prediction.predict_current()

    def toggle_reviewed(self) -> None:
        """Mark the image in front as reviewed, or not."""
        document = self.session.document
        if document is not None:
            done = self.session.image_state(document.entry.id) == "reviewed"
            self.session.set_reviewed([document.entry.id], not done)

    def toggle_colours(self) -> None:
        """Colour objects one by one, or by their class."""
        view = self.session.view
        view.colour_by = "object" if view.colour_by == "class" else "class"

    def toggle_theme(self) -> None:
        """Change between dark and light."""
        theme = "dark" if self.session.preferences.theme == "light" else "light"
        self.session.set_preferences(self.session.preferences.model_copy(update={"theme": theme}))
        app = QApplication.instance()
        if isinstance(app, QApplication):
            apply_theme(app, theme)
        self.welcome.retint()

    def reset_layout(self) -> None:
        """Put all panels back where they were at first."""
        self.restoreState(self._default_state, _LAYOUT_VERSION)
        self._show_project(self.session.project)

    # -- help --------------------------------------------------------------------------------------

    def show_keys(self) -> None:
        """Show every key and gesture."""
        KeyMap(self.actions_table, self).open()

    def show_help(self) -> None:
        """Show the help pages."""
        if self._help is None:
            self._help = HelpWindow(self)
        self._help.open_page()

    def show_log(self) -> None:
        """Open the program's log with the system's viewer."""
        if self._log_file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_file)))

    def show_about(self) -> None:
        """Say what this is."""
        QMessageBox.about(
            self,
            "SegStudio",
            self.tr(
                "SegStudio {version}\n\nLabel, train, segment, correct and measure "
                "cells on your own computer.\nBSD-3-Clause licence."
            ).format(version=__version__),
        )

    def show_fault(self, error: BaseException) -> None:
        """Show an error that nobody caught; a `UserError` needs only a banner."""
        if isinstance(error, UserError):
            self.session.report(error)
            return
        trace = "".join(traceback.format_exception(error))
        if self._fault is None or not self._fault.isVisible():
            self._fault = ErrorDialog(f"{type(error).__name__}: {error}", trace, self)
            self._fault.open()

    # -- Qt events ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.opening.open_paths(paths)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.session.view.peek = True
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_H and not event.isAutoRepeat():
            self.session.view.peek = False
        else:
            super().keyReleaseEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self.session.view.peek = False
        super().changeEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._agree_on_running_training():
            event.ignore()
            return
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("state", self.saveState(_LAYOUT_VERSION))
        self._settings.sync()
        self.canvas.close_threads()
        self.session.close()
        self._job_threads.close()
        super().closeEvent(event)

    def _agree_on_running_training(self) -> bool:
        """Ask what becomes of a running training; return whether the window may close."""
        if not self.session.jobs.training_runs:
            return True
        box = QMessageBox(self)
        box.setObjectName("close-while-training")
        box.setWindowTitle(self.tr("A training is running"))
        box.setText(self.tr("A training is still running. What should become of it?"))
        box.setInformativeText(self.tr("If it goes on, you find it again when you open this project."))
        go_on = box.addButton(self.tr("Let it go on"), QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton(self.tr("Stop and keep the best"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        if box.clickedButton() is go_on:
            self.session.jobs.detach_training()
        elif box.clickedButton() is stop:
            self.session.jobs.stop_training()
        else:
            return False
        return True

    def _restore_layout(self) -> None:
        geometry, state = self._settings.value("geometry"), self._settings.value("state")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(state, QByteArray):
            self.restoreState(state, _LAYOUT_VERSION)


def _tabs(*pages: tuple[QWidget, str]) -> QTabWidget:
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    for page, title in pages:
        tabs.addTab(page, title)
    return tabs
