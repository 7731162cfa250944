"""Classes that come back with objects that have them: an undo may bring objects of a removed class back."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.session.notice import Notice

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project
    from segstudio.session.front_image import FrontImage

#: What notices are about that something newer makes untrue: which classes there are.
CLASSES = "classes"


class ClassReturn:
    """Keeps every class that objects of the image in front have in the project.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    front
        The image in front; whoever paints it has to hear of it later than this.
    """

    noticed = Signal(object)
    """A `Notice`: a class is back."""

    def __init__(self, project: "Callable[[], Project | None]", front: "FrontImage") -> None:
        self._project = project
        self._front = front
        front.changed.connect(self._on_document)
        front.edited.connect(self._on_edited)

    def _on_document(self, document: "ImageDocument | None") -> None:
        if document is not None:
            self._bring_back(document, tuple(document.planes.objects))

    def _on_edited(self, change: "DocumentChange") -> None:
        document = self._front.document
        if not change.live and document is not None:
            self._bring_back(document, change.object_ids)

    def _bring_back(self, document: "ImageDocument", ids: Iterable[int]) -> None:
        project, objects = self._project(), document.planes.objects
        if project is None or project.read_only:
            return
        lacking = objects.classes_of(ids) - set(project.classes.ids)
        if lacking:
            project.set_classes(project.classes.with_ids(lacking))
            names = ", ".join(project.classes[class_id].name for class_id in sorted(lacking))
            says = f"The class {names} is back: objects of {document.entry.name} have it."
            self.noticed.emit(Notice(says, about=CLASSES))
