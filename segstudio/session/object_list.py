"""The objects of the image in front as a table, measured in the background, kept up edit by edit."""

import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.session.background import Background
from segstudio.session.object_rows import UNKNOWN, Measured, Row, measure_all, measure_each, row_of

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument

#: With more changed objects than this the whole image is measured again.
_MANY = 200
#: More rows than these, about a microsecond each, are made on a thread.
_MANY_ROWS = 5000
#: So long a plane of a stack is in front before its objects are measured.
_REST_S = 0.3
_RESTING = "objects of a plane"


class ObjectList:
    """Objects of the image in front.

    Parameters
    ----------
    document
        Returns the open image, or ``None``.
    background
        Does the measuring.
    """

    changed = Signal()
    """The rows are others now."""

    def __init__(self, document: "Callable[[], ImageDocument | None]", background: Background) -> None:
        self._document = document
        self._background = background
        self._connected: ImageDocument | None = None
        self._measured: dict[int, Measured] = {}
        self._rows: dict[int, Row] = {}
        self._listing: object = None
        self._since: list[set[int]] = []
        self._dirty: set[int] = set()
        self._all_dirty = False
        self._busy = False
        self._pixel_size = 0.0

    @property
    def unit(self) -> str:
        """``"µm"`` when the pixel size is known, else ``"px"``."""
        return "µm" if self._pixel_size else "px"

    @property
    def busy(self) -> bool:
        """Whether objects are being measured."""
        return self._busy

    @property
    def listing(self) -> bool:
        """Whether the rows of an image with thousands of objects are still to come."""
        return self._listing is not None

    @property
    def measured(self) -> bool:
        """Whether the rows have figures; of a plane of a stack they come when it stays in front."""
        return bool(self._measured)

    def ids(self) -> list[int]:
        """Return the ids of all objects, in ascending order."""
        return sorted(self._connected.objects_in_front()) if self._connected else []

    def row(self, object_id: int) -> Row | None:
        """Return one row; figures not measured yet are NaN."""
        info = self._connected.planes.objects.get(object_id) if self._connected else None
        return None if info is None else self._row(object_id, info)

    def rows(self) -> list[Row]:
        """Return all rows by ascending id; a row that did not change is the same object as last time.

        None while `listing`.
        """
        if self._connected is None or self.listing:
            return []
        objects, known = self._connected.objects_in_front(), self._rows
        self._rows = {key: known.get(key) or self._row(key, objects[key]) for key in sorted(objects)}
        return list(self._rows.values())

    def load(self, document: "ImageDocument | None") -> None:
        """Show the objects of this image."""
        self._show(document)
        if document is not None:
            self._index(document)
        self._work()

    def _show(self, document: "ImageDocument | None") -> None:
        if self._connected is not None:
            self._connected.changed.disconnect(self._on_changed, missing_ok=True)
            self._connected.turned.disconnect(self._on_turned, missing_ok=True)
        self._connected = document
        self._measured, self._dirty, self._all_dirty = {}, set(), document is not None
        self._rows, self._listing = {}, None
        self._pixel_size = (document.entry.pixel_size_um or 0.0) if document else 0.0
        if document is not None:
            document.changed.connect(self._on_changed)
            document.turned.connect(self._on_turned)
            if len(document.planes.objects) > _MANY_ROWS:
                self._list(document)
        self.changed.emit()

    def _index(self, document: "ImageDocument") -> None:
        """Find out on a thread which tiles hold an object, and their digests, before the first edit needs them."""
        labels = document.planes.labels
        snapshot = labels.snapshot()

        def look() -> None:
            snapshot.index()
            for key in snapshot.keys():  # noqa: SIM118 - a method of the map, no mapping
                snapshot.digest(key)

        self._background.run(look, lambda _: labels.take_index(snapshot), lane="objects")

    def _list(self, document: "ImageDocument") -> None:
        """Make the rows on a thread; those of objects that change meanwhile are made anew."""
        mine = self._listing = object()
        make, since, measured = self._making(document), self._watch(), self._measured

        def take(rows: dict[int, Row]) -> None:
            self._unwatch(since)
            if mine is self._listing and measured is not self._measured:
                self._list(document)
            elif mine is self._listing:
                self._listing = None
                self._rows = _without(rows, since)
                self.changed.emit()

        self._background.run(lambda: make(measured), take, lane="objects")

    def _watch(self) -> set[int]:
        """Return a set that gets the objects that change from now on."""
        since = set[int]()
        self._since.append(since)
        return since

    def _unwatch(self, since: set[int]) -> None:
        self._since = [other for other in self._since if other is not since]

    def _making(self, document: "ImageDocument") -> Callable[[dict[int, Measured]], dict[int, Row]]:
        """Return a function, for any thread, that makes the rows of all objects as they are now from their figures."""
        objects, scale = document.objects_in_front(), self._pixel_size or 1.0
        # Copied at once: row by row, tens of thousands of them take longer than a frame.
        infos = objects.copy() if isinstance(objects, ObjectTable) else dict(objects)
        return lambda found: {key: row_of(key, infos[key], found.get(key, UNKNOWN), scale) for key in sorted(infos)}

    def _row(self, object_id: int, info: ObjectInfo) -> Row:
        return row_of(object_id, info, self._measured.get(object_id, UNKNOWN), self._pixel_size or 1.0)

    def _on_turned(self, plane: int) -> None:
        """List the objects of another plane; they are measured when it stays in front: a stack may be played."""
        document = self._connected
        self._show(document)

        def still() -> bool:
            return document is not None and document is self._connected and document.plane == plane

        def rest() -> None:
            if still():  # of planes that have passed meanwhile nobody waits
                time.sleep(_REST_S)

        def measure() -> None:
            if document is not None and still():
                if not document.planes.labels.indexed:
                    self._index(document)
                self._work()

        self._background.run(rest, lambda _: measure(), lane=_RESTING)

    def _on_changed(self, change: "DocumentChange") -> None:
        if change.live:
            return
        self._forget(change.object_ids)
        document = self._connected
        if "labels" not in change.planes:  # what is known of objects has changed, and no pixel
            if document is not None and len(change.object_ids) > _MANY_ROWS:
                self._list(document)
            self.changed.emit()
        else:
            self._dirty.update(change.object_ids)
            if document is not None and len(change.object_ids) > _MANY and not document.planes.labels.indexed:
                self._index(document)
            self._work()

    def _forget(self, ids: Collection[int]) -> None:
        for object_id in ids:
            self._rows.pop(object_id, None)
        for since in self._since:
            since.update(ids)

    def _remember(self, found: dict[int, Measured], instead: Iterable[int] | None) -> None:
        """Take over figures `instead` of those of some objects, ``None`` for all."""
        if instead is None:
            self._measured = found
            return
        for object_id in instead:
            self._measured.pop(object_id, None)
        self._measured |= found

    def _work(self) -> None:
        """Measure what changed; edits that come meanwhile wait for the next round."""
        document = self._connected
        if self._busy or document is None or not (self._all_dirty or self._dirty):
            return
        labels = document.planes.labels
        everything = self._all_dirty or len(self._dirty) > _MANY
        places = {} if everything else {item: labels.tiles_with(item) for item in self._dirty}
        snapshot, source, plane = labels.snapshot(), document.source, document.plane
        self._dirty, self._all_dirty, self._busy = set(), False, True
        make = self._making(document) if everything else _none
        scale, since = self._pixel_size, self._watch()

        def read(window: Window | None = None) -> NDArray[Any] | None:
            try:
                return source.read(window, plane)
            except BadInput:  # told where it is shown; sizes are known without pixels
                return None

        def work() -> tuple[dict[int, Measured], dict[int, Row]]:
            if everything:
                found = measure_all(snapshot, read, lambda: document is self._connected)
            else:
                found = measure_each(places, snapshot, read)
            return found, make(found)

        def take(result: tuple[dict[int, Measured], dict[int, Row]]) -> None:
            found, rows = result
            self._busy = False
            self._unwatch(since)
            if document is self._connected:
                self._remember(found, None if everything else places)
                if everything and scale == self._pixel_size:
                    self._rows = _without(rows, since)
                else:
                    self._forget(found if everything else places)
                self.changed.emit()
            self._work()

        self._background.run(work, take, lane="objects")


def _none(_found: dict[int, Measured]) -> dict[int, Row]:
    return {}


def _without(rows: dict[int, Row], ids: Collection[int]) -> dict[int, Row]:
    for object_id in ids:
        rows.pop(object_id, None)
    return rows
