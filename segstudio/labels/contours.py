"""Outlines of all objects of a label image along the edges of their pixels, at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def contours(
    labels: NDArray[np.integer[Any]], origin: tuple[float, float] = (0.0, 0.0)
) -> dict[int, tuple[NDArray[np.float64], ...]]:
    """Return the outlines of all objects.

    Parameters
    ----------
    labels
        ``(rows, columns)`` of integers; 0 and negative values are no objects.
    origin
        ``(x, y)`` added to all points: where the array lies in a larger image.

    Returns
    -------
    dict
        By ascending id the rings of the object, outer ones first, then holes. A ring is ``(N, 2)`` xy in
        pixel-corner coordinates (the pixel in row 0, column 0 covers 0..1), corners only, not closed. Outer rings
        go clockwise on the screen, holes the other way. Pixels that only share a corner are separate rings.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((4, 5), np.int32)
    >>> labels[1:3, 1:4] = 7
    >>> contours(labels)[7][0].tolist()
    [[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]]
    """
    rings = trace(labels, origin)
    cuts = rings.offsets.tolist()
    pieces = [rings.points[start:end] for start, end in pairwise(cuts)]
    return {object_id: tuple(pieces[first:last]) for object_id, first, last in rings.objects()}


@dataclass(frozen=True, eq=False)
class Rings:
    """All rings of a label image in one array, sorted by object, outer ones before holes.

    Attributes
    ----------
    points
        ``(M, 2)`` float64 xy.
    offsets
        ``(R + 1,)``: ring ``i`` is ``points[offsets[i]:offsets[i + 1]]``.
    ids
        ``(R,)``: the object of each ring.
    areas
        ``(R,)`` in pixels; negative for holes.
    """

    points: NDArray[np.float64]
    offsets: NDArray[np.int64]
    ids: NDArray[np.integer[Any]]
    areas: NDArray[np.float64]

    def ring(self, index: int) -> NDArray[np.float64]:
        """Return the points of one ring."""
        return self.points[self.offsets[index] : self.offsets[index + 1]]

    def objects(self) -> Iterator[tuple[int, int, int]]:
        """Yield for each object its id, its first ring and the one after its last."""
        first = np.flatnonzero(np.concatenate([[True], self.ids[1:] != self.ids[:-1]])[: len(self.ids)])
        last = np.append(first[1:], len(self.ids))
        yield from zip(self.ids[first].tolist(), first.tolist(), last.tolist(), strict=False)


def trace(labels: NDArray[np.integer[Any]], origin: tuple[float, float] = (0.0, 0.0)) -> Rings:
    """Return the outlines of all objects of `labels` ``(rows, columns)`` in one array; see `contours`.

    Raises
    ------
    TypeError
        `labels` holds no integers.
    ValueError
        `labels` is not two-dimensional.

    Notes
    -----
    An object's boundary consists of directed cracks between pixels with the object on their right. Straight
    cracks form runs; a ring alternates between horizontal and vertical runs, and a run's end is the start of the
    next. Where an object touches itself at a corner the path turns right, which keeps it to one of both pixels
    (4-connectivity). So a ring is a cycle of the permutation "next horizontal run"; all cycles are cut once,
    chained into one path, and that path is walked by one depth-first search in compiled code.
    """
    padded = without_negative(labels, ((1, 1), (1, 1)))
    width = padded.shape[1]
    flat = padded.ravel()
    if flat.max() == 0:
        none = np.zeros(0, np.int64)
        return Rings(np.zeros((0, 2)), np.zeros(1, np.int64), none.astype(labels.dtype), np.zeros(0))
    across, down = _horizontal(flat, width), _vertical(flat, width)
    # Numbers of horizontal runs are two sorted halves, which a stable sort merges in no time.
    to_down = _match(np.argsort(across.follow, kind="stable"), np.argsort(down.at))
    to_across = _match(np.argsort(down.follow), np.argsort(across.at, kind="stable"))
    return _ordered(across, to_across[to_down], width, origin)


def without_negative(
    labels: NDArray[np.integer[Any]], margin: tuple[tuple[int, int], tuple[int, int]]
) -> NDArray[np.integer[Any]]:
    """Return a copy with a margin of zeros (as `numpy.pad` takes it) and 0 for negative values.

    It is uint16 where that holds all ids: what follows reads every pixel several times.

    Raises
    ------
    TypeError, ValueError
        See `trace`.
    """
    if labels.ndim != 2:
        raise ValueError(f"A label image has two axes, not {labels.ndim}.")
    if labels.dtype.kind not in "iub":
        raise TypeError(f"A label image holds integers, not {labels.dtype}.")
    values = labels.view(np.uint8) if labels.dtype.kind == "b" else labels
    (top, bottom), (left, right) = margin
    rows, columns = labels.shape
    if values.size and values.min() < 0:
        values = np.maximum(values, 0)
    narrow = values.dtype.itemsize > 2 and values.max(initial=0) <= np.iinfo(np.uint16).max
    out = np.zeros((rows + top + bottom, columns + left + right), np.uint16 if narrow else values.dtype)
    np.copyto(out[top : top + rows, left : left + columns], values, casting="unsafe")
    return out


class _Runs(NamedTuple):
    """Straight pieces of boundary. A vertex is numbered as the padded pixel to its upper left."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    ids: NDArray[np.integer[Any]]
    #: Twice the vertex of the start, plus 1 for the second of both directions of this axis: unique.
    at: NDArray[np.int64]
    #: The `at` of the run of the other axis that follows.
    follow: NDArray[np.int64]


