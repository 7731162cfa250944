"""Going through the objects that somebody has to look at, one after the other, and on to the next image."""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.tiles import Window
from segstudio.io.objects_file import any_to_review
from segstudio.labels.objects import ReviewState
from segstudio.labels.state_edit import SetState
from segstudio.project.layout import Layout
from segstudio.session.background import Background
from segstudio.session.notice import Notice
from segstudio.session.objects_to_review import ObjectsToReview
from segstudio.session.view_state import ViewState

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.manifest import ImageEntry
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage

#: What notices about the end of a review are about.
REVIEWED = "objects reviewed"


class ObjectWalk:
    """Steps through objects that are unreviewed or suspicious and marks them; the one in focus is selected.

    An object that was marked, or deleted, is done for this pass, a suspicious one as well; when all are done, the next
    image with such objects comes by itself. No image comes twice on the way to the next object: what its table on the
    disk says may be older than the image, or not to be mended.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        The image in front.
    view
        Its selection is the object in focus.
    background
        Looks through objects and files.

    Attributes
    ----------
    current
        Object in focus, 0 for none.
    among
        Returns the images to go through; ``None`` for all.
    """

    changed = Signal()
    """Another object is in focus, or others wait."""
    focused = Signal(Window)
    """`Window` around the object that came into focus, in pixels of its plane, which is in front."""
    noticed = Signal(object)
    """A `Notice`."""

    def __init__(
        self, project: "Callable[[], Project | None]", front: "FrontImage", view: ViewState, background: Background
    ) -> None:
        self.current = 0
        self.among: Callable[[], Collection[str] | None] = lambda: None
        self._project = project
        self._front = front
        self._view = view
        self._background = background
        self._objects = ObjectsToReview(background)
        self._objects.changed.connect(self._on_objects)
        self._done: set[int] = set()
        self._following = self._passed = 0
        self._arriving = ""
        self._tried: set[str] = set()

    @property
    def left(self) -> int:
        """How many objects of the image are still to be looked at in this pass."""
        return len(self._objects.waiting) - self.suspicious

    @property
    def total(self) -> int:
        """How many there were, those that are done included."""
        return len(self._objects.seen) - self._passed

    @property
    def suspicious(self) -> int:
        """How many were looked at in this pass and are suspicious."""
        return len(self._objects.waiting & self._done)

    def load(self, document: "ImageDocument | None") -> None:
        """Go through another image."""
        self.current, self._following, self._passed, self._done = 0, 0, 0, set()
        if document is None or document.entry.id != self._arriving:
            self._arriving, self._tried = "", set()
        self._objects.load(document)

    def next(self) -> None:
        """Go to the next object to look at; after the last comes the first, and then a new pass."""
        self._step(1)

    def previous(self) -> None:
        """Go back to the object before."""
        self._step(-1)

    def mark(self, state: ReviewState) -> None:
        """Say what the selected object is, and go on to the next; without one, only bring one into focus.

        The selected one is the one in focus, or one that the user has clicked since.
        """
        document, chosen = self._front.document, self._view.selected
        if document is None or document.editing:
            return
        target = next(iter(chosen)) if len(chosen) == 1 else 0
        if not target or target not in document.stack.objects:
            self._go_on(self.current or self._following)
            return
        self._done.add(target)
        following = self._objects.after(target if self._objects.has(target) else self.current, 1, self._done)
        document.apply(SetState((target,), state))
        self._go_on(following)

    def accept(self) -> None:
        """Accept the object in focus, and go on."""
        self.mark("accepted")

    def doubt(self) -> None:
        """Call the object in focus suspicious, and go on."""
        self.mark("suspicious")

    def _step(self, by: int) -> None:
        if not self.left and self._objects.waiting:
            # Another pass, through the suspicious ones.
            self._passed, self._done = len(self._objects.seen) - len(self._objects.waiting), set()
        following = self._objects.after(self._here(), by, self._done)
        if following:
            self._focus(following)
        else:
            self._next_image()

    def _here(self) -> int:
        """Return the object in focus, 0 when another plane has been brought to the front since."""
        document = self._front.document
        plane = document.plane_with(self.current) if document is not None and self.current else None
        return self.current if document is not None and plane == document.plane else 0

    def _go_on(self, following: int) -> None:
        if following in self._objects.waiting and following not in self._done:
            self._focus(following)
        elif self.left:
            self._step(1)
        else:
            self._focus(0)
            self._next_image()

    def _focus(self, object_id: int) -> None:
        document, self.current = self._front.document, object_id
        plane = document.plane_with(object_id) if document is not None and object_id else None
        if document is not None and plane is not None:
            self._tried = set()
            self._following = self._objects.after(object_id, 1, self._done)
            document.turn_to(plane)
            window = document.planes.labels.window_of(object_id)
            self._view.selected = frozenset({object_id})
            if window is not None:
                self.focused.emit(window)
        self.changed.emit()

    def _on_objects(self) -> None:
        document = self._front.document
        if self.current and document is not None and self.current not in document.stack.objects:
            self.current, following = 0, self._following
            # Deleted: the next one by itself, once everybody has heard of the change.
            self._background.post(lambda: self._go_on(following) if not self.current else None)
        if document is not None and self._arriving == document.entry.id and self._objects.known:
            self._arriving = ""
            self._step(1)
        self.changed.emit()

    def _next_image(self) -> None:
        """Bring the next image with objects to look at to the front, or say that there is none."""
        project, front = self._project(), self._front
        if project is None:
            return
        self._tried.add(front.wanted)
        shown, entries, here, tried = self.among(), tuple(project.images), front.wanted, frozenset(self._tried)

        def find() -> str:
            wanted = (entry for entry in _after(entries, here) if shown is None or entry.id in shown)
            return _first_to_review((entry for entry in wanted if entry.id not in tried), Layout(project.folder))

        def take(image_id: str) -> None:
            if project is not self._project():
                return
            if image_id:
                self._arriving = image_id
                self._tried.add(image_id)  # here already: it may refuse to open
                front.select(image_id)
            else:
                self._tried = set()
                self.noticed.emit(Notice(self._all_done(), level="good", about=REVIEWED))

        self._background.run(find, take, lane="objects to review")

    def _all_done(self) -> str:
        if self.suspicious:
            one = "1 object of this image is suspicious" if self.suspicious == 1 else ""
            return f"All objects are looked at. {one or f'{self.suspicious} objects of this image are suspicious'}."
        return "All objects of all images are reviewed."


def _after(entries: "tuple[ImageEntry, ...]", image_id: str) -> "tuple[ImageEntry, ...]":
    """Return the other images from one on, those before it last."""
    here = next((at for at, entry in enumerate(entries) if entry.id == image_id), -1)
    return entries[here + 1 :] + entries[: max(here, 0)]


def _first_to_review(entries: "Iterable[ImageEntry]", place: Layout) -> str:
    return next((entry.id for entry in entries if any_to_review(place.files(entry).objects)), "")
