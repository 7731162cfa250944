"""Windows in which the objects of a large plane lie whole, so that it is never in memory as one array."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.label_map import TILE, LabelMap

#: Planes up to so many pixels are one block.
_WHOLE = 4096 * 4096
#: Pixels of the largest window that is read for one object; its pixels and those of the image take 500 MB.
LARGEST = 8192 * 8192
#: Side of a block, tiles; its window has one more, so that objects up to the size of a tile are in it.
_SIDE = 4


def object_blocks(labels: LabelMap) -> Iterator[tuple[Window, NDArray[Any]]]:
    """Yield windows with the labels in them; each object is in one of them, and whole.

    An object that reaches over more than `LARGEST` pixels is left out.

    Parameters
    ----------
    labels
        Its index is brought up to date: a `snapshot` where others use the plane.

    Yields
    ------
    tuple
        The window, and its pixels without those of objects that are in other blocks.
    """
    if labels.shape[0] * labels.shape[1] <= _WHOLE:
        yield Window.whole(labels.shape), labels.to_array()
        return
    for window, ids in _blocks(labels):
        area = window.clip(labels.shape)
        values = labels.read(area)
        mine = np.zeros(max(int(values.max(initial=0)), *ids) + 1, np.bool_)
        mine[ids] = True
        values[~mine[np.maximum(values, 0)]] = 0
        yield area, values


def _blocks(labels: LabelMap) -> Iterator[tuple[Window, list[int]]]:
    blocks: dict[tuple[int, int], list[int]] = {}
    for value in labels.values() - {0}:
        rows, columns = zip(*labels.tiles_with(value), strict=True)
        top, left, bottom, right = min(rows), min(columns), max(rows) + 1, max(columns) + 1
        block = top // _SIDE, left // _SIDE
        if bottom <= (block[0] + 1) * _SIDE + 1 and right <= (block[1] + 1) * _SIDE + 1:
            blocks.setdefault(block, []).append(value)
        elif (bottom - top) * (right - left) * TILE**2 <= LARGEST:
            yield Window(top * TILE, left * TILE, bottom * TILE, right * TILE), [value]
    for (row, column), ids in sorted(blocks.items()):
        top, left, side = row * _SIDE * TILE, column * _SIDE * TILE, (_SIDE + 1) * TILE
        yield Window(top, left, top + side, left + side), ids
