"""How two states of a tile differ: where, in which objects, and as the bytes that lead from one to the other."""

from typing import Any, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.packed_tile import values_of


class Difference(NamedTuple):
    """How two states of a tile differ.

    Attributes
    ----------
    bounds
        Holds all changed pixels.
    changed
        Ids that gained or lost pixels.
    present
        Ids in the part that was written, after it.
    xor
        As in `TileDelta`.
    """

    bounds: Window
    changed: frozenset[int]
    present: frozenset[int]
    xor: bytes


def difference(
    before: NDArray[Any] | None,
    after: NDArray[Any] | None,
    part: Window,
    shape: tuple[int, int],
    gone: frozenset[int] | None = None,
) -> Difference | None:
    """Compare two states of a tile in the `part` that was written; ``None`` when they are equal.

    Parameters
    ----------
    gone
        For a tile that was cleared as a whole: the ids that were in it, where they are known.
    """
    given = before if before is not None else after
    if given is None or before is after:
        return None
    old = None if before is None else before[part.slices]
    new = None if after is None else after[part.slices]
    change = given[part.slices] if old is None or new is None else old ^ new
    bounds = _bounds(change)
    if bounds is None:
        return None
    packed = zstandard.ZstdCompressor(level=1).compress(_placed(change, part, shape).data)
    packed = bytes(memoryview(packed))  # what `compress` returns holds on to the room for a whole tile
    present = frozenset[int]() if new is None else values_of(new)
    if old is None or new is None:
        changed = present or (values_of(change) if gone is None else gone)
    else:
        differs = change != 0
        changed = values_of(old[differs]) | values_of(new[differs])
    return Difference(bounds.shift(part.y0, part.x0), changed, present, packed)


def _placed(change: NDArray[Any], part: Window, shape: tuple[int, int]) -> NDArray[Any]:
    """Return `change` as the bytes of a whole tile, little-endian and row by row; it is in the `part` of it."""
    kind = change.dtype.newbyteorder("<")
    if part.shape == shape:
        return np.ascontiguousarray(change, kind)
    whole = np.zeros(shape, kind)
    whole[part.slices] = change
    return whole


def _bounds(values: NDArray[Any]) -> Window | None:
    """Return the smallest window around all pixels that are not 0."""
    rows = np.flatnonzero(values.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(values.any(axis=0))
    return Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
