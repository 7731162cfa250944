"""The number of the colour of each object when objects are coloured by what they are, or by a measurement."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.labels.objects import ObjectInfo
from segstudio.session.background import Background
from segstudio.session.object_list import ObjectList
from segstudio.session.object_order import FIGURES
from segstudio.session.object_rows import Row
from segstudio.session.view_state import ViewState

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument

#: Colours of a measurement, from its low to its high end.
STEPS: Final = 64
#: Most classes with a colour of their own on the canvas.
CLASSES: Final = 15
STATES: Final = ("accepted", "unreviewed", "suspicious")
SOURCES: Final = ("hand", "model", "import")
#: The ends of the colours are these percentiles: a single odd object must not make all others look alike.
_ENDS = (1, 99)
#: When more objects change at once, all numbers are made anew, on a thread.
_MANY = 200

Table = NDArray[np.uint8]


@dataclass(frozen=True)
class Scale:
    """Which values of a measurement have the first and the last of `STEPS` colours; those beyond have them too."""

    by: str
    low: float
    high: float

    def number(self, value: float) -> int:
        """Return the number of the colour of a value; 0 for not measured.

        Examples
        --------
        >>> scale = Scale("area", 10, 20)
        >>> [scale.number(value) for value in (5, 10, 15, 20, 99, float("nan"))]
        [1, 1, 33, 64, 64, 0]
        """
        if math.isnan(value):
            return 0
        share = (value - self.low) / max(self.high - self.low, 1e-12)
        return 1 + min(max(int(share * STEPS), 0), STEPS - 1)


class ObjectNumbers:
    """A look-up table from the id of an object to the number of its colour, made on a thread and kept up edit by edit.

    Parameters
    ----------
    view
        Says what objects are coloured by: ``"object"`` (each its own colour), ``"class"``, ``"state"``, ``"source"``,
        or one of `FIGURES`.
    objects
        The measurements.
    classes
        Returns the ids of the classes, in order.
    background
        Makes the table.

    Attributes
    ----------
    table
        (n,) uint8 by id; 0, and ids beyond it, for objects of which nothing is known yet. ``None`` when each object has
        its own colour. Classes count from 1, states and sources are places in `STATES` and `SOURCES` plus 1.
    by
        What the table is for.
    scale
        Of a measurement; ``None`` otherwise.
    """

    changed = Signal()
    """There is another table."""
    touched = Signal(object)
    """Ids of objects that have another number in the same table."""

    def __init__(
        self, view: ViewState, objects: ObjectList, classes: Callable[[], Sequence[int]], background: Background
    ) -> None:
        self.table: Table | None = None
        self.by = "object"
        self.scale: Scale | None = None
        self._view = view
        self._objects = objects
        self._classes = classes
        self._background = background
        self._document: ImageDocument | None = None
        self._asked: object = None
        self._dirty: set[int] = set()
        self._unmeasured = False
        view.events.colour_by.connect(self.make, max_args=0)
        objects.changed.connect(self._on_measured)

    def close(self) -> None:
        """Follow nothing any more."""
        self.load(None)
        self._view.events.colour_by.disconnect(self.make)
        self._objects.changed.disconnect(self._on_measured)

    def load(self, document: "ImageDocument | None") -> None:
        """Follow another image, or another plane of it."""
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed, missing_ok=True)
        if self.table is not None and document is not self._document:
            self.table = np.zeros(1, np.uint8)  # that of another image says nothing of this one
        self._document = document
        if document is not None:
            document.changed.connect(self._on_changed)
        self.make()

    def make(self) -> None:
        """Make the table anew."""
        document, by, asked = self._document, self._view.colour_by, object()
        self._asked = asked
        self._dirty.clear()
        if document is None or by == "object":
            self._take(by if document is not None else "object", None, None)
            return
        if by in FIGURES:
            rows = self._objects.rows()
            self._unmeasured = self._objects.listing or not self._objects.measured

            def work() -> tuple[Table, Scale | None]:
                return _of_figures(rows, by)
        else:
            infos, number = document.stack.objects.copy(), self._numbering(by)
            self._unmeasured = False

            def work() -> tuple[Table, Scale | None]:
                return _of_infos(infos, number), None

        def take(found: tuple[Table, Scale | None]) -> None:
            if asked is self._asked:
                self._take(by, *found)

        self._background.run(work, take, lane="colours")

    def _take(self, by: str, table: Table | None, scale: Scale | None) -> None:
        same = self.by == by == "object"
        self.by, self.table, self.scale = by, table, scale
        if not same:
            self.changed.emit()
        self._put_dirty()

    def _numbering(self, by: str) -> Callable[[ObjectInfo], int]:
        if by == "class":
            places = {item: place for place, item in enumerate(tuple(self._classes())[:CLASSES], start=1)}
            return lambda info: places.get(info.class_id, 1)
        if by == "state":
            return lambda info: STATES.index(info.state) + 1
        return lambda info: SOURCES.index(info.source) + 1

    def _on_changed(self, change: "DocumentChange") -> None:
        by = self._view.colour_by
        if change.live or by == "object":
            return
        if by in FIGURES:
            if "labels" in change.planes:
                self._dirty |= change.object_ids
                self._background.post(self._on_measured)  # when everybody has heard of it: they may be measured already
        elif len(change.object_ids) > _MANY:
            self.make()
        else:
            self._dirty |= change.object_ids
            self._put_dirty()

    def _on_measured(self) -> None:
        if self._view.colour_by not in FIGURES or self._objects.busy or self._objects.listing:
            return
        if (self._unmeasured and self._objects.measured) or len(self._dirty) > _MANY:
            self.make()
        else:
            self._put_dirty()

    def _put_dirty(self) -> None:
        """Bring the numbers of objects that have changed up to date, once there is a table."""
        document, by = self._document, self._view.colour_by
        if document is None or self.table is None or self.by != by or not self._dirty:
            return
        if by in FIGURES and self._objects.busy:
            return
        objects, dirty = document.stack.objects, frozenset(self._dirty)
        self._dirty.clear()
        if by in FIGURES:
            rows = {item: self._objects.row(item) for item in dirty}
            found = {item: self._of(row) for item, row in rows.items() if row is not None}
        else:
            number = self._numbering(by)
            found = {item: number(objects[item]) for item in dirty if item in objects}
        largest = max(found, default=0)
        if largest >= len(self.table):
            grown = np.zeros(2 * largest + 1, np.uint8)
            grown[: len(self.table)] = self.table
            self.table = grown
            for item, value in found.items():
                grown[item] = value
            self.changed.emit()
            return
        others = frozenset(item for item, value in found.items() if self.table[item] != value)
        for item in others:
            self.table[item] = found[item]  # drawings on threads see the old number or the new one
        if others:
            self.touched.emit(others)

    def _of(self, row: Row) -> int:
        return self.scale.number(getattr(row, self.by)) if self.scale is not None else 0


def _of_infos(infos: Mapping[int, ObjectInfo], number: Callable[[ObjectInfo], int]) -> Table:
    ids = np.fromiter(infos, np.int64, len(infos))
    table = np.zeros(int(ids.max(initial=0)) + 1, np.uint8)
    table[ids] = np.fromiter((number(info) for info in infos.values()), np.uint8, len(infos))
    return table


def _of_figures(rows: Sequence[Row], by: str) -> tuple[Table, Scale | None]:
    ids = np.fromiter((row.id for row in rows), np.int64, len(rows))
    values = np.fromiter((getattr(row, by) for row in rows), np.float64, len(rows))
    table = np.zeros(int(ids.max(initial=0)) + 1, np.uint8)
    known = np.isfinite(values)
    if not known.any():
        return table, None
    low, high = (float(value) for value in np.percentile(values[known], _ENDS))
    shares = (values[known] - low) / max(high - low, 1e-12)
    table[ids[known]] = 1 + np.clip(shares * STEPS, 0, STEPS - 1).astype(np.uint8)
    return table, Scale(by, low, high)
