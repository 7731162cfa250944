"""Puts panels, canvas, menus and toolbar together and forwards what one tells to the other; holds no logic."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QGridLayout, QListView, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.actions import ActionTable
from segstudio.gui.app_icon import app_icon
from segstudio.gui.axes_window import ask_axes
from segstudio.gui.banner import BannerArea
from segstudio.gui.commands import all_actions
from segstudio.gui.completeness_notices import CompletenessNotices
from segstudio.gui.dialogs.closing import agree_on_running_training
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.gui.dialogs.pixel_size import PixelSizeDialog
from segstudio.gui.dialogs.unsaved import agree_on_unsaved
from segstudio.gui.drop_sign import DropSign
from segstudio.gui.dropping import Dropping
from segstudio.gui.focus_ring import FocusRing
from segstudio.gui.grey_words import why_grey
from segstudio.gui.held_keys import HeldKeys
from segstudio.gui.help_desk import HelpDesk
from segstudio.gui.history_window import show_history
from segstudio.gui.jobs import JobThreads
from segstudio.gui.key_settings import KeySettings
from segstudio.gui.later import later
from segstudio.gui.layout import Layout, tabs
from segstudio.gui.opening import Opening
from segstudio.gui.panels.curves import CurvesPanel
from segstudio.gui.panels.gallery import GalleryPanel
from segstudio.gui.panels.images import ImagesPanel
from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.jobs import JobsPanel
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.reader_watch import ReaderWatch
from segstudio.gui.refused_images import RefusedImages
from segstudio.gui.resuming import Resuming
from segstudio.gui.safety_banner import SafetyBanner
from segstudio.gui.status import StatusBar
from segstudio.gui.training_windows import TrainingWindows
from segstudio.gui.viewer.canvas import Canvas
from segstudio.gui.viewer.channel_bar import ChannelBar
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.gui.viewer.plane_bar import PlaneBar
from segstudio.gui.welcome import Welcome
from segstudio.labels.edits import Edit
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.acceptance import LEFT
from segstudio.session.earlier_states import EARLIER
from segstudio.session.session import Session
from segstudio.session.sitting_log import SittingLog


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
        self._refresh_asked = False
        self._log_file = log_file
        self._sitting_log = SittingLog(session)
        self.setWindowTitle("SegStudio")
        self.setWindowIcon(app_icon())
        self.welcome = Welcome()
        self.canvas = Canvas(session)
        self.plane_bar = PlaneBar(session.planes)
        self.channel_bar = ChannelBar(session)
        self.banners = BannerArea()
        self._safety_banner = SafetyBanner(session, self.banners, self)
        self.reader_watch = ReaderWatch(session, self.banners, self)
        self.completeness_notices = CompletenessNotices(session, self.banners)
        self.status = StatusBar(session, self)
        self.setStatusBar(self.status)
        self.opening = Opening(session, self)
        self.refused_images = RefusedImages(session, self.banners, self)
        self.drop_sign = DropSign(self)
        self._dropping = Dropping(session, self, self.drop_sign, self.opening)
        self.help_desk = HelpDesk(self, log_file, session.background, lambda: session.unsaved(0))
        self._add_centre()
        self._add_panels()
        self.beside_training = TrainingWindows(self)
        self.actions_table = ActionTable(self, all_actions(self), lambda action_id: why_grey(session, action_id))
        self.key_settings = KeySettings(self)
        self.layout_of_panels = Layout(self, self.images, self.steps, self.drawer)
        self.layout_of_panels.fill(self.actions_table)
        self.layout_of_panels.restore_geometry()
        self._held_keys = HeldKeys(session, self, self.canvas, self.layout_of_panels)
        self._focus_ring = FocusRing(self)
        self.resuming = Resuming(session, self.canvas, self.steps)
        self._connect()
        self._show_project(session.project)

    def _add_centre(self) -> None:
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._image_page = QWidget()
        page = QVBoxLayout(self._image_page)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self.canvas, 1)
        page.addWidget(self.channel_bar)
        page.addWidget(self.plane_bar)
        self._pages.addWidget(self._image_page)
        centre = QWidget()
        layers = QGridLayout(centre)
        layers.setContentsMargins(0, 0, 0, 0)
        layers.addWidget(self._pages, 0, 0)
        # Over the image, not above it: a message that comes or goes must not move the cells under the brush.
        layers.addWidget(self.banners, 0, 0, Qt.AlignmentFlag.AlignTop)
        self.setCentralWidget(centre)

    def _add_panels(self) -> None:
        self.images = ImagesPanel(self.session)
        self.label_step = LabelPanel(self.session)
        contrast = HistogramWidget(self.session)
        for histogram in (contrast, self.channel_bar.card.histogram):
            self.canvas.sampled.connect(histogram.take)
        self.label_step.add_section(contrast, self.tr("Contrast"))
        self.training = TrainingPanel(self.session)
        self.prediction = PredictionPanel(self.session)
        self.measure = MeasurePanel(self.session)
        self.instances = InstancesPanel(self.session)
        self.curves = CurvesPanel(self.session)
        self.jobs = JobsPanel(self.session, self._log_file)
        self.steps = tabs(
            (self.label_step, self.tr("Label")),
            (self.training, self.tr("Train")),
            (self.prediction, self.tr("Predict")),
            (self.measure, self.tr("Measure")),
        )
        self.gallery = GalleryPanel(self.session)
        self.drawer = tabs(
            (self.instances, self.tr("Objects")),
            (self.gallery, self.tr("Gallery")),
            (self.curves, self.tr("Curves")),
            (self.jobs, self.tr("Jobs")),
        )

    def _connect(self) -> None:
        session = self.session
        self.welcome.open_folder.connect(self.opening.ask_folder)
        self.welcome.open_project.connect(self.opening.ask_project)
        self.welcome.open_sample.connect(self.opening.open_sample)
        self.welcome.open_recent.connect(lambda folder: self.opening.open_project(Path(folder)))
        self.opening.offered.connect(self.banners.show_notice)
        self.opening.asked.connect(self.banners.show_notice)
        self.help_desk.offered.connect(self.banners.show_notice)
        self.refused_images.history_wanted.connect(lambda image_id: show_history(self, image_id))
        self.refused_images.folder_wanted.connect(self.opening.ask_where)
        self.opening.withdrawn.connect(self.banners.withdraw)
        self.images.add_wanted.connect(self.opening.ask_images)
        self.training.images_wanted.connect(self.opening.ask_images)
        self.images.find_wanted.connect(self.opening.ask_where)
        self.images.pixel_size_wanted.connect(self.ask_pixel_size)
        self.images.axes_wanted.connect(lambda image_id: ask_axes(self, image_id))
        session.axes.asked.connect(lambda image_id: ask_axes(self, image_id, of_front=True))
        self.measure.pixel_size_wanted.connect(self.ask_pixel_size)
        self.images.selection_changed.connect(self.prediction.set_selected)
        self.prediction.asked.connect(self.canvas.setFocus)
        for panel in (self.training, self.prediction, self.measure):
            panel.step_wanted.connect(self.show_step)
        self.training.curves_wanted.connect(lambda: self.show_drawer(1))
        self.measure.export_wanted.connect(self.export)
        self.steps.currentChanged.connect(self._on_step)
        self.instances.fly_to.connect(self.canvas.fly_to)
        self.gallery.fix_wanted.connect(self._fix)
        self.status.jobs_wanted.connect(lambda: self.show_drawer(2))
        self.canvas.zoom_changed.connect(self.status.show_zoom)
        self.canvas.hovered.connect(self.status.show_pointer)
        self.canvas.tool_message.connect(lambda sentence: self.status.showMessage(sentence, 4000))
        self.canvas.tool_guidance.connect(self.status.guide)
        session.noticed.connect(self._safety_banner.show_notice)
        session.runs.outdated.connect(self.banners.withdraw)
        session.project_changed.connect(self._show_project)
        session.document_changed.connect(self._show_document)
        session.images_changed.connect(self._refresh)
        session.view.events.connect(self._refresh)
        session.jobs.changed.connect(self._refresh)
        session.review.changed.connect(self._refresh)
        session.ahead.changed.connect(self._refresh)
        session.front.leaving.connect(self.canvas.finish_stroke, priority=1)  # before what was asked for ahead is done
        session.made.changed.connect(self._refresh)
        session.review.focused.connect(self.canvas.fly_to)
        session.object_walk.focused.connect(self.canvas.fly_to)
        session.object_walk.changed.connect(self._refresh)
        session.object_walk.among = self.images.shown_ids
        self.plane_bar.asked.connect(self._go_along)

    def _show_project(self, project: Project | None) -> None:
        if project is None:
            self.banners.leave_project()
        words = self.tr("{name} (reading only)") if project is not None and project.read_only else "{name}"
        self.setWindowTitle(f"{words.format(name=project.name)} – SegStudio" if project else "SegStudio")
        self._pages.setCurrentWidget(self._image_page if project else self.welcome)
        self.layout_of_panels.show_project(project is not None)
        self.session.existing_recent(self._show_recent)
        self._refresh()

    def _show_recent(self, folders: tuple[str, ...]) -> None:
        self.welcome.set_recent(folders)
        self.layout_of_panels.show_recent(folders, lambda folder: self.opening.open_project(Path(folder)))

    def _show_document(self, document: ImageDocument | None) -> None:
        self.completeness_notices.withdraw()
        self.banners.leave_images(document.entry.id if document is not None else "")
        self.status.clearMessage()  # before the canvas says what it has given up
        self.canvas.set_document(document)
        self.status.show_document(document)
        if document is not None:
            document.changed.connect(self._on_edited)
            document.turned.connect(self._on_turned)
        self.plane_bar.rebuild()
        self._refresh()

    def _on_turned(self, _plane: int) -> None:
        self.plane_bar.follow()
        self._refresh()

    def _on_edited(self, change: DocumentChange) -> None:
        if not change.live:
            self.banners.withdraw(EARLIER)  # Ctrl+Z would take back something else now
            self.banners.withdraw(LEFT)  # the acceptance was undone, or other objects lie there
            self._refresh()

    def _refresh(self, *_anything: object) -> None:
        if not self._refresh_asked:
            self._refresh_asked = True
            later(self, self._refresh_now)

    def _refresh_now(self) -> None:
        self._refresh_asked = False
        self.actions_table.refresh()

    def _go_along(self, axis: int, at: int) -> None:
        self.canvas.finish_stroke()
        self.session.planes.go_to(axis, at)

    def step_plane(self, letter: str, by: int) -> None:
        """Go to another plane of a stack along the axis of a letter."""
        self.canvas.finish_stroke()
        self.session.planes.step(letter, by)

    def show_step(self, number: int) -> None:
        """Show one of the four steps."""
        self.layout_of_panels.steps.show()
        self.steps.setCurrentIndex(number)

    def _on_step(self, number: int) -> None:
        self.canvas.hint_card.teach(self.steps.widget(number) is self.label_step)
        if self.steps.widget(number) is self.measure:
            self.show_drawer(0)  # the figures of each object

    def next_area(self) -> None:
        """Move the keys on: from the images to the image, to the steps, to the drawer, and round again."""
        images = self.images.findChild(QListView, "images") or self.images
        self._focus_ring.move_on(
            (self.images, images),
            (self.canvas, self.canvas),
            (self.steps, self.steps.tabBar()),
            (self.drawer, self.drawer.tabBar()),
        )

    def show_drawer(self, number: int) -> None:
        """Open the drawer at objects (0), curves, jobs, or the gallery of objects (3)."""
        self.layout_of_panels.drawer.show()
        self.drawer.setCurrentWidget((self.instances, self.curves, self.jobs, self.gallery)[number])

    def show_gallery(self) -> None:
        """Open the gallery of objects, and give it the keys."""
        self.show_drawer(3)
        self.gallery.grid.setFocus()

    def _fix(self, object_id: int) -> None:
        """Bring an object of the gallery to the middle of the canvas, which gets the keys."""
        self.canvas.fly_to(object_id)
        self.canvas.setFocus()

    def apply(self, edit: Edit) -> None:
        """Apply an edit to the image in front; a stroke that is being painted ends before."""
        self.canvas.finish_stroke()
        if self.session.document is not None:
            self.session.ahead.do(self.session.document, edit)

    def close_project(self) -> None:
        """Close the project, unless the user wants to keep what could not be saved."""
        self.canvas.finish_stroke()
        if agree_on_unsaved(self.session, self):
            self.session.close_project()

    def export(self) -> None:
        """Ask what to export where."""
        dialog = ExportDialog(self.session, self.images.selected_ids(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def ask_pixel_size(self, image_ids: list[str] | None = None) -> None:
        """Ask how large the pixels of images are; of the image in front without `image_ids`."""
        project, document = self.session.project, self.session.document
        if project is None:
            return
        front = [document.entry.id] if document is not None else []
        dialog = PixelSizeDialog(project, front if image_ids is None else image_ids, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self.session.set_pixel_size(dialog.ids(), dialog.value()))
        dialog.open()

    def train(self) -> None:
        """Go to the step Train and start."""
        self.show_step(1)
        self.training.start()

    def show_fault(self, error: BaseException) -> None:
        """Show an error that nobody caught; a `UserError` needs only a banner."""
        if isinstance(error, UserError):
            self.session.report(error)
        else:
            self.help_desk.show_fault(error)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.canvas.finish_stroke()
        if not agree_on_unsaved(self.session, self) or not agree_on_running_training(self.session, self):
            event.ignore()
            return
        self.beside_training.close()
        self.resuming.keep()
        self.layout_of_panels.save(project_is_open=self.session.project is not None)
        self.hide()  # what is still to be read, written or ended may take seconds
        try:
            self.canvas.close_threads()
            self.session.close()
        finally:  # a thread that is left aborts the process
            self._job_threads.close()
            super().closeEvent(event)
