"""Which objects of the image in front somebody has to look at, plane by plane and from top to bottom."""

from bisect import insort
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectTable
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument

#: When more objects change at once, all are looked at again, on a thread.
_MANY = 200
#: Row and column of the first tile of an object, and its id.
_Place = tuple[int, int, int]


class ObjectsToReview:
    """The objects of one image that are unreviewed or suspicious, kept up edit by edit.

    Parameters
    ----------
    background
        Looks through the objects of an image.

    Attributes
    ----------
    waiting
        Their ids.
    known
        Whether all objects of the image have been looked at.
    """

    changed = Signal()
    """Others wait now, or it is known now which do."""

    def __init__(self, background: Background) -> None:
        self.waiting: set[int] = set()
        self.known = False
        self._background = background
        self._document: ImageDocument | None = None
        self._order: list[_Place] = []
        self._asked: object = None

    def load(self, document: "ImageDocument | None") -> None:
        """Follow another image."""
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed, missing_ok=True)
        self._document, self.waiting, self._order, self.known = document, set(), [], False
        if document is not None:
            document.changed.connect(self._on_changed)
        self._look()
        self.changed.emit()

    def in_order(self) -> list[int]:
        """Return the ids from the first plane to the last, in each from top to bottom."""
        return [place[2] for place in self._order if place[2] in self.waiting]

    def _look(self) -> None:
        """Look at all objects, on a thread; when some change meanwhile, again."""
        document, asked = self._document, object()
        self._asked = asked
        if document is None:
            return
        objects, labels, seq = document.stack.objects.copy(), document.stack.labels.snapshot(), document.seq

        def take(order: list[_Place]) -> None:
            if asked is not self._asked or document is not self._document:
                return
            if seq != document.seq:
                self._look()
                return
            self._order, self.waiting, self.known = order, {place[2] for place in order}, True
            self.changed.emit()

        self._background.run(lambda: _places(objects, labels), take, lane="objects to review")

    def _on_changed(self, change: "DocumentChange") -> None:
        document = self._document
        if document is None or change.live:
            return
        if len(change.object_ids) > _MANY or not self.known:
            self._look()
            return
        objects = document.stack.objects
        there = {item for item in change.object_ids if item in objects and objects[item].to_review}
        gone, new = self.waiting & (change.object_ids - there), there - self.waiting
        self.waiting -= gone
        if gone:
            self._order = [place for place in self._order if place[2] not in gone]
        for item in new:
            insort(self._order, _place(document.stack.labels, item))
        self.waiting |= new
        if gone or new:
            self.changed.emit()


def _places(objects: ObjectTable, labels: LabelMap) -> list[_Place]:
    wanted = [item for item, info in objects.items() if info.to_review]
    if wanted:
        labels.index()
    return sorted(_place(labels, item) for item in wanted)


def _place(labels: LabelMap, object_id: int) -> _Place:
    row, column = next(iter(labels.tiles_with(object_id)), (0, 0))
    return row, column, object_id
