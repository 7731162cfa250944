"""Whether the image in front is stated to be completely labelled, and the verb that states it or takes it back."""

from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.labels.edits import RegionFill
from segstudio.labels.regions import COMPLETE, NOT_STATED
from segstudio.project.changes import DocumentChange

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.session.front_image import FrontImage


class Completeness:
    """What is stated about the whole image in front.

    Parameters
    ----------
    front
        The image in front; may change.
    """

    changed = Signal(bool)
    """Whether the image in front is complete now."""

    def __init__(self, front: "FrontImage") -> None:
        self.complete = False
        """Whether something is stated about every pixel: where no object is there is background, or it is ignored."""
        self._front = front
        front.changed.connect(self._on_document)
        front.edited.connect(self._on_edited)

    def toggle(self) -> None:
        """State that the whole image is completely labelled, or take it back; one edit that can be undone.

        Raises
        ------
        UserError
            The project is open for reading only.
        """
        if self._front.document is not None:
            self._front.document.apply(RegionFill(None, NOT_STATED if self.complete else COMPLETE, keep_ignored=True))

    def _on_document(self, document: "ImageDocument | None") -> None:
        self._set(document)

    def _on_edited(self, change: DocumentChange) -> None:
        if "regions" in change.planes and not change.live:
            self._set(self._front.document)

    def _set(self, document: "ImageDocument | None") -> None:
        complete = document is not None and document.planes.regions.is_full()
        if complete != self.complete:
            self.complete = complete
            self.changed.emit(complete)
