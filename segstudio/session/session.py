"""One sitting: the open project, the image in front, what the user sees, and the work in the background."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psygnal import Signal

from segstudio.config.preferences import Preferences
from segstudio.core.errors import UserError
from segstudio.io.preferences_file import preferences_path, read_preferences, write_preferences
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.layout import is_project
from segstudio.project.project import Project
from segstudio.session.background import Background, Post
from segstudio.session.image_files import FINDABLE, ImageFiles
from segstudio.session.image_states import ImageStates
from segstudio.session.job_queue import JobQueue
from segstudio.session.object_list import ObjectList
from segstudio.session.project_runs import ProjectRuns
from segstudio.session.proposal_walk import ProposalWalk
from segstudio.session.review import Review
from segstudio.session.view_state import ViewState

Level = Literal["info", "good", "warning", "error"]

#: Opening and closing images happens in this order, one after the other.
_DOCUMENTS = "documents"
#: Seconds that an image may take to be saved before it is left open.
_PATIENCE = 0.5
#: Codes of errors that do not keep a project from being looked at.
_READABLE = frozenset({"project-locked", "no-permission", "read-only", "disk-full"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the user, with what to do about it."""

    message: str
    hint: str = ""
    level: Level = "info"


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
    loading = Signal(str)
    """Name of the image that is being opened; empty when done."""
    noticed = Signal(object)
    """A `Notice`."""
    preferences_changed = Signal(object)
    image_refused = Signal(str, object)
    """Id of an image whose file moved or was changed, and the `UserError` that says so."""
    refused = Signal(object, object)
    """Folder of a project that nobody may write now, and the `UserError` that says why."""

    def __init__(self, post: Post | None = None) -> None:
        self.view = ViewState()
        self.background = Background(post, self.report)
        self.project: Project | None = None
        self.document: ImageDocument | None = None
        self.preferences = read_preferences(preferences_path())
        self.jobs = JobQueue(self.background)
        self.runs = ProjectRuns(lambda: self.project, self.jobs, self.background)
        self.runs.ready.connect(self._on_model_ready)
        self.objects = ObjectList(lambda: self.document, self.background)
        self.review = Review(lambda: self.project, lambda: self.document, self.background)
        self.walk = ProposalWalk(self.review)
        self.files = ImageFiles(lambda: self.project, self.background, _DOCUMENTS)
        self.states = ImageStates(lambda: self.project, lambda: self.document, self._change_project)
        self._wanted = ""
        self._place = ""
        self._opening: Path | None = None
        self._refused_by_disk = False

    # -- words -------------------------------------------------------------------------------------

    def notice(self, message: str, hint: str = "", level: Level = "info") -> None:
        """Tell the user something, without stopping them."""
        self.noticed.emit(Notice(message, hint, level))

    def report(self, error: UserError) -> None:
        """Tell the user what went wrong and what to do."""
        self.notice(error.message, error.hint, "error")

    def _on_model_ready(self, name: str, f1: float) -> None:
        self.notice(f"{name} is ready: F1 {f1:.2f}.", "Press Ctrl+P to let it find the cells of this image.", "good")

    # -- project -----------------------------------------------------------------------------------

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
                self.report(error)

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

        self.background.run(create, take, lane=_DOCUMENTS)

    def add_images(self, paths: list[Path]) -> None:
        """Add images, or the images of folders, to the open project."""
        project = self.project
        if project is None:
            return

        before = len(project.images)

        def done(problems: list[str]) -> None:
            self._tell_problems(problems, added=len(project.images) > before)
            self.images_changed.emit()
            if self.document is None and project.images:
                self.select(project.images[0].id)

        self.background.run(lambda: project.add_images(paths), done, lane=_DOCUMENTS)

    def close_project(self) -> None:
        """Close the project; every finished stroke is on the disk already."""
        project, document = self.project, self.document
        self.project, self._wanted = None, ""
        self._show_document(None)
        if project is not None:
            self.jobs.stop_predictions()
            self.project_changed.emit(None)
            self._close_later(document)
            self.background.run(lambda: _close(project), self._on_project_closed, lane=_DOCUMENTS)

    def unsaved(self) -> dict[str, str]:
        """Return the images whose last actions would be lost if the project were closed now, by name, and why."""
        return self.project.unsaved() if self.project is not None else {}

    def close(self) -> None:
        """End the sitting: everything is written and all threads end."""
        self.close_project()
        self.jobs.close()
        self.background.close()

    def _take_project(self, project: Project) -> None:
        self.close_project()
        self.project = project
        project.images_changed.connect(self.images_changed.emit)
        project.classes_changed.connect(self._save_project)
        self._remember(project.folder)
        self.project_changed.emit(project)
        self.runs.project_opened()
        for warning in project.warnings:
            self.notice(warning, level="warning")
        if project.images:
            self.select(project.images[0].id)

    def _save_project(self) -> None:
        """Save now, for what fails later on a thread of the project's own is told to nobody."""
        if self.project is not None:
            self.background.run(self.project.save, lane=_DOCUMENTS)

    def _on_project_closed(self, error: UserError | None) -> None:
        if error is not None:
            self.report(error)

    def _tell_problems(self, problems: list[str], *, added: bool) -> None:
        if problems:
            rest = f" {len(problems) - 1} more files have problems." if len(problems) > 1 else ""
            self.notice(problems[0] + rest, "The other images were added." if added else "", "warning")

    # -- images ------------------------------------------------------------------------------------

    def select(self, image_id: str) -> None:
        """Bring an image to the front."""
        project = self.project
        if project is None or image_id == self._wanted:
            return
        self._wanted = self._place = image_id
        self.loading.emit(project.entry(image_id).name)
        self.background.run(
            lambda: project.document(image_id),
            lambda document: self._take_document(document, image_id),
            lambda error: self._not_opened(image_id, error),
            lane=_DOCUMENTS,
        )

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (−1) image; stops at the ends."""
        project = self.project
        if project is None or not project.images:
            return
        ids = [entry.id for entry in project.images]
        # Not from the image in front: one that could not be opened must not bar the way.
        here = ids.index(self._place) if self._place in ids else 0
        self.select(ids[min(max(here + by, 0), len(ids) - 1)])

    def next_unreviewed(self) -> None:
        """Go to the next image that is not reviewed; say so when there is none."""
        project = self.project
        if project is None:
            return
        ids = [entry.id for entry in project.images]
        here = ids.index(self._place) if self._place in ids else -1
        for image_id in ids[here + 1 :] + ids[: here + 1]:
            if not project.entry(image_id).reviewed and image_id not in (self._wanted, self._place):
                self.select(image_id)
                return
        self.notice("Every image is reviewed.", level="good")

    def _change_project(self, change: Callable[[Project], object]) -> None:
        project = self.project
        if project is None:
            return
        change(project)
        self.images_changed.emit()
        self._save_project()

    def _take_document(self, document: ImageDocument, image_id: str) -> None:
        if image_id != self._wanted:
            self._close_later(document)
            return
        before = self.document
        self._show_document(document)
        self.loading.emit("")
        for sentence in (*document.source.info.warnings, *document.notices):
            self.notice(sentence, level="warning")
        if before is not document:
            self._close_later(before)

    def relocate_image(self, image_id: str, path: Path) -> None:
        """Take the file at `path` for an image that moved, and open it."""

        def done() -> None:
            self.notice(f"{path.name} is found again.", level="good")
            self.images_changed.emit()
            self._open_again(image_id)

        self.files.relocate(image_id, path, done)

    def accept_changed_image(self, image_id: str) -> None:
        """Go on with the content that an image file has now, and open it; say so when it has not changed."""
        if self.project is None:
            return
        name = self.project.entry(image_id).name

        def done(changed: bool) -> None:
            if changed:
                self.images_changed.emit()
                self._open_again(image_id)
            else:
                self.notice(f"{name} has not changed since it was added; nothing was done.")

        self.files.accept_changed(image_id, done)

    def remove_images(self, image_ids: list[str]) -> None:
        """Take images out of the project; their files and labels stay on the disk."""
        project, gone = self.project, set(image_ids)
        if project is None:
            return
        ids = [entry.id for entry in project.images]
        here = ids.index(self._wanted) if self._wanted in ids else 0
        front = self._wanted in gone
        if front:
            document, self._wanted = self.document, ""
            self._show_document(None)
            self._close_later(document)
        self._change_project(lambda project: project.remove_images(image_ids))
        left = [image_id for image_id in (*ids[here:], *reversed(ids[:here])) if image_id not in gone]
        if front and left:
            self.select(left[0])

    def set_pixel_size(self, image_ids: list[str], size_um: float | None) -> None:
        """Say how large the pixels of images are, micrometres; ``None`` for not known."""
        self._change_project(lambda project: [project.set_pixel_size(image_id, size_um) for image_id in image_ids])
        if self.project is not None and self.document is not None and self.document.entry.id in image_ids:
            self.document.entry = self.project.entry(self.document.entry.id)
            self.objects.load(self.document)
            self.pixel_size_changed.emit()

    def _open_again(self, image_id: str) -> None:
        """Open an image; when it is in front, read it anew."""
        document = self.document
        if document is not None and document.entry.id == image_id:
            self._wanted = ""
            self._show_document(None)
            self._close_later(document)
        self.select(image_id)

    def _not_opened(self, image_id: str, error: UserError) -> None:
        if image_id == self._wanted:
            self._wanted = self.document.entry.id if self.document else ""
            self.loading.emit("")
        if error.code in FINDABLE and len(self.image_refused):
            self.image_refused.emit(image_id, error)
        else:
            self.report(error)

    def _show_document(self, document: ImageDocument | None) -> None:
        if self.document is document:
            return
        self.document = document
        if document is not None:
            document.deliver_with(self.background.post)
            document.changed.connect(self._on_edited)
            document.noticed.connect(self._on_document_notice)
            document.saved.connect(self._on_saved)
            document.checkpointed.connect(lambda _count: self.images_changed.emit())
            self._refused_by_disk = document.save_state.startswith("failed")
        self.objects.load(document)
        self.view.new_object()
        self.view.contrast = None
        self.document_changed.emit(document)
        self.review.show_latest()

    def _close_later(self, document: ImageDocument | None) -> None:
        if document is None:
            return
        # What it still has to say comes from another thread, where no listener may be called.
        for signal in (document.changed, document.saved, document.noticed, document.checkpointed):
            signal.disconnect()

        def close() -> str:
            if not document.flush(_PATIENCE):
                # It stays open and goes on trying; who comes back to this image finds it as it was left.
                return document.save_state
            return "" if document.close() else document.save_state

        def closed(problem: str) -> None:
            if problem and self.project is not None:
                self._tell_unsaved(document.entry.name, problem.partition(": ")[2])
            self.images_changed.emit()

        self.background.run(close, closed, lane=_DOCUMENTS)

    def _on_saved(self, state: str) -> None:
        """Tell once that the disk refuses; it is tried again and again."""
        kind, _, sentence = state.partition(": ")
        if kind == "failed" and not self._refused_by_disk and self.document is not None:
            self._tell_unsaved(self.document.entry.name, sentence)
        self._refused_by_disk = kind == "failed"

    def _tell_unsaved(self, name: str, sentence: str) -> None:
        self.notice(f"What you drew last in {name} is not saved yet.", sentence, "error")

    def _on_edited(self, change: DocumentChange) -> None:
        if not change.live and self.document is not None:
            objects = self.document.planes.objects
            if any(item not in objects for item in self.view.selected):
                self.view.selected = frozenset(item for item in self.view.selected if item in objects)
            self.image_changed.emit(self.document.entry.id)

    def _on_document_notice(self, sentence: str) -> None:
        self.notice(sentence, level="warning")

    # -- preferences -------------------------------------------------------------------------------

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
