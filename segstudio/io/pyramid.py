"""An image in half, quarter, … size: tiles of a pyramid that is made as it is needed, in pieces of bounded size."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.io.sources import ImageSource

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
    """Return the pixels of a tile, read in pieces of bounded size and averaged over areas."""
    area = key.window.clip(source.info.size)
    if key.level == 0:
        return source.read(area, plane)
    factor = 1 << key.level
    chunk = max(_CHUNK, factor)
    rows = []
    for y in range(area.y0, area.y1, chunk):
        row = []
        for x in range(area.x0, area.x1, chunk):
            piece = source.read(Window(y, x, y + chunk, x + chunk).intersect(area), plane)
            row.append(_shrunk(piece, factor))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def _shrunk(pixels: NDArray[Any], factor: int) -> NDArray[Any]:
    size = max(1, -(-pixels.shape[1] // factor)), max(1, -(-pixels.shape[0] // factor))
    if pixels.dtype in (np.uint8, np.uint16, np.float32):
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return np.asarray(cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA))


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
