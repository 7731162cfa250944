"""Windows into an image and grids of tiles: pure arithmetic on half-open pixel rectangles."""

from collections.abc import Iterator
from dataclasses import dataclass

from segstudio.core.stack_shape import StackShape, plane_size, plane_start


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open pixel rectangle ``[y0, y1) x [x0, x1)``."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def height(self) -> int:
        """Rows."""
        return max(0, self.y1 - self.y0)

    @property
    def width(self) -> int:
        """Columns."""
        return max(0, self.x1 - self.x0)

    @property
    def shape(self) -> tuple[int, int]:
        """``(rows, columns)``."""
        return self.height, self.width

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.height == 0 or self.width == 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing an array of the whole image."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def intersect(self, other: "Window") -> "Window":
        """Return the pixels in both; may be empty."""
        return Window(max(self.y0, other.y0), max(self.x0, other.x0), min(self.y1, other.y1), min(self.x1, other.x1))

    def union(self, other: "Window") -> "Window":
        """Return the smallest window that holds both."""
        if self.empty:
            return other
        if other.empty:
            return self
        return Window(min(self.y0, other.y0), min(self.x0, other.x0), max(self.y1, other.y1), max(self.x1, other.x1))

    def grow(self, margin: int) -> "Window":
        """Return the window with `margin` more pixels on each side."""
        return Window(self.y0 - margin, self.x0 - margin, self.y1 + margin, self.x1 + margin)

    def clip(self, shape: tuple[int, int]) -> "Window":
        """Return the part inside an image of `shape` ``(rows, columns)``."""
        return self.intersect(Window(0, 0, shape[0], shape[1]))

    def shift(self, dy: int, dx: int) -> "Window":
        """Return the window moved by `dy` rows and `dx` columns."""
        return Window(self.y0 + dy, self.x0 + dx, self.y1 + dy, self.x1 + dx)

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> "Window":
        """Return the window of a whole image."""
        return cls(0, 0, shape[0], shape[1])


def plane_window(shape: tuple[int, int], plane: int) -> Window:
    """Return where a plane lies in labels of `shape`."""
    return Window.whole(plane_size(shape)).shift(plane_start(shape, plane), 0)


TileKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TileGrid:
    """An image of `shape` cut into square tiles of `size`; tiles at the far edges are smaller, those of each plane."""

    shape: tuple[int, int]
    size: int

    @property
    def rows(self) -> int:
        """Number of tile rows."""
        return -(-self.shape[0] // self.size)

    @property
    def columns(self) -> int:
        """Number of tile columns."""
        return -(-self.shape[1] // self.size)

    def window(self, key: TileKey) -> Window:
        """Return the pixels of the tile `key` ``(row, column)``."""
        y, x = key[0] * self.size, key[1] * self.size
        return Window(y, x, min(y + self.size, self._end(y)), min(x + self.size, self.shape[1]))

    def tile_shape(self, key: TileKey) -> tuple[int, int]:
        """Return ``(rows, columns)`` of the tile `key`."""
        y, x = key[0] * self.size, key[1] * self.size
        return min(self.size, self._end(y) - y), min(self.size, self.shape[1] - x)

    def _end(self, row: int) -> int:
        return self.shape.end(row) if isinstance(self.shape, StackShape) else self.shape[0]

    def covered(self, window: Window) -> Iterator[TileKey]:
        """Yield the tiles that lie wholly in `window`, row by row."""
        part = window.clip(self.shape)
        if part.empty:
            return
        bottom = -(-part.y1 // self.size) if part.y1 >= self._end(part.y1 - 1) else part.y1 // self.size
        right = self.columns if part.x1 == self.shape[1] else part.x1 // self.size
        for row in range(-(-part.y0 // self.size), bottom):
            for column in range(-(-part.x0 // self.size), right):
                yield row, column

    def keys(self, window: Window | None = None) -> Iterator[TileKey]:
        """Yield the tiles that touch `window`, row by row; all when ``None``."""
        part = Window.whole(self.shape) if window is None else window.clip(self.shape)
        if part.empty:
            return
        for row in range(part.y0 // self.size, (part.y1 - 1) // self.size + 1):
            for column in range(part.x0 // self.size, (part.x1 - 1) // self.size + 1):
                yield row, column
