"""How far each image of the project is, and what it is used for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.jobs.spec import Split

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.manifest import ImageEntry
    from segstudio.project.project import Project

_DONE = ("labelled", "reviewed")


class ImageStates:
    """States and splits of images; what is drawn in the image in front counts before it is on the disk.

    Parameters
    ----------
    project, document
        Return what is open, or ``None``.
    change
        Changes the open project, tells it and saves it.
    """

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        document: "Callable[[], ImageDocument | None]",
        change: "Callable[[Callable[[Project], object]], None]",
    ) -> None:
        self._project = project
        self._document = document
        self._change = change
        self._entries: list[ImageEntry] = []
        self._splits: Mapping[str, Split] = {}

    def state(self, image_id: str) -> str:
        """Return ``"empty"``, ``"labelled"``, ``"predicted"`` or ``"reviewed"``."""
        project, document = self._project(), self._document()
        if project is None:
            return "empty"
        if document is not None and document.entry.id == image_id:
            planes = document.stack
            return project.state(image_id, objects=len(planes.objects), marked=not planes.regions.blank)
        return project.state(image_id)

    def labelled_count(self) -> tuple[int, int]:
        """Return how many images have labels, and how many there are."""
        project, document = self._project(), self._document()
        if project is None:
            return 0, 0
        done, total = project.labelled_count()
        if document is not None:
            # The number of objects in the entry is the one on the disk.
            before = project.state(document.entry.id) in _DONE
            done += (self.state(document.entry.id) in _DONE) - before
        return done, total

    def unlabelled(self) -> list[str]:
        """Return the images without labels, in the order of the list."""
        project = self._project()
        ids = [entry.id for entry in project.images] if project is not None else []
        return [image_id for image_id in ids if self.state(image_id) not in _DONE]

    def split_of(self, image_id: str) -> str:
        """Return the split the user chose for an image, ``"auto"`` for none."""
        project = self._project()
        return project.entry(image_id).split if project else "auto"

    def splits(self) -> Mapping[str, Split]:
        """Return what each image is used for, as a training would find it; the same object while nothing changes."""
        project, document = self._project(), self._document()
        entries = project.images if project is not None else []
        if document is not None:
            drawn, marked = len(document.stack.objects), not document.stack.regions.blank
            entries = [
                replace(item, objects=drawn, marked=marked) if item.id == document.entry.id else item
                for item in entries
            ]
        if entries != self._entries:
            before = self._splits
            self._entries, self._splits = entries, project.splits(entries) if project is not None else {}
            if self._splits == before:
                self._splits = before
        return self._splits

    def set_split(self, image_ids: list[str], split: str) -> None:
        """Choose what images are used for."""
        self._change(lambda project: [project.set_split(image_id, split) for image_id in image_ids])

    def set_reviewed(self, image_ids: list[str], reviewed: bool) -> None:
        """Mark images as reviewed, or not."""
        self._change(lambda project: [project.set_reviewed(image_id, reviewed) for image_id in image_ids])
