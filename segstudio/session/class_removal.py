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
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project


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

    Parameters
    ----------
    project, document
        Return what is open, or ``None``.
    background, lane
        Where images are opened, one after the other.
    """

    removed = Signal(str)
    """Name of a class that is gone now."""

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        document: "Callable[[], ImageDocument | None]",
        background: Background,
        lane: str,
    ) -> None:
        self._project = project
        self._document = document
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

        self._background.run(all_saved_first(project, count), then, lane=self._lane)

    def remove(self, class_id: int, to: int | None = None) -> None:
        """Remove a class; its objects get the class `to`.

        The class stays when the objects of an image cannot be changed, or without `to` when it has objects: a
        `UserError` is told then.
        """
        project = self._project()
        if project is None:
            return
        project.check_writable()
        front = self._relabel_front(class_id, to)

        def relabel() -> None:
            for image_id, ids in _objects_of(project, class_id).items():
                if to is None:
                    raise WrongUsage(
                        f"{project.entry(image_id).name} has objects of the class.",
                        hint="Give them another class first.",
                        code="class-in-use",
                    )
                if image_id != front:
                    _relabel(project, image_id, ids, to)

        def finish() -> None:
            if project is self._project() and class_id in project.classes.ids:
                self._relabel_front(class_id, to)  # what was drawn meanwhile
                name = project.classes[class_id].name
                project.set_classes(project.classes.remove(class_id))
                self.removed.emit(name)

        self._background.run(all_saved_first(project, relabel), lambda _none: finish(), lane=self._lane)

    def _relabel_front(self, class_id: int, to: int | None) -> str:
        """Give the objects of the image in front the class `to`; return the id of the image."""
        document = self._document()
        if document is None:
            return ""
        objects = document.planes.objects
        ids = tuple(number for number, info in objects.items() if info.class_id == class_id)
        if ids and to is not None:
            document.apply(Relabel(ids, to))
        return document.entry.id


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


def _relabel(project: "Project", image_id: str, ids: tuple[int, ...], to: int) -> None:
    document = project.document(image_id)
    document.apply(Relabel(ids, to))
    if not document.close():
        raise UserError(
            f"The class stays: {document.entry.name} could not be saved.",
            hint=document.save_state.partition(": ")[2],
            code="labels-not-saved",
            path=document.files.objects,
        )
