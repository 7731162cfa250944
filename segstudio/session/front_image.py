"""The image in front: opened, stepped through, and saved behind the user's back when another one takes its place."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.project.annotation_reader import DAMAGED_LABELS
from segstudio.project.catching_up import naming_image
from segstudio.project.changes import FAILED, DocumentChange
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.project_place import GONE
from segstudio.session.background import Background
from segstudio.session.image_files import FINDABLE
from segstudio.session.notice import Notice

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project

#: Codes of errors that a person may clear up.
_ANSWERABLE = FINDABLE | {DAMAGED_LABELS, ELSEWHERE, GONE}
#: Seconds that an image may take to be saved before it is left open.
_PATIENCE = 0.5
#: Notices about what was found in images that were opened and did not come to the front: left before they were open, or
#: changed along with others.
PASSED_BY = "passed-by"


class FrontImage:
    """Opens one image after the other, and closes the one before.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Opens and closes images.
    lane
        Where this happens in order, one after the other.

    Attributes
    ----------
    document
        Of the image in front; ``None`` for none.
    wanted
        Id of the image that was asked for last and may still be opening; empty for none.
    refusals
        Why images could not be opened, by their ids, the newest last; an image that opens is no more among them.
    damaged
        Id of the image that was asked for last, when its labels are damaged; empty otherwise.
    lane
        As given.
    """

    changed = Signal(object)
    """The `ImageDocument` in front, or ``None``."""
    leaving = Signal(object)
    """The `ImageDocument` that is in front, and will be no more."""
    edited = Signal(DocumentChange)
    """An action on it was done or undone, or is going on."""
    saved = Signal()
    """The annotation of an image was published."""
    loading = Signal(str)
    """Name of the image that is being opened; empty when done."""
    noticed = Signal(object)
    """A `Notice`."""
    refused = Signal(str, object)
    """Id of an image that a person may help to open, and the `UserError` that says what is wrong."""
    refusals_changed = Signal()
    """An image could not be opened, or can be again."""

    def __init__(self, project: "Callable[[], Project | None]", background: Background, lane: str) -> None:
        self.document: ImageDocument | None = None
        self.wanted = self.damaged = ""
        self.refusals: dict[str, UserError] = {}
        self._project = project
        self._background = background
        self.lane = lane
        self._place = ""
        self._refused_by_disk = False
        self._unpublished: dict[str, str] = {}
        self._planes: dict[str, int] = {}

    def select(self, image_id: str) -> None:
        """Bring an image to the front."""
        project = self._project()
        if project is None or image_id == self.wanted:
            return
        self.wanted = self._place = image_id
        self.damaged = ""
        self.loading.emit(project.entry(image_id).name)
        self._background.run(
            lambda: project.document(image_id),
            lambda document: self._take(document, image_id),
            lambda error: self._not_opened(image_id, error) if project is self._project() else None,
            lane=self.lane,
        )

    def step(self, by: int, shown: Collection[str] | None = None) -> None:
        """Go to the next (1) or previous (−1) image, of those that a list shows; stops at the ends."""
        project = self._project()
        if project is None:
            return
        ids = [entry.id for entry in project.images]
        # Not from the image in front: one that could not be opened must not bar the way.
        here = ids.index(self._place) if self._place in ids else 0
        ahead = ids[here + 1 :] if by > 0 else ids[:here][::-1]
        following = next((image_id for image_id in ahead if shown is None or image_id in shown), None)
        if following is not None:
            self.select(following)

    def next_unreviewed(self, shown: Collection[str] | None = None) -> None:
        """Go to the next image that is not reviewed, of those that a list shows; say so when there is none."""
        project = self._project()
        if project is None:
            return
        ids = [entry.id for entry in project.images]
        here = ids.index(self._place) if self._place in ids else -1
        for image_id in ids[here + 1 :] + ids[: here + 1]:
            if image_id in (self.wanted, self._place) or (shown is not None and image_id not in shown):
                continue
            if not project.entry(image_id).reviewed:
                self.select(image_id)
                return
        images = "Every image" if shown is None or len(shown) == len(ids) else "Every image that the list shows"
        self.noticed.emit(Notice(f"{images} is reviewed.", level="good"))

    def leave(self) -> None:
        """Have no image in front; the one that was is saved and closed."""
        document, self.wanted, self.damaged = self.document, "", ""
        self._show(None)
        self._close_later(document)
        if self._project() is None:
            self._unpublished.clear()
            if self.refusals:
                self.refusals.clear()
                self.refusals_changed.emit()

    def open_again(self, image_id: str) -> None:
        """Bring an image to the front; when it is there already, it is read anew."""
        if self.document is not None and self.document.entry.id == image_id:
            self.leave()
        self.select(image_id)

    def forgive(self, image_id: str) -> None:
        """Take back that an image could not be opened: what was wrong with it is over, or it was taken out."""
        if self.damaged == image_id:
            self.damaged = ""
        if self.refusals.pop(image_id, None) is not None:
            self.refusals_changed.emit()

    def forgive_gone(self) -> None:
        """Take back of all images that the drive of the project is gone: it is back."""
        for image_id in [image_id for image_id, error in self.refusals.items() if error.code == GONE]:
            self.forgive(image_id)

    def tell_found(self, document: "ImageDocument") -> None:
        """Tell what was found on opening an image that is not in front; afterwards it is mended, and found no more."""
        for sentence in document.notices:
            says = naming_image(sentence, document.entry)
            self.noticed.emit(Notice(says, level="warning", group=PASSED_BY, outlives=True))

    def _take(self, document: "ImageDocument", image_id: str) -> None:
        if image_id in self.refusals and self.refusals[image_id].code == GONE:
            self.forgive_gone()
        self.forgive(image_id)
        if image_id != self.wanted:
            if document is not self.document:
                self.tell_found(document)
            self._close_later(document)
            return
        before = self.document
        self._show(document)
        self.loading.emit("")
        of_file = (naming_image(sentence, document.entry) for sentence in document.source.info.warnings)
        for sentence in (*of_file, *document.notices):
            self._warn(sentence)
        if before is not document:
            self._close_later(before)

    def _not_opened(self, image_id: str, error: UserError) -> None:
        self.refusals.pop(image_id, None)
        self.refusals[image_id] = error
        self.refusals_changed.emit()
        if image_id == self.wanted:
            self.wanted = self.document.entry.id if self.document else ""
            self.loading.emit("")
            self.damaged = image_id if error.code == DAMAGED_LABELS else ""
        if error.code in _ANSWERABLE and len(self.refused):
            self.refused.emit(image_id, error)
        else:
            self.noticed.emit(Notice.of(error))

    def _show(self, document: "ImageDocument | None") -> None:
        if self.document is document:
            return
        if self.document is not None:
            self.leaving.emit(self.document)
            self._planes[self.document.entry.id] = self.document.plane
        self.document = document
        if document is not None:
            plane = self._planes.get(document.entry.id, document.plane)
            document.turn_to(plane if plane < document.entry.planes else 0)
            document.deliver_with(self._background.post)
            _disconnect(document)  # one that was left open is in front again
            document.changed.connect(self._on_edited)
            document.noticed.connect(self._warn)
            document.saved.connect(lambda state: self._on_saved(document, state))
            document.checkpointed.connect(lambda _count: self._on_checkpointed(document))
            self._refused_by_disk = document.save_state.startswith(FAILED)
            if document.whole:
                self._tell_published(document)
        self.changed.emit(document)

    def _close_later(self, document: "ImageDocument | None") -> None:
        if document is None:
            return
        project = self._project()
        # Its other news come from another thread, where no listener may be called; notices go to the project then.
        _disconnect(document)
        document.tell_drawn()

        def close() -> bool:
            # Else it stays open and goes on trying; who comes back to this image finds it as it was left.
            saved = document.closed or (document.flush(_PATIENCE) and document.checkpoint(wait=True))
            return saved and document.close()

        def closed(done: bool) -> None:
            if project is not None and project is self._project():
                kind, _, sentence = document.save_state.partition(": ")
                if done or document.whole:
                    self._tell_published(document)
                elif kind == FAILED and document.safe:
                    self._tell_unpublished(document, sentence)
                if not document.closed:
                    self._close_when_published(document)
            self.saved.emit()

        self._background.run(close, closed, lane=self.lane)

    def _close_when_published(self, document: "ImageDocument") -> None:
        """Close an image that was left and could not be saved, once its disk has taken all of it."""

        def published() -> None:
            # Not one that is asked for again: the same document comes to the front then.
            if document.whole and not document.closed and document.entry.id != self.wanted:
                self._tell_published(document)
                self._close_later(document)

        if document is not self.document:
            document.deliver_with(self._background.post)
            document.checkpointed.connect(lambda _count: self._background.post(published))
            published()

    def _on_edited(self, change: DocumentChange) -> None:
        # A method: psygnal calls the `emit` of another signal once when it is connected, to learn its arguments.
        self.edited.emit(change)

    def _on_saved(self, document: "ImageDocument", state: str) -> None:
        """Tell that the label files cannot be written, which is tried again and again."""
        kind, _, sentence = state.partition(": ")
        if kind == FAILED and not self._refused_by_disk and document.safe:
            self._tell_unpublished(document, sentence)  # else `SafeKeeping` tells
        self._refused_by_disk = kind == FAILED

    def _on_checkpointed(self, document: "ImageDocument") -> None:
        # Not when it is saved: that is the journal, and says nothing of the label files.
        self._tell_published(document)
        self.saved.emit()

    def _tell_published(self, document: "ImageDocument") -> None:
        if self._unpublished.pop(document.entry.id, None) is not None:
            says = f"The label files of {document.entry.name} are written again."
            self.noticed.emit(Notice(says, level="good", about=_unpublished(document)))

    def _tell_unpublished(self, document: "ImageDocument", sentence: str) -> None:
        if self._unpublished.get(document.entry.id) == sentence:
            return
        self._unpublished[document.entry.id] = sentence
        folder = document.files.labels.parent
        says = f"The label files of {document.entry.name} cannot be written; what you drew is safe in the project."
        hint = sentence.replace(str(folder), folder.name)
        self.noticed.emit(Notice(says, hint, "error", about=_unpublished(document), outlives=True))

    def _warn(self, sentence: str) -> None:
        image_id = self.document.entry.id if self.document is not None else ""
        self.noticed.emit(Notice(sentence, level="warning", image=image_id))


def _disconnect(document: "ImageDocument") -> None:
    for signal in (document.changed, document.saved, document.noticed, document.checkpointed):
        signal.disconnect()


def _unpublished(document: "ImageDocument") -> str:
    """Return what notices about the label files of an image are about."""
    return f"label files {document.entry.id}"
