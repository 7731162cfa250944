"""An image in half, quarter, … size: tiles of a pyramid that is made as it is needed, in pieces of bounded size."""

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.io.sources import ImageSource

#: Types that are averaged as they are.
AVERAGED: Final = (np.uint8, np.uint16, np.float32)
#: Pixels a side of a tile, at every level.
SIDE = 512
#: Image pixels a side that are read at once while a coarse tile is made.
_CHUNK = 2048


@dataclass(frozen=True, slots=True, order=True)
class PyramidKey:
    """Tile of level `level`, where a pixel is the mean of ``2**level`` x ``2**level`` image pixels."""

    level: int
    row: int
    column: int

    @property
    def window(self) -> Window:
        """Image pixels that it shows; may reach beyond the image."""
        side = SIDE << self.level
        return Window(self.row * side, self.column * side, (self.row + 1) * side, (self.column + 1) * side)


def pyramid_tile(source: ImageSource, key: PyramidKey, plane: int = 0) -> NDArray[Any]:
    """Return the pixels of a tile, averaged over areas of the image or of the copy in its file that fits best.

    What is read at once is bounded.
    """
    area = key.window.clip(source.info.size)
    if key.level == 0:
        return source.read(area, plane)
    factor = 1 << key.level
    level = _best_level(source, factor)
    if level:
        return _from_copy(source, level, area, factor, plane)
    chunk = max(_CHUNK, factor)
    rows = []
    for y in range(area.y0, area.y1, chunk):
        row = []
        for x in range(area.x0, area.x1, chunk):
            piece = source.read(Window(y, x, y + chunk, x + chunk).intersect(area), plane)
            row.append(shrunk(piece, factor))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def _best_level(source: ImageSource, factor: int) -> int:
    """Return the number of the smallest copy that has no less pixels than wanted; 0 for the image itself."""
    height, width = source.info.size
    best = 0
    for number, (rows, columns) in enumerate(source.levels, start=1):
        # A copy rounded down to whole pixels still fits: 333 rows are a third of 1000.
        if height / (rows + 1) < factor and width / (columns + 1) < factor:
            best = number
    return best


def _from_copy(source: ImageSource, level: int, area: Window, factor: int, plane: int) -> NDArray[Any]:
    rows, columns = source.levels[level - 1]
    # Copies are stored at whole factors of the image as a rule; that of the sides is off by rounding.
    step = max(source.info.height / rows, source.info.width / columns)
    step = round(step) if abs(step - round(step)) * max(rows, columns) < step else step
    part = Window(
        min(int(area.y0 / step), rows - 1),
        min(int(area.x0 / step), columns - 1),
        min(math.ceil(area.y1 / step), rows),
        min(math.ceil(area.x1 / step), columns),
    )
    size = -(-area.height // factor), -(-area.width // factor)
    pixels = source.read_level(level, part, plane)
    return pixels if pixels.shape[:2] == size else _resized(pixels, size)


def shrunk(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return means over squares of `factor` pixels a side, smaller at the far edges.

    Of the type of the pixels; float32 where areas of that type cannot be averaged.
    """
    height, width = pixels.shape[:2]
    rows, columns = height // factor * factor, width // factor * factor
    if (rows, columns) == (height, width) or min(rows, columns) == 0:
        return _resized(pixels, (max(1, -(-height // factor)), max(1, -(-width // factor))))
    # Whole squares by themselves: then each is the mean of its own pixels, and it is much quicker.
    parts = [shrunk(pixels[:rows, :columns], factor)]
    if columns < width:
        parts = [np.concatenate([parts[0], shrunk(pixels[:rows, columns:], factor)], axis=1)]
    if rows < height:
        parts.append(shrunk(pixels[rows:], factor))
    return np.concatenate(parts)


def _resized(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if pixels.dtype not in AVERAGED:
        pixels = pixels.astype(np.float32)
    return np.asarray(cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_AREA))


def top_level(size: tuple[int, int]) -> int:
    """Return the level whose one tile shows a whole image of ``(height, width)`` pixels."""
    level = 0
    while max(size) > SIDE << level:
        level += 1
    return level


def overview(source: ImageSource, plane: int = 0) -> NDArray[Any]:
    """Return a whole plane with at most `SIDE` pixels a side, in memory that does not grow with the image.

    Parameters
    ----------
    source
        Any open image.
    plane
        As for `ImageSource.read`.

    Returns
    -------
    (h, w) or (h, w, channels); the type of the image, float32 where areas of that type cannot be averaged.

    Raises
    ------
    BadInput
        The pixels are damaged.
    """
    return pyramid_tile(source, PyramidKey(top_level(source.info.size), 0, 0), plane)
