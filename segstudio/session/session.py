"""One sitting: the open project, the image in front, what the user sees, and the work in the background."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from segstudio.config.preferences import Preferences
from segstudio.core.errors import UserError
from segstudio.io.preferences_file import preferences_path, read_preferences, write_preferences
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.layout import is_project
from segstudio.project.project import Project
from segstudio.session.background import Background, Post
from segstudio.session.class_removal import ClassRemoval
from segstudio.session.completeness import Completeness
from segstudio.session.contrasts import Contrasts
from segstudio.session.devices import Devices
from segstudio.session.doctor.desk import Doctor
from segstudio.session.doctor.rate_search import RateSearch
from segstudio.session.front_image import FrontImage
from segstudio.session.image_files import ImageFiles
from segstudio.session.image_states import ImageStates
from segstudio.session.job_queue import JobQueue
from segstudio.session.made_image import MadeImage
from segstudio.session.notice import Level, Notice
from segstudio.session.object_list import ObjectList
from segstudio.session.project_bake_off import ProjectBakeOff
from segstudio.session.project_runs import ProjectRuns
from segstudio.session.proposal_walk import ProposalWalk
from segstudio.session.review import Review
from segstudio.session.training_news import TrainingNews
from segstudio.session.view_state import ViewState

#: Opening and closing images happens in this order, one after the other.
_DOCUMENTS = "documents"
#: Codes of errors that do not keep a project from being looked at.
_READABLE = frozenset({"project-locked", "no-permission", "read-only", "disk-full"})
#: What is wrong with files that were to be added is told together.
_INTAKE = "intake"
#: What notices are about that something newer makes untrue: why nothing was opened, which classes there are.
OPENING, _CLASSES = "opening", "classes"


class Session:
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
    preferences_changed = Signal(object)
    refused = Signal(object, object)
    """Folder of a project that nobody may write now, and the `UserError` that says why."""

    def __init__(self, post: Post | None = None) -> None:
        self.view = ViewState()
        self.background = Background(post, self.report)
        self.project: Project | None = None
        self.preferences = read_preferences(preferences_path())
        self.jobs = JobQueue(self.background)
        self.devices = Devices(self.jobs, lambda: self.preferences, self.set_preferences)
        self.runs = ProjectRuns(lambda: self.project, self.jobs, self.background)
        self.runs.unreadable.connect(self.report)
        self.bake_off = ProjectBakeOff(lambda: self.project, self.jobs, self.background)
        self.bake_off.noticed.connect(self._on_notice)
        self._news = TrainingNews(self.runs, self.bake_off, self._on_notice)
        self.doctor = Doctor(self.jobs, self.runs)
        self.rates = RateSearch(self.jobs)
        self.front = FrontImage(lambda: self.project, self.background, _DOCUMENTS)
        self.front.changed.connect(self._on_document_changed)
        self.front.edited.connect(self._on_edited)
        self.front.saved.connect(self._on_images_changed)
        self.front.noticed.connect(self._on_notice)
        self.completeness = Completeness(self.front)
        self.objects = ObjectList(lambda: self.document, self.background)
        self.review = Review(lambda: self.project, lambda: self.document, self.background)
        self.walk = ProposalWalk(self.review)
        self.classes = ClassRemoval(lambda: self.project, self.front, self.background, _DOCUMENTS)
        self.classes.removed.connect(self._on_class_removed)
        self.files = ImageFiles(lambda: self.project, self.background, _DOCUMENTS)
        self.states = ImageStates(lambda: self.project, lambda: self.document, self._change_project)
        self.contrasts = Contrasts(self.view)
        self.made = MadeImage(lambda: self.project, lambda: self.document, self.jobs, self.contrasts, self.background)
        self.begin_with: Callable[[Project], str] = lambda _project: ""
        """Returns the id of the image to begin with; one that is not in the project means the first."""
        self._opening: Path | None = None

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

    def refuse(self, error: UserError) -> None:
        """Tell the user why something was not opened; said until something is, or is refused for another reason."""
        self.noticed.emit(replace(Notice.of(error), about=OPENING))

    def open_project(self, folder: Path, *, read_only: bool = False) -> None:
        """Open a project and its first image; the one that was open is closed.

        `refused` tells when it cannot be written, but could be opened with `read_only`.
        """
        if folder == self._opening:
            return  # a double click on its name
        self._opening = folder

        def take(project: Project) -> None:
            self._opening = None
            self._take_project(project)

        def failed(error: UserError) -> None:
            self._opening = None
            if error.code in _READABLE and not read_only and len(self.refused):
                self.refused.emit(folder, error)
            else:
                self.refuse(error)

        self.background.run(lambda: Project.open(folder, read_only=read_only), take, failed, lane=_DOCUMENTS)

    def create_project(self, folder: Path, images: list[Path], *, import_masks: bool = False) -> None:
        """Make a project of images or folders of images, and open it."""

        def create() -> tuple[Project, list[str]]:
            project, problems = Project.create(folder, images)
            if import_masks:
                problems += project.import_masks()
            return project, problems

        def take(made: tuple[Project, list[str]]) -> None:
            self._take_project(made[0])
            self._tell_problems(made[1], added=not import_masks)

        self.background.run(create, take, self.refuse, lane=_DOCUMENTS)

    def add_images(self, paths: list[Path]) -> None:
        """Add images, or the images of folders, to the open project."""
        project = self.project
        if project is None:
            return

        before = len(project.images)

        def done(problems: list[str]) -> None:
            self._tell_problems(problems, added=len(project.images) > before)
            self.images_changed.emit()
            if not self.front.wanted and project.images:
                self.select(project.images[0].id)

        self.background.run(lambda: project.add_images(paths), done, lane=_DOCUMENTS)

    def close_project(self) -> None:
        """Close the project; every finished stroke is on the disk already."""
        project, self.project = self.project, None
        self.bake_off.runner.leave()
        self.rates.forget()
        self.front.leave()
        if project is not None:
            self.jobs.stop_predictions()
            try:
                self.project_changed.emit(None)
                self.runs.project_closed()
                self.doctor.project_closed()
            finally:
                self.background.run(lambda: _close(project), self._on_project_closed, lane=_DOCUMENTS)

    def unsaved(self) -> dict[str, str]:
        """Return the images whose last actions would be lost if the project were closed now, by name, and why."""
        return self.project.unsaved() if self.project is not None else {}

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
        self.contrasts.forget()
        project.images_changed.connect(self._on_images_changed)
        project.classes_changed.connect(self._on_classes_changed)
        self._remember(project.folder)
        self.project_changed.emit(project)
        self.runs.project_opened()
        self.bake_off.project_opened()
        for warning in project.warnings:
            self.notice(warning, level="warning")
        if project.images:
            ids, wanted = [entry.id for entry in project.images], self.begin_with(project)
            self.select(wanted if wanted in ids else ids[0])
        self._catch_up(project)
        self.classes.finish_begun()

    def _catch_up(self, project: Project) -> None:
        """Bring label files up to date after a crash, one image at a time so that those that are looked at go first."""
        if project is not self.project or not (behind := project.behind):
            return

        def failed(error: UserError) -> None:
            self.noticed.emit(replace(Notice.of(error), group=error.code))
            self._catch_up(project)

        self.background.run(
            lambda: project.catch_up(behind[0]), lambda _: self._catch_up(project), failed, lane=_DOCUMENTS
        )

    def _on_classes_changed(self) -> None:
        if self.project is not None and self.view.class_id not in self.project.classes.ids:
            self.view.class_id = self.project.classes.ids[0]
        self._save_project()

    def _on_class_removed(self, name: str) -> None:
        self.noticed.emit(Notice(f"The class {name} is removed.", level="good", about=_CLASSES))

    def _bring_back_classes(self, document: ImageDocument, ids: Iterable[int]) -> None:
        """Have every class that objects have in the project: an undo may bring objects of a removed one back."""
        project, objects = self.project, document.planes.objects
        if project is None or project.read_only:
            return
        lacking = {objects[number].class_id for number in ids if number in objects} - set(project.classes.ids)
        if lacking:
            project.set_classes(project.classes.with_ids(lacking))
            names = ", ".join(project.classes[class_id].name for class_id in sorted(lacking))
            says = f"The class {names} is back: objects of {document.entry.name} have it."
            self.noticed.emit(Notice(says, about=_CLASSES))

    def _save_project(self) -> None:
        """Save now, for what fails later on a thread of the project's own is told to nobody."""
        if self.project is not None:
            self.background.run(self.project.save, lane=_DOCUMENTS)

    def _on_project_closed(self, error: UserError | None) -> None:
        if error is not None:
            self.report(error)

    def _tell_problems(self, problems: list[str], *, added: bool) -> None:
        for number, problem in enumerate(problems):
            hint = "The other images were added." if added and number == 0 else ""
            self.noticed.emit(Notice(problem, hint, "warning", group=_INTAKE))

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

    def relocate_image(self, image_id: str, path: Path) -> None:
        """Take the file at `path` for an image that moved, and open it."""

        def done() -> None:
            self.notice(f"{path.name} is found again.", level="good")
            self.images_changed.emit()
            self.front.open_again(image_id)

        self.files.relocate(image_id, path, done)

    def accept_changed_image(self, image_id: str) -> None:
        """Go on with the content that an image file has now, and open it; say so when it has not changed."""
        if self.project is None:
            return
        name = self.project.entry(image_id).name

        def done(changed: bool) -> None:
            if changed:
                self.images_changed.emit()
                self.front.open_again(image_id)
            else:
                self.notice(f"{name} has not changed since it was added; nothing was done.")

        self.files.accept_changed(image_id, done)

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

    def _on_images_changed(self) -> None:
        self.images_changed.emit()

    def _on_notice(self, notice: Notice) -> None:
        self.noticed.emit(notice)

    def _on_document_changed(self, document: ImageDocument | None) -> None:
        self.objects.load(document)
        self.view.new_object()
        self.made.turn_to_front()
        self.document_changed.emit(document)
        if document is not None:
            self._bring_back_classes(document, tuple(document.planes.objects))
        self.review.show_latest()

    def _on_edited(self, change: DocumentChange) -> None:
        if not change.live and self.document is not None:
            objects = self.document.planes.objects
            self._bring_back_classes(self.document, change.object_ids)
            if any(item not in objects for item in self.view.selected):
                self.view.selected = frozenset(item for item in self.view.selected if item in objects)
            self.image_changed.emit(self.document.entry.id)

    def set_preferences(self, preferences: Preferences) -> None:
        """Take over and keep the user's preferences."""
        self.preferences = preferences
        self.preferences_changed.emit(preferences)
        self.background.run(lambda: write_preferences(preferences_path(), preferences), lane="preferences")

    def existing_recent(self, then: Callable[[tuple[str, ...]], None]) -> None:
        """Call `then` with the recent projects that are still there."""
        folders = self.preferences.recent
        self.background.run(lambda: tuple(folder for folder in folders if is_project(Path(folder))), then)

    def _remember(self, folder: Path) -> None:
        self.set_preferences(self.preferences.opened(str(folder)))


def _close(project: Project) -> UserError | None:
    return None if project.close() else project.save_error
