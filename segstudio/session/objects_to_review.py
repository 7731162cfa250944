"""Which objects of the image in front somebody has to look at, plane by plane and from top to bottom."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Set
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.stack_shape import LABEL_TILE, plane_start
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
_Found = tuple[list[_Place], set[int], dict[int, _Place]]


class ObjectsToReview:
    """The objects of one image that are unreviewed or suspicious, kept up edit by edit.

    A row of the table without pixels, as a file may have it, is none: nobody can look at it.

    Parameters
    ----------
    background
        Looks through the objects of an image.

    Attributes
    ----------
    waiting
        Their ids.
    seen
        Ids of those that have waited since the image came.
    known
        Whether all objects of the image have been looked at.
    """

    changed = Signal()
    """Others wait now, or it is known now which do."""

    def __init__(self, background: Background) -> None:
        self.waiting: set[int] = set()
        self.seen: set[int] = set()
        self.known = False
        self._background = background
        self._document: ImageDocument | None = None
        self._order: list[_Place] = []
        self._places: dict[int, _Place] = {}
        self._asked: object = None

    def load(self, document: "ImageDocument | None") -> None:
        """Follow another image."""
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed, missing_ok=True)
        self._document, self.known = document, False
        self.waiting, self.seen, self._order, self._places = set(), set(), [], {}
        if document is not None:
            document.changed.connect(self._on_changed)
        self._look()
        self.changed.emit()

    def after(self, object_id: int, by: int, skip: Set[int]) -> int:
        """Return the one that comes after (1) an object, or before it (−1), without those in `skip`; 0 for none.

        They come plane by plane, from top to bottom; after the last comes the first. An object that does not wait any
        more has its place as long as the image is in front; with 0 the plane in front begins.
        """
        order, here = self._order, self._places.get(object_id, self._start())
        at = bisect_right(order, here) if by > 0 else bisect_left(order, here) - 1
        for step in range(len(order)):
            found = order[(at + by * step) % len(order)][2]
            if found not in skip and (found != object_id or step == len(order) - 1):
                return found
        return 0

    def has(self, object_id: int) -> bool:
        """Tell whether an object waits, or has waited since the image came."""
        return object_id in self.seen

    def _start(self) -> _Place:
        """Return the place before all objects of the plane in front."""
        document = self._document
        row = plane_start(document.stack.shape, document.plane) // LABEL_TILE if document is not None else 0
        return row, -1, -1

    def _look(self) -> None:
        """Look at all objects, on a thread; when some change meanwhile, again."""
        document, asked = self._document, object()
        self._asked = asked
        if document is None:
            return
        objects, labels, seq = document.stack.objects.copy(), document.stack.labels.snapshot(), document.seq

        def look() -> _Found:
            order = _places(objects, labels)
            return order, {place[2] for place in order}, {place[2]: place for place in order}

        def take(found: _Found) -> None:
            order, waiting, places = found
            if asked is not self._asked or document is not self._document:
                return
            if seq != document.seq:
                self._look()
                return
            if order and not document.stack.labels.indexed:
                document.stack.labels.take_index(labels)  # or the first step would make it, and the window wait
            self._order, self.waiting, self.known = order, waiting, True
            self._places |= places
            self.seen |= waiting
            self.changed.emit()

        self._background.run(look, take, lane="objects to review")

    def _on_changed(self, change: "DocumentChange") -> None:
        document = self._document
        if document is None or change.live or not self.known:
            return  # whoever is looking at all of them sees that something has changed, and looks again
        if len(change.object_ids) > _MANY:
            self._look()
            return
        objects = document.stack.objects
        labels = document.stack.labels
        rows = {item for item in change.object_ids if item in objects and objects[item].to_review}
        there = {item for item in rows if labels.tiles_with(item)}
        gone, new = self.waiting & (change.object_ids - there), there - self.waiting
        for item in gone:
            del self._order[bisect_left(self._order, self._places[item])]
        for item in new:
            # One that waits again keeps its place: whoever steps on must not find it twice.
            if item not in self._places:
                self._places[item] = _place(labels, item)
            insort(self._order, self._places[item])
        self.waiting -= gone
        self.waiting |= new
        self.seen |= new
        if gone or new:
            self.changed.emit()


def _places(objects: ObjectTable, labels: LabelMap) -> list[_Place]:
    wanted = [item for item, info in objects.items() if info.to_review]
    if wanted:
        labels.index()
    return sorted(_place(labels, item) for item in wanted if labels.tiles_with(item))


def _place(labels: LabelMap, object_id: int) -> _Place:
    row, column = labels.tiles_with(object_id)[0]
    return row, column, object_id
