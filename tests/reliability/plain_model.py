"""What an annotation is, in plain arrays: every action by its definition, nothing shared, nothing clever."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from segstudio.labels.objects import ObjectInfo

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Plain:
    """One state of an annotation; actions return the next one.

    Attributes
    ----------
    done, undone
        States before the actions that can be undone, and after those that can be redone; newest last.
    """

    labels: NDArray[np.int32]
    regions: NDArray[np.uint8]
    objects: dict[int, ObjectInfo] = field(default_factory=dict)
    done: tuple["Plain", ...] = ()
    undone: tuple["Plain", ...] = ()

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> "Plain":
        """Return the annotation of an image on which nothing is drawn."""
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.uint8))

    def same(self, other: "Plain") -> bool:
        """Return whether pixels and objects are equal."""
        equal = np.array_equal(self.labels, other.labels) and np.array_equal(self.regions, other.regions)
        return equal and self.objects == other.objects

    def then(
        self,
        labels: NDArray[np.int32] | None = None,
        regions: NDArray[np.uint8] | None = None,
        objects: dict[int, ObjectInfo] | None = None,
    ) -> "Plain":
        """Return the state after an action; this one when it changes nothing.

        Objects without pixels go; what gained or lost pixels was made by hand.
        """
        labels = self.labels if labels is None else labels
        objects = dict(self.objects if objects is None else objects)
        there = set(np.unique(labels).tolist()) - {0}
        differs = labels != self.labels
        touched = set(np.unique(self.labels[differs]).tolist()) | set(np.unique(labels[differs]).tolist())
        for object_id in set(objects) - there:
            del objects[object_id]
        for object_id in touched & set(objects) & set(self.objects):
            objects[object_id] = replace(objects[object_id], source="hand")
        after = Plain(labels, self.regions if regions is None else regions, objects)
        return self if after.same(self) else replace(after, done=(*self.done, self))

    def undo(self) -> "Plain":
        """Return the state after an undo."""
        if not self.done:
            return self
        before = self.done[-1]
        return replace(before, done=self.done[:-1], undone=(*self.undone, self))

    def redo(self) -> "Plain":
        """Return the state after a redo."""
        if not self.undone:
            return self
        after = self.undone[-1]
        return replace(after, done=(*self.done, replace(self, undone=())), undone=self.undone[:-1])

    def stroke(self, points: Points, diameter: float, object_id: int, class_id: int, protect: bool) -> "Plain":
        """Paint an object along a path."""
        mask = covered(self.labels.shape, points, diameter)
        if protect:
            mask &= self.labels == 0
        changes = bool((mask & (self.labels != object_id)).any())
        added = {object_id: ObjectInfo(class_id=class_id)} if changes and object_id not in self.objects else {}
        return self.then(np.where(mask, object_id, self.labels), objects=self.objects | added)

    def erase(self, points: Points, diameter: float, only: int | None) -> "Plain":
        """Clear along a path."""
        mask = covered(self.labels.shape, points, diameter)
        if only is not None:
            mask &= self.labels == only
        return self.then(np.where(mask, 0, self.labels).astype(np.int32))

    def fill(self, x: int, y: int, object_id: int, class_id: int) -> "Plain | None":
        """Fill the empty area around a pixel; ``None`` when no outline encloses it."""
        if self.labels[y, x]:
            return self
        parts, _ = ndimage.label(self.labels == 0)
        mask = parts == parts[y, x]
        if 2 * np.count_nonzero(mask) > mask.size:
            return None
        added = {} if object_id in self.objects else {object_id: ObjectInfo(class_id=class_id)}
        return self.then(np.where(mask, object_id, self.labels), objects=self.objects | added)

    def merge(self, ids: Sequence[int]) -> "Plain":
        """Give the pixels of all objects to the first."""
        return self.then(np.where(np.isin(self.labels, ids), ids[0], self.labels).astype(np.int32))

    def delete(self, ids: Sequence[int]) -> "Plain":
        """Remove objects."""
        return self.then(np.where(np.isin(self.labels, ids), 0, self.labels).astype(np.int32))

    def relabel(self, ids: Sequence[int], class_id: int) -> "Plain":
        """Give objects another class."""
        changed = {key: replace(self.objects[key], class_id=class_id) for key in ids if key in self.objects}
        return self.then(objects=self.objects | changed)

    def mark(self, value: int) -> "Plain":
        """State something about the whole image."""
        return self.then(regions=np.full_like(self.regions, value))

    def split_into(self, object_id: int, labels: NDArray[np.int32]) -> "Plain":
        """Take over how an object was cut, when it was cut as it should be; raise ``AssertionError`` otherwise."""
        inside = self.labels == object_id
        assert np.array_equal(labels[~inside], self.labels[~inside])
        pieces = {value: int((labels == value).sum()) for value in np.unique(labels[inside]).tolist()}
        assert 0 not in pieces
        assert pieces[object_id] == max(pieces.values())
        new = set(pieces) - {object_id}
        assert not new & set(self.objects)
        added = dict.fromkeys(new, replace(self.objects[object_id], source="hand"))
        return self.then(labels, objects=self.objects | added)


def covered(shape: tuple[int, int], points: Points, diameter: float) -> NDArray[np.bool_]:
    """Return the pixels whose centres a disc covers on its way along `points`, and those below the points."""
    rows, columns = np.indices(shape) + 0.5
    mask = np.zeros(shape, bool)
    for (ax, ay), (bx, by) in pairwise([points[0], *points]):
        dx, dy, vx, vy = columns - ax, rows - ay, bx - ax, by - ay
        along = ((dx * vx + dy * vy) / max(vx * vx + vy * vy, 1e-30)).clip(0.0, 1.0)
        mask |= (dx - along * vx) ** 2 + (dy - along * vy) ** 2 <= diameter**2 / 4
    for x, y in points:
        row, column = int(np.floor(y)), int(np.floor(x))
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            mask[row, column] = True
    return mask
