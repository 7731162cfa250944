"""One plane of the labels of a stack, used as if it were all there is."""

from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

from segstudio.core.stack_shape import LABEL_TILE, plane_size, plane_start
from segstudio.core.tiles import TileGrid, TileKey, Window
from segstudio.labels.label_map import LabelMap, Stored


class LabelPage(LabelMap):
    """A view of one plane of a stack: what is written to one is in the other.

    Parameters
    ----------
    stack
        Labels of all planes; its shape is a `StackShape`.
    plane
        Which one, from 0.
    """

    def __init__(self, stack: LabelMap, plane: int) -> None:
        self.shape = plane_size(stack.shape)
        self.dtype = stack.dtype
        self.grid = TileGrid(self.shape, LABEL_TILE)
        self.stack = stack
        self.plane = plane
        self._start = plane_start(stack.shape, plane)
        self._row = self._start // LABEL_TILE

    def _there(self, key: TileKey) -> TileKey:
        return key[0] + self._row, key[1]

    def _here(self, keys: Iterable[TileKey]) -> list[TileKey]:
        end = self._row + self.grid.rows
        return [(row - self._row, column) for row, column in keys if self._row <= row < end]

    def _all(self) -> list[TileKey]:
        return [key for key in self.grid.keys() if self.holds(key)]  # noqa: SIM118 - a method of the grid

    def read(self, window: Window) -> NDArray[Any]:
        """Return a copy of the pixels of `window`, clipped to the plane."""
        return self.stack.read(window.clip(self.shape).shift(self._start, 0))

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Set the pixels of `window`; what lies outside of the plane is dropped.

        Raises
        ------
        ValueError
            `values` has another shape than `window`.
        """
        if values.shape != window.shape:
            raise ValueError(f"Values of shape {values.shape} for a window of shape {window.shape}.")
        part = window.clip(self.shape)
        if not part.empty:
            self.stack.write(part.shift(self._start, 0), values[part.shift(-window.y0, -window.x0).slices])

    def tile(self, key: TileKey) -> NDArray[Any] | None:
        """Return the stored tile itself (not to be changed), or ``None`` when it is all 0."""
        return self.stack.tile(self._there(key))

    def share(self, key: TileKey) -> NDArray[Any] | None:
        """Return the tile as it is now, read-only and never changed later, or ``None`` when it is all 0."""
        return self.stack.share(self._there(key))

    def stored(self, key: TileKey) -> Stored | None:
        """Return the tile as it is kept, compressed or read-only and never changed later; ``None`` when it is all 0."""
        return self.stack.stored(self._there(key))

    def keep(self, key: TileKey, tile: Stored) -> None:
        """Replace a tile by one that `stored` of a plane of the same shape and type returned."""
        self.stack.keep(self._there(key), tile)

    def coarse(self, key: TileKey) -> NDArray[Any] | None:
        """Return a tile made smaller; see `LabelMap.coarse`."""
        return self.stack.coarse(self._there(key))

    def holds(self, key: TileKey) -> bool:
        """Return whether a tile is stored; one that is not is all 0."""
        return self.stack.holds(self._there(key))

    def set_tile(self, key: TileKey, values: NDArray[Any] | None) -> None:
        """Replace a tile; see `LabelMap.set_tile`."""
        self.stack.set_tile(self._there(key), values)

    def exchange(self, key: TileKey, values: NDArray[Any] | None) -> None:
        """Replace a tile by one that is known to fit; see `LabelMap.exchange`."""
        self.stack.exchange(self._there(key), values)

    def fill(self, keys: Iterable[TileKey], value: int) -> None:
        """Set whole tiles to `value`; tiles of one shape share one read-only array."""
        self.stack.fill(map(self._there, keys), value)

    def keys(self) -> list[TileKey]:
        """Return the keys of the stored tiles, row by row."""
        return self._all()

    def value(self, y: int, x: int) -> int:
        """Return the pixel at row `y`, column `x`; 0 outside of the plane."""
        return self.stack.value(y + self._start, x) if 0 <= y < self.shape[0] else 0

    @property
    def blank(self) -> bool:
        """Whether every pixel is 0."""
        return not any(tile is not None and tile.any() for tile in map(self.tile, self._all()))

    def is_full(self) -> bool:
        """Return whether no pixel is 0."""
        tiles = [self.tile(key) for key in self.grid.keys()]  # noqa: SIM118
        return all(tile is not None and tile.all() for tile in {id(tile): tile for tile in tiles}.values())

    def digest(self, key: TileKey) -> bytes:
        """Return the digest of a tile, remembered until the tile changes."""
        return self.stack.digest(self._there(key))

    def snapshot(self) -> "LabelMap":
        """Return the plane as it is now, for another thread; shares the tiles until they are written again."""
        return LabelPage(self.stack.snapshot(), self.plane)

    def become(self, other: "LabelMap") -> None:
        """Take over all tiles of another plane.

        Raises
        ------
        ValueError
            `other` has another shape or type.
        """
        if (other.shape, other.dtype) != (self.shape, self.dtype):
            raise ValueError(f"A plane of {other.shape} {other.dtype} for one of {self.shape} {self.dtype}.")
        for key in self.grid.keys():  # noqa: SIM118
            tile = other.stored(key)
            if tile is None:
                self.set_tile(key, None)
            else:
                self.keep(key, tile)

    def tiles_with(self, value: int) -> list[TileKey]:
        """Return the tiles that hold `value`, row by row; 0 is not indexed."""
        return self._here(self.stack.tiles_with(value))

    def tiles_with_any(self, values: Iterable[int]) -> list[TileKey]:
        """Return the tiles that hold one of `values`, row by row; 0 is not indexed."""
        return self._here(self.stack.tiles_with_any(values))

    def window_of(self, value: int, keys: Iterable[TileKey] | None = None) -> Window | None:
        """Return the smallest window that holds all pixels of `value`, ``None`` when there are none."""
        chosen = self.tiles_with(value) if keys is None else keys
        found = self.stack.window_of(value, map(self._there, chosen))
        return None if found is None else found.shift(-self._start, 0)

    def values(self) -> set[int]:
        """Return the values in use, without 0."""
        return set[int]().union(*(self.values_in(key) for key in self.grid.keys()))  # noqa: SIM118

    def values_in(self, key: TileKey) -> frozenset[int]:
        """Return the values in one tile, without 0; the other tiles are not looked at."""
        return self.stack.values_in(self._there(key))

    def known_values(self, key: TileKey) -> frozenset[int] | None:
        """Return the values in one tile, without 0, where the index has them; it is not brought up to date."""
        return self.stack.known_values(self._there(key))

    @property
    def indexed(self) -> bool:
        """Whether the index of ids is up to date, of all planes."""
        return self.stack.indexed

    def index(self) -> None:
        """Bring the index of ids up to date, of all planes."""
        self.stack.index()

    def take_index(self, snapshot: "LabelMap") -> None:
        """Take over index and digests of a `snapshot` of this plane that another thread brought up to date."""
        self.stack.take_index(snapshot.stack if isinstance(snapshot, LabelPage) else snapshot)


def whole_stack(plane: LabelMap) -> LabelMap:
    """Return the labels of all planes of the stack that `plane` is of; itself when it is of none."""
    return plane.stack if isinstance(plane, LabelPage) else plane


def page(stack: LabelMap, plane: int) -> LabelMap:
    """Return one plane of labels; the labels of a flat image are their only plane."""
    return stack if plane == 0 and plane_size(stack.shape) == stack.shape else LabelPage(stack, plane)