def _horizontal(flat: NDArray[Any], width: int) -> _Runs:
    """Return the top edges (to the right) and after them the bottom edges (to the left) of objects."""
    cracks = np.flatnonzero(flat[width:] != flat[:-width])
    jump = np.diff(cracks) != 1
    first, last, ids = _group(cracks, jump, flat[cracks + width])
    top = first - 1, last, ids
    # At the end: turn right (down) unless the pixel ahead belongs to the object too, then left (up).
    top_next = 2 * last + (flat[last + width + 1] == ids)
    first, last, ids = _group(cracks, jump, flat[cracks])
    bottom = last, first - 1, ids
    bottom_next = 2 * (first - 1) + (flat[first - 1] != ids)
    return _join(top, bottom, top_next, bottom_next)


def _vertical(flat: NDArray[Any], width: int) -> _Runs:
    """Return the right edges (downwards) and after them the left edges (upwards) of objects."""
    cracks = np.flatnonzero(flat[1:] != flat[:-1])
    column = (cracks % width).astype(np.uint16 if width <= 1 << 16 else np.uint32)
    cracks = cracks[np.argsort(column, kind="stable")]
    jump = np.diff(cracks) != width
    first, last, ids = _group(cracks, jump, flat[cracks])
    right = first - width, last, ids
    right_next = 2 * last + (flat[last + width] != ids)
    first, last, ids = _group(cracks, jump, flat[cracks + 1])
    left = last, first - width, ids
    left_next = 2 * (first - width) + (flat[first - width + 1] == ids)
    return _join(right, left, right_next, left_next)


def _group(
    cracks: NDArray[np.int64], jump: NDArray[np.bool_], ids: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return first and last crack and the object of each run; `jump` says which cracks are not neighbours."""
    change = jump | (ids[1:] != ids[:-1])
    real = ids > 0
    starts = np.flatnonzero(real & np.concatenate([[True], change]))
    ends = np.flatnonzero(real & np.concatenate([change, [True]]))
    return cracks[starts], cracks[ends], ids[starts]


def _join(
    one: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]],
    other: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]],
    one_next: NDArray[np.int64],
    other_next: NDArray[np.int64],
) -> _Runs:
    start, end, ids = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    at = 2 * start
    at[len(one[0]) :] += 1
    return _Runs(start, end, ids, at, np.concatenate([one_next, other_next]))


def _match(wanted: NDArray[np.int64], present: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the value of each element of one array is in another, given how either is sorted.

    Both hold the same values, each once.
    """
    out = np.empty(len(wanted), np.int64)
    out[wanted] = present
    return out


def _ordered(runs: _Runs, follow: NDArray[np.int64], width: int, origin: tuple[float, float]) -> Rings:
    """Return the rings, given which horizontal run follows which."""
    # Graphs take a third of a second to import, and the window is there before anything has an outline.
    from scipy.sparse.csgraph import connected_components, depth_first_order

    count = len(follow)
    rows, start_x, end_x = runs.start // width, runs.start % width, runs.end % width
    cycles, cycle = connected_components(_graph(follow, count), directed=False)
    areas = np.bincount(cycle, (start_x - end_x) * rows, cycles).astype(np.float64)
    leader = np.empty(cycles, np.int64)
    # The last assignment wins: the first run of each cycle, which for outer rings is their top left one.
    leader[cycle[::-1]] = np.arange(count - 1, -1, -1)
    order = np.lexsort((leader, areas < 0, runs.ids[leader]))
    leader = leader[order]
    before = np.empty(count, np.int64)
    before[follow] = np.arange(count)
    path = follow.copy()
    path[before[leader[:-1]]] = leader[1:]
    path[before[leader[-1]]] = leader[0]
    walk = depth_first_order(_graph(path, count), int(leader[0]), return_predecessors=False)
    points = np.empty((2 * count, 2))
    points[0::2, 0], points[1::2, 0] = start_x[walk], end_x[walk]
    points[0::2, 1] = points[1::2, 1] = rows[walk]
    points += origin
    sizes = 2 * np.bincount(cycle, minlength=cycles)[order]
    return Rings(points, np.concatenate([[0], np.cumsum(sizes)]), runs.ids[leader], areas[order])


def _graph(follow: NDArray[np.int64], count: int) -> "csr_matrix":
    from scipy.sparse import csr_matrix  # late: see `_ordered`

    return csr_matrix((np.ones(count, np.int8), follow, np.arange(count + 1)), shape=(count, count))
