"""Whether two pixels some way apart belong to one object: the edges that affinities are learned for."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Offset = tuple[int, int]


def edge_offsets(reach: int) -> tuple[Offset, ...]:
    """Return (rows, columns) from a pixel to the other ends of its edges: two near ones, then six far ones.

    The far ones are a third of `reach`, `reach`, and as far on the diagonals. Turned by quarter turns or mirrored,
    the set is itself again, up to the direction in which an edge is looked at.

    Examples
    --------
    >>> edge_offsets(9)
    ((0, 1), (1, 0), (0, 3), (3, 0), (0, 9), (9, 0), (6, 6), (6, -6))
    """
    third, diagonal = max(2, round(reach / 3)), max(2, round(reach * 0.7071))
    return (0, 1), (1, 0), (0, third), (third, 0), (0, reach), (reach, 0), (diagonal, diagonal), (diagonal, -diagonal)


def edge_signs(labels: NDArray[np.int32], offsets: Sequence[Offset]) -> NDArray[np.float32]:
    """Return ``(len(offsets), H, W)``: 1 where a pixel and the one at the offset lie in one object, -1 where not.

    Parameters
    ----------
    labels
        ``(H, W)`` int32 object ids, 0 background, -1 not known.

    Notes
    -----
    It is 0, which carries no loss, where one end is unknown or beyond the image, and where both ends are background:
    the foreground says that.
    """
    signs = np.zeros((len(offsets), *labels.shape), np.float32)
    for plane, (dy, dx) in zip(signs, offsets, strict=True):
        here, there = _ends(labels.shape, dy, dx)
        one, other = labels[here], labels[there]
        known = (one >= 0) & (other >= 0) & ((one > 0) | (other > 0))
        plane[here] = np.where(known, np.where(one == other, 1, -1), 0)
    return signs


def moved_edges(offsets: Sequence[Offset], move: Callable[[Offset], Offset]) -> list[tuple[int, Offset]]:
    """Return for each of `offsets` which channel, and at which offset from a pixel, holds its edge after a turn.

    `move` says where an offset points after the turn. An edge that is then looked at from its other end is found in
    the pixel at that end: the second value, ``(0, 0)`` otherwise.
    """
    after = [move(offset) for offset in offsets]
    sources = []
    for dy, dx in offsets:
        if (dy, dx) in after:
            sources.append((after.index((dy, dx)), (0, 0)))
        else:
            sources.append((after.index((-dy, -dx)), (dy, dx)))
    return sources


def _ends(shape: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the window of pixels that have another one at ``(dy, dx)`` in an image, and the window of those."""
    rows, columns = shape
    here = (slice(max(0, -dy), max(0, rows - max(0, dy))), slice(max(0, -dx), max(0, columns - max(0, dx))))
    there = (slice(max(0, dy), max(0, rows + min(0, dy))), slice(max(0, dx), max(0, columns + min(0, dx))))
    return here, there


def seen_from(planes: NDArray[np.float32], dy: int, dx: int) -> NDArray[np.float32]:
    """Return ``planes[..., y + dy, x + dx]`` at each pixel, 0 where that lies beyond the image; a view for (0, 0)."""
    if (dy, dx) == (0, 0):
        return planes
    result = np.zeros_like(planes)
    here, there = _ends(planes.shape[-2:], dy, dx)
    result[..., *here] = planes[..., *there]
    return result
