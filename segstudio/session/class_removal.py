"""Takes a class out of the project; its objects get another one first, in all images, as edits that can be undone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError, WrongUsage
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import Relabel
from segstudio.session.background import Background
from segstudio.session.job_specs import all_saved_first

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage


@dataclass(frozen=True)
class ClassUse:
    """How many objects have a class, in how many images."""

    objects: int
    images: int

    def words(self) -> str:
        """Return it as the beginning of a sentence."""
        objects = "1 object" if self.objects == 1 else f"{self.objects} objects"
        images = "1 image" if self.images == 1 else f"{self.images} images"
        return f"{objects} in {images} {'has' if self.objects == 1 else 'have'}"


class ClassRemoval:
    """Counts the objects of a class, and removes it.

    Which class goes where is written down before the first object moves: what a full disk or a crash interrupts is
    finished when the project is opened the next time.

    Parameters
    ----------
    project
        Returns what is open, or ``None``.
    front
        The image in front; nobody else may change it.
    background, lane
        Where images are opened, one after the other.
    """

    removed = Signal(str)
    """Name of a class that is gone now."""

    def __init__(
        self, project: "Callable[[], Project | None]", front: "FrontImage", background: Background, lane: str
    ) -> None:
        self._project = project
        self._front = front
        self._background = background
        self._lane = lane

    def count(self, class_id: int, then: Callable[[ClassUse], None]) -> None:
        """Count the objects of a class in all images; `then` gets the answer."""
        project = self._project()
        if project is None:
            return
        project.check_writable()

        def count() -> ClassUse:
            found = _objects_of(project, class_id)
            return ClassUse(sum(map(len, found.values())), len(found))

        self._background.run(all_saved_first(project, count), then)

    def remove(self, class_id: int, to: int | None = None) -> None:
        """Remove a class; its objects get the class `to`.

        Nothing changes without `to` when it has objects, or when the file of an image with such objects is missing:
        a `UserError` is told then. The class stays while the disk refuses the labels of an image.
        """
        project = self._project()
        if project is None:
            return
        project.check_writable()

        def begin() -> None:
            used = _objects_of(project, class_id)
            for image_id in used:
                project.check_image(image_id)
            if to is None:
                _check_free(project, used)
            else:
                project.begin_removing(class_id, to)

        # Not in the lane: it may wait for images that are being recovered there after a crash.
        self._background.run(all_saved_first(project, begin), lambda _: self._go_on(project, class_id, to))

    def finish_begun(self) -> None:
        """Finish a removal that was interrupted when the project was open the last time."""
        project = self._project()
        if project is not None and not project.read_only and project.removing is not None:
            self.remove(*project.removing)

    def _go_on(self, project: "Project", class_id: int, to: int | None) -> None:
        """Move the objects of all images, then remove the class."""
        if project is not self._project() or not _can_go(project, class_id, to):
            return
        self._relabel_front(class_id, to)

        def relabel() -> bool:
            used = _objects_of(project, class_id)
            if to is None:
                _check_free(project, used)
                return True
            # An image that comes to the front meanwhile belongs to the main thread, which moves its objects then.
            busy = used.keys() & self._in_front()
            for image_id in used.keys() - busy:
                self._relabel(project, image_id, _moved(project, class_id, used[image_id], to))
            return not busy

        def end(done: bool) -> None:
            if not done:
                self._go_on(project, class_id, to)
            elif project is self._project() and _can_go(project, class_id, to):
                self._relabel_front(class_id, to)  # what was drawn meanwhile
                name = project.classes[class_id].name
                project.end_removing(class_id)
                self.removed.emit(name)

        self._background.run(all_saved_first(project, relabel), end, lane=self._lane)

    def _relabel(self, project: "Project", image_id: str, edit: Relabel) -> None:
        is_open = project.is_open(image_id)
        document = project.document(image_id)
        if not is_open:
            self._background.post(lambda: self._front.tell_found(document))
        document.apply(edit)
        if not document.close():
            raise UserError(
                f"The class is not removed yet: the labels of {document.entry.name} could not be saved.",
                hint=f"{document.save_state.partition(': ')[2]} Then remove the class again; else that is done when "
                "the project is opened the next time.",
                code="labels-not-saved",
                path=document.files.objects,
            )

    def _in_front(self) -> set[str]:
        document = self._front.document
        return {self._front.wanted, document.entry.id if document is not None else ""}

    def _relabel_front(self, class_id: int, to: int | None) -> None:
        """Give the objects of the image in front the class `to`."""
        document = self._front.document
        project = self._project()
        if document is None or project is None or to is None:
            return
        ids = tuple(number for number, info in document.planes.objects.items() if info.class_id == class_id)
        if ids:
            document.apply(_moved(project, class_id, ids, to))


def _can_go(project: "Project", class_id: int, to: int | None) -> bool:
    """Return whether the class is still there, and one that its objects can have."""
    others = set(project.classes.ids) - {class_id}
    return class_id in project.classes.ids and (to in others if to is not None else bool(others))


def _check_free(project: "Project", used: dict[str, tuple[int, ...]]) -> None:
    for image_id in used:
        raise WrongUsage(
            f"{project.entry(image_id).name} has objects of the class.",
            hint="Give them another class first.",
            code="class-in-use",
        )


def _objects_of(project: "Project", class_id: int) -> dict[str, tuple[int, ...]]:
    """Return the saved objects of a class by the id of their image."""
    found = {}
    for entry in project.images:
        path = project.files(entry.id).objects
        objects = read_objects(path)[0] if path.exists() else {}
        ids = tuple(number for number, info in objects.items() if info.class_id == class_id)
        if ids:
            found[entry.id] = ids
    return found


def _moved(project: "Project", class_id: int, ids: tuple[int, ...], to: int) -> Relabel:
    return Relabel(ids, to, f"Remove the class {project.classes[class_id].name}")
