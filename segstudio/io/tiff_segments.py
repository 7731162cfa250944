"""Strips and tiles of a TIFF page: their size, their places, and which of them lie under a window."""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import tifffile

from segstudio.core.tiles import Window

#: Compressions whose strips need tables from elsewhere in the file.
JPEG_COMPRESSIONS: Final = frozenset({6, 7, 34892, 33007})


def segment_shape(key: tifffile.TiffPage) -> tuple[int, int]:
    """Return rows and columns of a strip or tile."""
    if key.is_tiled:
        return key.tilelength, key.tilewidth
    return min(key.rowsperstrip, key.imagelength), key.imagewidth


def segment_bytes(key: tifffile.TiffPage) -> int:
    """Return how many bytes the pixels of a strip or tile take."""
    rows, columns = segment_shape(key)
    return rows * columns * int(key.shaped[4]) * np.dtype(key.dtype).itemsize


def segment_place(key: tifffile.TiffPage, index: int) -> tuple[int, ...]:
    """Return where a strip or tile begins: sample, depth, row, column, 0."""
    rows, columns = segment_shape(key)
    across, down = math.ceil(key.imagewidth / columns), math.ceil(key.imagelength / rows)
    return index // (across * down), 0, index // across % down * rows, index % across * columns, 0


def segments_under(key: tifffile.TiffPage, window: Window) -> Iterator[int]:
    """Yield the numbers of the strips or tiles that touch a window, of each sample that is stored by itself."""
    rows, columns = segment_shape(key)
    across, down = math.ceil(key.imagewidth / columns), math.ceil(key.imagelength / rows)
    for sample in range(key.shaped[0]):
        for row in range(window.y0 // rows, (window.y1 - 1) // rows + 1):
            for column in range(window.x0 // columns, (window.x1 - 1) // columns + 1):
                yield (sample * down + row) * across + column
