"""Going through the objects that somebody has to look at, one after the other, and on to the next image."""

from collections.abc import Callable, Collection
from pathlib import Path
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
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage

#: What notices about the end of a review are about.
REVIEWED = "objects reviewed"


class ObjectWalk:
    """Steps through objects that are unreviewed or suspicious and marks them; the one in focus is selected.

    An object that was marked, or deleted, is done for this pass, a suspicious one as well; when all are done, the next
    image with such objects comes by itself.

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
        self._seen: set[int] = set()
        self._done: set[int] = set()
        self._following = 0
        self._arriving = False

    @property
    def left(self) -> int:
        """How many objects of the image are still to be looked at in this pass."""
        return len(self._objects.waiting - self._done)

    @property
    def total(self) -> int:
        """How many there were, those that are done included."""
        return len(self._seen)

    @property
    def suspicious(self) -> int:
        """How many were looked at in this pass and are suspicious."""
        return len(self._objects.waiting & self._done)

    def load(self, document: "ImageDocument | None") -> None:
        """Go through another image."""
        self.current, self._seen, self._done = 0, set(), set()
        self._arriving = self._arriving and document is not None
        self._objects.load(document)

    def next(self) -> None:
        """Go to the next object to look at; after the last comes the first, and then a new pass."""
        self._step(1)

    def previous(self) -> None:
        """Go back to the object before."""
        self._step(-1)

    def mark(self, state: ReviewState) -> None:
        """Say what the object in focus is, and go on to the next; the first call only brings one into focus."""
        document, current = self._front.document, self.current
        if document is None or document.editing:
            return
        if not current or current not in document.stack.objects:
            self.next()
            return
        order = self._open()
        following = _after(order, current, self._objects.in_order())
        self._done.add(current)
        self._seen.add(current)
        document.apply(SetState((current,), state))
        self._go_on(following)

    def accept(self) -> None:
        """Accept the object in focus, and go on."""
        self.mark("accepted")

    def doubt(self) -> None:
        """Call the object in focus suspicious, and go on."""
        self.mark("suspicious")

    def _open(self) -> list[int]:
        return [item for item in self._objects.in_order() if item not in self._done]

    def _step(self, by: int) -> None:
        order = self._open()
        if not order and self._objects.waiting:
            self._seen -= self._done  # another pass, through the suspicious ones
            self._done = set()
            order = self._open()
        if not order:
            self._next_image()
        elif self.current in order:
            self._focus(order[(order.index(self.current) + by) % len(order)])
        elif by < 0:
            self._focus(order[-1])
        else:
            self._focus(_after(order, self.current, self._objects.in_order()))

    def _go_on(self, following: int) -> None:
        if following in self._objects.waiting - self._done:
            self._focus(following)
        elif self._open():
            self._step(1)
        else:
            self._focus(0)
            self._next_image()

    def _focus(self, object_id: int) -> None:
        document, self.current = self._front.document, object_id
        plane = document.plane_with(object_id) if document is not None and object_id else None
        if document is not None and plane is not None:
            self._following = _after(self._open(), object_id, self._objects.in_order())
            document.turn_to(plane)
            window = document.planes.labels.window_of(object_id)
            self._view.selected = frozenset({object_id})
            if window is not None:
                self.focused.emit(window)
        self.changed.emit()

    def _on_objects(self) -> None:
        document = self._front.document
        self._seen |= self._objects.waiting
        if self.current and document is not None and self.current not in document.stack.objects:
            self.current, following = 0, self._following
            # Deleted: the next one by itself, once everybody has heard of the change.
            self._background.post(lambda: self._go_on(following) if not self.current else None)
        if self._arriving and self._objects.known:
            self._arriving = False
            self._step(1)
        self.changed.emit()

    def _next_image(self) -> None:
        """Bring the next image with objects to look at to the front, or say that there is none."""
        project, front = self._project(), self._front
        if project is None:
            return
        shown, place = self.among(), Layout(project.folder)
        images = [entry for entry in project.images if shown is None or entry.id in shown or entry.id == front.wanted]
        here = next((at for at, entry in enumerate(images) if entry.id == front.wanted), -1)
        ahead = [(entry.id, place.files(entry).objects) for entry in images[here + 1 :] + images[: max(here, 0)]]

        def take(image_id: str) -> None:
            if project is not self._project():
                return
            if image_id:
                self._arriving = True
                front.select(image_id)
            else:
                self.noticed.emit(Notice(self._all_done(), level="good", about=REVIEWED))

        self._background.run(lambda: _first_to_review(ahead), take, lane="objects to review")

    def _all_done(self) -> str:
        if self.suspicious:
            one = "1 object of this image is suspicious" if self.suspicious == 1 else ""
            return f"All objects are looked at. {one or f'{self.suspicious} objects of this image are suspicious'}."
        return "All objects of all images are reviewed."


def _first_to_review(ahead: list[tuple[str, Path]]) -> str:
    return next((image_id for image_id, path in ahead if any_to_review(path)), "")


def _after(order: list[int], current: int, whole: list[int]) -> int:
    """Return the first of `order` that comes after `current` in `whole`; the first of all after the last."""
    wanted = set(order) - {current}
    at = whole.index(current) + 1 if current in whole else 0
    return next((item for item in (*whole[at:], *whole[:at]) if item in wanted), 0)
