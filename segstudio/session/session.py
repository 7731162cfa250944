"""One sitting: the open project, the image in front, what the user sees, and the work in the background."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.lock import Holder
from segstudio.project.project import Project
from segstudio.project.refusals import Refusal
from segstudio.session.axis_meaning import AxisMeaning
from segstudio.session.background import Background, Post
from segstudio.session.chosen_model import ChosenModel
from segstudio.session.class_removal import ClassRemoval
from segstudio.session.class_return import CLASSES, ClassReturn
from segstudio.session.completeness import Completeness
from segstudio.session.devices import Devices
from segstudio.session.doctor.desk import Doctor
from segstudio.session.doctor.rate_search import RateSearch
from segstudio.session.earlier_states import EarlierStates
from segstudio.session.edits_ahead import EditsAhead
from segstudio.session.front_image import FrontImage
from segstudio.session.image_files import ImageFiles
from segstudio.session.image_intake import ImageIntake
from segstudio.session.image_states import ImageStates
from segstudio.session.job_queue import JobQueue
from segstudio.session.kept_displays import KeptDisplays
from segstudio.session.kept_preferences import KeptPreferences
from segstudio.session.made_image import MadeImage
from segstudio.session.mask_taking import MaskTaking
from segstudio.session.notice import Level, Notice
from segstudio.session.object_list import ObjectList
from segstudio.session.object_walk import ObjectWalk
from segstudio.session.plane_choice import PlaneChoice
from segstudio.session.project_bake_off import ProjectBakeOff
from segstudio.session.project_door import ProjectDoor
from segstudio.session.project_runs import ProjectRuns
from segstudio.session.proposal_walk import ProposalWalk
from segstudio.session.review import Review
from segstudio.session.safe_keeping import SafeKeeping
from segstudio.session.steps_ahead import StepsAhead
from segstudio.session.targets import Targets
from segstudio.session.training_news import TrainingNews
from segstudio.session.view_state import ViewState

#: Opening and closing images happens in this order, one after the other.
_DOCUMENTS = "documents"
log = logging.getLogger("segstudio")


class Session(KeptPreferences):
    """The state of one sitting and the verbs that change it.

    Parameters
    ----------
    post
        Hands a callable to the main thread; ``None`` does everything in place (see `Background`).
    """

    project_changed = Signal(object)
    """The open `Project`, or ``None``."""
    document_changed = Signal(object)
    """The `ImageDocument` in front, or ``None``."""
    images_changed = Signal()
    """States, splits or the list of images changed."""
    image_changed = Signal(str)
    """An edit of the image with this id was finished or undone."""
    pixel_size_changed = Signal()
    """It is known now how large a pixel of the image in front is, or not any more."""
    noticed = Signal(object)
    """A `Notice`."""

    def __init__(self, post: Post | None = None) -> None:
        super().__init__(Background(post, self.report))
        self.view = ViewState()
        self.project: Project | None = None
        self.safe_keeping = SafeKeeping(lambda: self.project, self.background)
        self.safe_keeping.noticed.connect(self._on_notice)
        self.door = ProjectDoor(lambda: self.project, self.background, _DOCUMENTS, self._rescue_folder)
        self.door.opened.connect(self._take_project)
        self._intake = ImageIntake(
            self.door, self.background, lambda project: project is self.project, self._on_notice, self._on_images_added
        )
        self.door.noticed.connect(self._on_notice)
        self.door.recovered.connect(self._on_recovered)
        self.jobs = JobQueue(self.background)
        self.devices = Devices(self.jobs, lambda: self.preferences, self.set_preferences)
        self.runs = ProjectRuns(lambda: self.project, self.jobs, self.background)
        self.runs.unreadable.connect(self.report)
        self.bake_off = ProjectBakeOff(lambda: self.project, self.jobs, self.background)
        self.bake_off.noticed.connect(self._on_notice)
        self.doctor = Doctor(self.jobs, self.runs, self.background)
        self.rates = RateSearch(self.jobs)
        self.front = FrontImage(lambda: self.project, self.background, _DOCUMENTS)
        self.ahead = EditsAhead(self.front, self.background)
        self.steps = StepsAhead(self.front, self.background)
        self._returning = ClassReturn(lambda: self.project, self.front)
        self._returning.noticed.connect(self._on_notice)
        self.front.changed.connect(self._on_document_changed)
        self.front.edited.connect(self._on_edited)
        self.front.saved.connect(self._on_images_changed)
        self.front.noticed.connect(self._on_notice)
        self.completeness = Completeness(self.front)
        self.objects = ObjectList(lambda: self.document, self.background)
        self.review = Review(lambda: self.project, lambda: self.document, self.background, self.ahead)
        self.object_walk = ObjectWalk(lambda: self.project, self.front, self.view, self.background)
        self.object_walk.noticed.connect(self._on_notice)
        self.models = ChosenModel(self.runs, self.jobs, self.bake_off, self.review)
        self._news = TrainingNews(self.runs, self.jobs, self.bake_off, self.models, self._on_notice)
        self.walk = ProposalWalk(self.review)
        self.classes = ClassRemoval(lambda: self.project, self.front, self.background, _DOCUMENTS)
        self.classes.removed.connect(self._on_class_removed)
        self.files = ImageFiles(lambda: self.project, self.front, self.background, _DOCUMENTS)
        self.masks = MaskTaking(lambda: self.project, self.front, self.background, _DOCUMENTS, self.ahead)
        for part in (self.files, self.masks):
            part.noticed.connect(self._on_notice)
            part.changed.connect(self._on_images_changed)
        self.earlier = EarlierStates(lambda: self.project, self.front, self.background)
        self.earlier.noticed.connect(self._on_notice)
        self.states = ImageStates(lambda: self.project, lambda: self.document, self._change_project)
        self.targets = Targets(lambda: self.project, self.background)
        self.images_changed.connect(self.targets.look)
        self._make_views()
        self.models.changed.connect(lambda: self.made.choose(self.models.run))
        self.begin_with: Callable[[Project], str] = lambda _project: ""
        """Returns the id of the image to begin with; one that is not in the project means the first."""

    def _make_views(self) -> None:
        """Make what says how the image in front is looked at."""
        self.displays = KeptDisplays(self.view, self.background, _DOCUMENTS)
        self.planes = PlaneChoice(lambda: self.document)
        self.axes = AxisMeaning(lambda: self.project, self.front, self.background)
        self.axes.noticed.connect(self._on_notice)
        self.axes.changed.connect(self._on_images_changed)
        self.made = MadeImage(lambda: self.project, lambda: self.document, self.jobs, self.displays, self.background)

    @property
    def document(self) -> ImageDocument | None:
        """Of the image in front; ``None`` for none."""
        return self.front.document

    def notice(self, message: str, hint: str = "", level: Level = "info") -> None:
        """Tell the user something, without stopping them."""
        self.noticed.emit(Notice(message, hint, level))

    def report(self, error: UserError) -> None:
        """Tell the user what went wrong and what to do."""
        self.noticed.emit(Notice.of(error))

    def open_project(self, folder: Path, *, read_only: bool = False, take_from: Holder | None = None) -> None:
        """Open a project and its first image; the one that was open is closed (see `ProjectDoor.open`)."""
        self.door.open(folder, read_only=read_only, take_from=take_from)

    def create_project(self, folder: Path, images: list[Path], *, import_masks: bool = False) -> None:
        """Make a project of images or folders of images, and open it."""
        self.door.create(folder, images, import_masks=import_masks)

    def add_images(self, paths: list[Path]) -> None:
        """Add images, or the images of folders, to the open project."""
        if self.project is not None:
            self._intake.add(self.project, paths)

    def _on_images_added(self, new: set[str]) -> None:
        project = self.project
        self.images_changed.emit()
        self.masks.offer(new)
        if project is not None and project.images and not self.front.wanted:
            self.select(project.images[0].id)

    def close_project(self) -> None:
        """Close the project; every finished stroke is on the disk already."""
        self.displays.project_closed()
        project, self.project = self.project, None
        self.bake_off.runner.leave()
        self.rates.forget()
        self.front.leave()
        self.safe_keeping.project_closed()
        if project is not None:
            self.jobs.stop_predictions()
            try:
                self.project_changed.emit(None)
                self.runs.project_closed()
                self.doctor.project_closed()
            finally:
                self.background.run(lambda: _close(project), self._on_project_closed, lane=_DOCUMENTS)

    def unsaved(self, timeout: float = 1.0) -> dict[str, Refusal | None]:
        """Return what would be lost if the project were closed now, by name, and why if that is known."""
        return self.project.unsaved(timeout) if self.project is not None else {}

    def rescued(self) -> dict[str, Refusal]:
        """Return what is safe, but not on the disk of the project, by name, and where.

        Also those that a slow disk may take in a moment.
        """
        return self.project.rescued(slow=True) if self.project is not None else {}

    def keep_in(self, folder: Path) -> None:
        """Keep what the disk of a project refuses in `folder`, and look there for it from now on."""
        self.safe_keeping.move_to(folder)
        self.set_preferences(self.preferences.model_copy(update={"rescue_folder": str(folder)}))

    def close(self) -> None:
        """End the sitting: everything is written and all threads end, even when somebody who is told of it fails."""
        try:
            self.close_project()
        finally:
            self.jobs.close()
            self.background.close()

    def _take_project(self, project: Project) -> None:
        self.close_project()
        self.project = project
        self.displays.project_opened(project)
        self.axes.forget()
        self.masks.forget()
        self.targets.forget()
        project.images_changed.connect(self._on_images_changed)
        project.classes_changed.connect(self._on_classes_changed)
        project.tell_with(self._on_news)
        self._remember(project.folder)
        self.project_changed.emit(project)
        self.targets.look()
        self.runs.project_opened()
        self.bake_off.project_opened()
        for warning in project.warnings:
            if warning not in project.coming_back:
                self.notice(warning, level="warning")
        self.safe_keeping.project_opened(project)
        if project.images:
            ids, wanted = [entry.id for entry in project.images], self.begin_with(project)
            self.select(wanted if wanted in ids else ids[0])
        self.door.catch_up(project)
        self.classes.finish_begun()
        self.files.look()

    def _on_news(self, words: str) -> None:
        """Tell, from any thread, what was found in files meanwhile; when the window is closed, only the log can."""
        log.warning("%s", words)
        self.background.post(lambda: self.noticed.emit(Notice(words, level="warning", outlives=True)))

    def _on_classes_changed(self) -> None:
        if self.project is not None and self.view.class_id not in self.project.classes.ids:
            self.view.class_id = self.project.classes.ids[0]
        self._save_project()

    def _on_class_removed(self, name: str) -> None:
        self.noticed.emit(Notice(f"The class {name} is removed.", level="good", about=CLASSES))

    def _save_project(self) -> None:
        """Save now; what the disk refuses is kept, and `SafeKeeping` tells of it."""
        if self.project is not None:
            self.background.run(self.project.try_save, lane=_DOCUMENTS)

    def _on_project_closed(self, error: UserError | None) -> None:
        if error is not None:
            self.noticed.emit(replace(Notice.of(error), outlives=True))

    def select(self, image_id: str) -> None:
        """Bring an image to the front."""
        self.front.select(image_id)

    def _change_project(self, change: Callable[[Project], object]) -> None:
        project = self.project
        if project is None:
            return
        change(project)
        self.images_changed.emit()
        self._save_project()

    def remove_images(self, image_ids: list[str]) -> None:
        """Take images out of the project; their files and labels stay on the disk."""
        project, gone = self.project, set(image_ids)
        if project is None:
            return
        ids = [entry.id for entry in project.images]
        here = ids.index(self.front.wanted) if self.front.wanted in ids else 0
        front_gone = self.front.wanted in gone
        if front_gone:
            self.front.leave()
        self._change_project(lambda project: project.remove_images(image_ids))
        for image_id in image_ids:
            self.front.forgive(image_id)
        self.files.look()
        left = [image_id for image_id in (*ids[here:], *reversed(ids[:here])) if image_id not in gone]
        if front_gone and left:
            self.select(left[0])

    def set_pixel_size(self, image_ids: list[str], size_um: float | None) -> None:
        """Say how large the pixels of images are, micrometres; ``None`` for not known."""
        self._change_project(lambda project: [project.set_pixel_size(image_id, size_um) for image_id in image_ids])
        if self.project is not None and self.document is not None and self.document.entry.id in image_ids:
            self.document.entry = self.project.entry(self.document.entry.id)
            self.objects.load(self.document)
            self.pixel_size_changed.emit()

    def _on_recovered(self) -> None:
        self.images_changed.emit()
        self.safe_keeping.look()

    def _on_images_changed(self) -> None:
        self.images_changed.emit()

    def _on_notice(self, notice: Notice) -> None:
        self.noticed.emit(notice)

    def _on_document_changed(self, document: ImageDocument | None) -> None:
        self.objects.load(document)
        self.view.let_go()
        self.object_walk.load(document)
        self.made.turn_to_front()
        self.document_changed.emit(document)
        self.axes.look_at_front(document)
        self.review.show_latest()

    def _on_edited(self, change: DocumentChange) -> None:
        if not change.live and self.document is not None:
            objects = self.document.planes.objects
            if any(item not in objects for item in self.view.selected):
                self.view.selected = frozenset(item for item in self.view.selected if item in objects)
            self.image_changed.emit(self.document.entry.id)


def _close(project: Project) -> UserError | None:
    return None if project.close() else project.save_error
