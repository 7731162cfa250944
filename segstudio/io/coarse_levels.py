"""Coarse levels of a large image whose file holds none: made once, from top to bottom, and seen while they grow."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.pyramid import AVERAGED, SIDE, PyramidKey, shrunk, top_level
from segstudio.io.sources import ImageSource

#: Images, and copies in their files, up to so many pixels are shrunk each time they are looked at.
_SMALL: Final = 4096 * 4096
#: The finest level that is made has at most so many bytes; finer ones are read from the image when they are wanted.
_FINEST: Final = 128 * 2**20
#: Level 1 and the image itself are quickly read.
_FIRST: Final = 2
#: Rows that are made before they are told of, and what is read of them at once.
_BAND: Final = 1024
_PIECE: Final = 64 * 2**20
#: Pixels a side of what `picked` gives.
_PICKED: Final = 1024


@dataclass
class CoarseLevels:
    """A plane in a quarter, an eighth, … size.

    Attributes
    ----------
    size
        ``(height, width)`` of the image.
    first
        Level of the first of `levels`, as of a `PyramidKey`; each one after it is one higher.
    levels
        (h, w) or (h, w, channels) each, means of the pixels; the last one has one tile.
    picks
        Single pixels at equal distances, about a million: a sample of the values.
    rows
        Rows of the image that are done, from the top.
    problem
        Why a part of the image, 0 here, cannot be read; ``None`` where all can.
    """

    size: tuple[int, int]
    first: int
    levels: list[NDArray[Any]]
    picks: NDArray[Any]
    rows: int = field(default=0)
    problem: BadInput | None = field(default=None)

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.rows / self.size[0]

    def serves(self, key: PyramidKey) -> bool:
        """Whether it has a tile, or will have it."""
        return self.first <= key.level < self.first + len(self.levels)

    def ready(self, key: PyramidKey) -> bool:
        """Whether all of a tile that it serves is done."""
        return key.window.clip(self.size).y1 <= self.rows

    def tile(self, key: PyramidKey) -> NDArray[Any]:
        """Return a tile as `pyramid_tile` does."""
        area = key.window.clip(self.size)
        end = -(-area.y1 // (1 << key.level)), -(-area.x1 // (1 << key.level))
        part = Window(area.y0 >> key.level, area.x0 >> key.level, *end)
        return np.array(self.levels[key.level - self.first][part.slices])


def wants_coarse_levels(source: ImageSource) -> bool:
    """Whether an image is large, and its file holds no small copy of it."""
    sizes = (source.info.size, *source.levels)
    row = source.info.width * source.info.channels * np.dtype(source.info.dtype).itemsize
    return min(height * width for height, width in sizes) > _SMALL and row << first_level(source) <= _PIECE


def picked(source: ImageSource, plane: int = 0) -> NDArray[Any] | None:
    """Return single pixels of a plane at equal distances, about a thousand a side.

    ``None`` where this would take long: where pixels pass through a decoder.
    """
    if source.decodes != "nothing":
        return None
    (height, width), step = source.info.size, _step(source.info.size)
    rows = [source.read(Window(y, 0, y + 1, width), plane)[:, ::step] for y in range(0, height, step)]
    return np.concatenate(rows)


def build(
    source: ImageSource,
    plane: int,
    on_begin: Callable[[CoarseLevels], None] = lambda levels: None,
    on_rows: Callable[[], None] = lambda: None,
    given_up: Callable[[], bool] = lambda: False,
) -> CoarseLevels | None:
    """Read a plane from top to bottom and make its coarse levels.

    Parameters
    ----------
    on_begin
        Gets the levels before there is anything in them.
    on_rows
        Called after more rows are done.
    given_up
        Asked between two pieces.

    Returns
    -------
    The levels, ``None`` when they were given up.

    Raises
    ------
    BadInput
        It is damaged and cannot be read in parts, or it was closed.
    """
    info, first = source.info, first_level(source)
    made = levels_of(source, [np.zeros(shape, dtype) for shape, dtype in level_shapes(source)], 0)
    on_begin(made)
    factor, step = 1 << first, _step(info.size)
    band = max(_BAND, 1 << (first + len(made.levels) - 1))
    row_bytes = info.width * info.channels * np.dtype(info.dtype).itemsize
    rows = max(factor, min(band, _PIECE // row_bytes // factor * factor))
    for top in range(0, info.height, band):
        end = min(top + band, info.height)
        pieces = []
        for y in range(top, end, rows):
            if given_up():
                return None
            piece = _read(source, Window(y, 0, min(y + rows, end), info.width), plane, made)
            pieces.append(shrunk(piece, factor))
            picks = piece[-y % step :: step, ::step]
            made.picks[-(-y // step) : -(-y // step) + len(picks)] = picks
        part = np.concatenate(pieces)
        for number, level in enumerate(made.levels):
            part = shrunk(part, 2) if number else part
            start = top >> (first + number)
            level[start : start + len(part)] = part
        made.rows = end
        on_rows()
    return made


def _read(source: ImageSource, window: Window, plane: int, made: CoarseLevels) -> NDArray[Any]:
    """Return what can be read of a window, 0 for the rest."""
    try:
        return source.read(window, plane)
    except BadInput as error:
        if source.decodes == "planes" or error.code == "image-closed":
            raise
        made.problem = made.problem or error
    info = source.info
    out = np.zeros((*window.shape, *(() if info.channels == 1 else (info.channels,))), info.dtype)
    for y in range(window.y0, window.y1, SIDE):
        for x in range(window.x0, window.x1, SIDE):
            part = Window(y, x, y + SIDE, x + SIDE).intersect(window)
            with suppress(BadInput):
                out[part.shift(-window.y0, -window.x0).slices] = source.read(part, plane)
    return out


def level_shapes(source: ImageSource) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
    """Return shape and type of `CoarseLevels.picks` and of each of its levels."""
    info, first = source.info, first_level(source)
    dtype = np.dtype(info.dtype)
    averaged = dtype if dtype in AVERAGED else np.dtype(np.float32)
    trailing = () if info.channels == 1 else (info.channels,)
    factors = [1 << level for level in range(first, max(first, top_level(info.size)) + 1)]
    return [
        ((-(-info.height // factor), -(-info.width // factor), *trailing), kind)
        for factor, kind in ((_step(info.size), dtype), *((factor, averaged) for factor in factors))
    ]


def levels_of(source: ImageSource, parts: list[NDArray[Any]], rows: int) -> CoarseLevels:
    """Return coarse levels made of arrays as `level_shapes` says."""
    return CoarseLevels(source.info.size, first_level(source), parts[1:], parts[0], rows)


def first_level(source: ImageSource) -> int:
    """Return the finest level that is made of a large image; finer tiles are read from it."""
    info = source.info
    size = info.height * info.width * info.channels * np.dtype(info.dtype).itemsize
    level = _FIRST
    while size >> 2 * level > _FINEST:
        level += 1
    return level


def _step(size: tuple[int, int]) -> int:
    return -(-max(size) // _PICKED)
