"""The smallest rectangle, at any angle, around each object: length, width and direction of cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.labels.contours import Rings, trace

#: How far a point may lie from a pixel corner.
_EXACT = 1e-6
_HALF_TURN = 180.0
_TURN = 2 * np.pi


class RotatedBox(NamedTuple):
    """The rectangle of least area around all pixels of one object, whole pixels included.

    Attributes
    ----------
    id
        The object.
    centre
        ``(x, y)``, pixel-corner coordinates.
    length, width
        Of the longer and the shorter side, in pixels.
    angle
        Of the long side, in degrees in [0, 180), clockwise from the x axis as seen on the screen; in [0, 90) when
        both sides are equal.
    """

    id: int
    centre: tuple[float, float]
    length: float
    width: float
    angle: float

    @property
    def corners(self) -> NDArray[np.float64]:
        """The corners ``(4, 2)`` xy, clockwise on the screen; the first two lie on a long side."""
        turn = np.deg2rad(self.angle)
        along = np.array([np.cos(turn), np.sin(turn)]) * (self.length / 2)
        across = np.array([-np.sin(turn), np.cos(turn)]) * (self.width / 2)
        return np.array([-along - across, along - across, along + across, across - along]) + self.centre


@dataclass(frozen=True, eq=False)
class BoxColumns:
    """The rotated boxes of many objects as arrays, one entry each; `hull_area` is that of the convex hulls."""

    ids: NDArray[np.integer[Any]]
    centre: NDArray[np.float64]
    length: NDArray[np.float64]
    width: NDArray[np.float64]
    angle: NDArray[np.float64]
    hull_area: NDArray[np.float64]
    hulls: "_Hulls | None"

    def feret(self) -> NDArray[np.float64]:
        """Return the greatest distance, pixels, of any two points of each object, pixel corners included."""
        return _diameters(self.hulls) if self.hulls is not None else np.zeros(0)


def rotated_boxes(
    source: NDArray[np.integer[Any]] | Mapping[int, Sequence[NDArray[np.float64]]],
) -> dict[int, RotatedBox]:
    """Return the minimum-area rectangle of each object by ascending id.

    Parameters
    ----------
    source
        A label image ``(rows, columns)``, 0 and negative values being no objects; or what `contours` returns for
        one.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 14), np.int32)
    >>> labels[2:6, 1:11] = 3
    >>> box = rotated_boxes(labels)[3]
    >>> box.length, box.width, box.angle, box.centre
    (10.0, 4.0, 0.0, (6.0, 4.0))
    """
    if isinstance(source, np.ndarray):
        columns = box_columns(trace(source))
    else:
        ids = sorted(source)
        rings = [ring for object_id in ids for ring in source[object_id]]
        sizes = np.cumsum([0, *map(len, rings)])
        last = np.cumsum([len(source[object_id]) for object_id in ids], dtype=np.int64)
        columns = _columns(np.array(ids, np.int64), np.concatenate(rings or [np.zeros((0, 2))]), sizes[last])
    rows = zip(
        columns.ids.tolist(),
        map(tuple, columns.centre.tolist()),
        columns.length.tolist(),
        columns.width.tolist(),
        columns.angle.tolist(),
        strict=True,
    )
    return {row[0]: RotatedBox._make(row) for row in rows}


def box_columns(rings: Rings) -> BoxColumns:
    """Return the rotated boxes of traced objects as arrays."""
    last = np.flatnonzero(rings.ids[1:] != rings.ids[:-1]) if len(rings.ids) else np.zeros(0, np.int64)
    last = np.append(last, len(rings.ids) - 1)[: len(rings.ids)]
    return _columns(rings.ids[last], rings.points, rings.offsets[last + 1])


def _columns(ids: NDArray[np.integer[Any]], points: NDArray[np.float64], ends: NDArray[np.int64]) -> BoxColumns:
    """Return the boxes of consecutive clouds of points, each up to its end."""
    if not len(ids):
        none = np.zeros(0)
        return BoxColumns(ids, np.zeros((0, 2)), none, none, none, none, None)
    # Pixel corners are integers but for one common offset: exact, and what OpenCV takes.
    shifted = points - points[0]
    corners = np.rint(shifted).astype(np.int32)
    shifted -= corners
    if max(shifted.max(), -shifted.min()) > _EXACT:
        raise ValueError("Rotated boxes are for outlines along pixel edges, as `contours` returns them.")
    hulls = [cv2.convexHull(corners[start:end]) for start, end in pairwise([0, *ends.tolist()])]
    counts = np.array(list(map(len, hulls)))
    found = _Hulls.of(np.concatenate(hulls)[:, 0].astype(np.int64), counts)
    centre, length, width, angle, area = _smallest(found)
    return BoxColumns(ids, centre + points[0], length, width, angle, area, found)


class _Hulls(NamedTuple):
    """Convex polygons one after the other, interior to the left of each edge (y pointing up)."""

    points: NDArray[np.int64]
    #: From each point to the next.
    edges: NDArray[np.int64]
    #: The polygon of each point, and the first point and the number of points of each polygon.
    owner: NDArray[np.int64]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, points: NDArray[np.int64], counts: NDArray[np.int64]) -> "_Hulls":
        first = np.cumsum(counts) - counts
        follow = np.arange(1, len(points) + 1)
        follow[first + counts - 1] = first
        return cls(points, points[follow] - points, np.repeat(np.arange(len(counts)), counts), first, counts)


def _smallest(hulls: _Hulls) -> tuple[NDArray[np.float64], ...]:
    """Return centre, length, width, angle and hull area: the best rectangle has a side on an edge of the hull.

    All edges at once (Freeman and Shapira, 1975, with the calipers found by binary search), in integers up to the
    last division, so that axis-parallel boxes come out exact.
    """
    points, edges = hulls.points, hulls.edges
    right, top, left = _touching(hulls)
    along = ((points[right] - points[left]) * edges).sum(axis=1)
    across = _cross(edges, points[top] - points)
    square = (edges**2).sum(axis=1)
    area = along * across / square
    least = np.flatnonzero(area == np.repeat(np.minimum.reduceat(area, hulls.first), hulls.counts))
    best = least[np.flatnonzero(np.diff(hulls.owner[least], prepend=-1))]
    edge, along, across, square = edges[best], along[best], across[best], square[best]
    low = ((points[left[best]] - points[best]) * edge).sum(axis=1)
    normal = np.column_stack([-edge[:, 1], edge[:, 0]])
    middle = (low + along / 2)[:, None] * edge + (across / 2)[:, None] * normal
    centre = points[best] + middle / square[:, None]
    sides = along / np.sqrt(square), across / np.sqrt(square)
    turn = np.rad2deg(np.arctan2(edge[:, 1], edge[:, 0]))
    angle = np.where(sides[0] < sides[1], turn + 90, turn) % 180
    angle = np.where(sides[0] == sides[1], angle % 90, angle)
    angle[angle >= _HALF_TURN] = 0
    hull_area = np.add.reduceat(_cross(points, edges), hulls.first) / 2
    return centre, np.maximum(*sides), np.minimum(*sides), angle, hull_area


def _diameters(hulls: _Hulls) -> NDArray[np.float64]:
    """Return the diameter of each polygon: it joins an end of an edge to the point furthest across from the edge.

    Rotating calipers (Shamos, 1978). Where the edge opposite is parallel both its ends are as far; with the points
    beside the furthest one neither is missed.
    """
    ends = hulls.first + hulls.counts - 1
    follow = np.arange(1, len(hulls.points) + 1)
    follow[ends] = hulls.first
    before = np.arange(-1, len(hulls.points) - 1)
    before[hulls.first] = ends
    top = _touching(hulls)[1]
    square = np.zeros(len(hulls.points), np.int64)
    for end in (hulls.points, hulls.points[follow]):
        for far in (before[top], top, follow[top]):
            np.maximum(square, ((hulls.points[far] - end) ** 2).sum(axis=1), out=square)
    return np.sqrt(np.maximum.reduceat(square, hulls.first))


def _touching(hulls: _Hulls) -> list[NDArray[np.int64]]:
    """Return for each edge the points that lie furthest ahead of it, across from it and behind it.

    Along a convex polygon the direction of edges only grows. The point furthest to the right of direction ``t`` is
    where edges turn past ``t``.
    """
    direction = np.arctan2(hulls.edges[:, 1], hulls.edges[:, 0])
    turn = direction - np.repeat(direction[hulls.first], hulls.counts)
    turn[turn < 0] += _TURN
    base = 8.0 * hulls.owner
    present = base + turn
    last = hulls.first + hulls.counts
    found = []
    for quarter in (1, 2, 3):
        wanted = turn + quarter * (_TURN / 4)
        wanted[wanted >= _TURN] -= _TURN
        at = np.searchsorted(present, base + wanted)
        found.append(np.where(at == last[hulls.owner], hulls.first[hulls.owner], at))
    return found


def _cross(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
