"""One plane of labels, kept as sparse square tiles."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from segstudio.core.stack_shape import LABEL_TILE, StackShape
from segstudio.core.tiles import TileGrid, TileKey, Window
from segstudio.labels.digest import tile_digest
from segstudio.labels.packed_tile import PackedTile, coarse_of, values_of

TILE = LABEL_TILE

#: A tile as it is kept.
Stored = NDArray[Any] | PackedTile


class LabelMap:
    """A plane of integers; a missing tile is all 0.

    Parameters
    ----------
    shape
        ``(rows, columns)``; a `StackShape` for the labels of several planes.
    dtype
        int32 for object ids, uint8 for regions.

    Notes
    -----
    Tiles are copied on write: once an array was handed out by `share` or `snapshot` it is read-only, and the
    next write replaces it by a copy. So the state before a gesture and the state that a checkpoint is writing
    on another thread cost nothing until they are painted over. Tiles that come from a label file stay compressed
    until they are written: labels that fill an image of 40,000 pixels a side take about 100 MB.
    """

    def __init__(self, shape: tuple[int, int], dtype: DTypeLike = np.int32) -> None:
        self.shape = shape if isinstance(shape, StackShape) else (int(shape[0]), int(shape[1]))
        self.dtype = np.dtype(dtype)
        self.grid = TileGrid(self.shape, TILE)
        self._tiles: dict[TileKey, Stored] = {}
        self._digests: dict[TileKey, bytes] = {}
        # Which tiles hold an id: filled on first question, then kept up tile by tile.
        self._ids: dict[TileKey, frozenset[int]] = {}
        self._where: dict[int, set[TileKey]] = {}
        self._stale: set[TileKey] = set()

    def read(self, window: Window) -> NDArray[Any]:
        """Return a copy of the pixels of `window`, clipped to the plane."""
        part = window.clip(self.shape)
        out = np.zeros(part.shape, self.dtype)
        for key in self.grid.keys(part):
            if key in self._tiles:
                area = self.grid.window(key)
                both = area.intersect(part)
                if both.empty:  # between two planes of a stack
                    continue
                tile = self._values(key)
                out[both.shift(-part.y0, -part.x0).slices] = tile[both.shift(-area.y0, -area.x0).slices]
        return out

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
        for key in self.grid.keys(part):
            area = self.grid.window(key)
            both = area.intersect(part)
            if both.empty:
                continue
            source = values[both.shift(-window.y0, -window.x0).slices]
            if key not in self._tiles:
                if not source.any():
                    continue
                tile = np.zeros(area.shape, self.dtype)
            elif not (tile := self._values(key)).flags.writeable:
                tile = tile.copy()
            tile[both.shift(-area.y0, -area.x0).slices] = source
            self._tiles[key] = tile
            self._touch(key)

    def tile(self, key: TileKey) -> NDArray[Any] | None:
        """Return the pixels of a tile (not to be changed), or ``None`` when it is all 0."""
        return self._values(key) if key in self._tiles else None

    def share(self, key: TileKey) -> NDArray[Any] | None:
        """Return the tile as it is now, read-only and never changed later, or ``None`` when it is all 0."""
        if key not in self._tiles:
            return None
        tile = self._values(key)
        tile.flags.writeable = False
        return tile

    def stored(self, key: TileKey) -> Stored | None:
        """Return the tile as it is kept, compressed or read-only and never changed later; ``None`` when it is all 0."""
        tile = self._tiles.get(key)
        return tile if isinstance(tile, PackedTile) else self.share(key)

    def keep(self, key: TileKey, tile: Stored) -> None:
        """Replace a tile by one that `stored` of a plane of the same shape and type returned."""
        self._tiles[key] = tile
        self._touch(key)

    def coarse(self, key: TileKey) -> NDArray[Any] | None:
        """Return a tile made smaller, see `coarse_of`; ``None`` when it is all 0."""
        tile = self._tiles.get(key)
        if isinstance(tile, PackedTile):
            return tile.coarse
        return None if tile is None else coarse_of(tile)

    def holds(self, key: TileKey) -> bool:
        """Return whether a tile is stored; one that is not is all 0."""
        return key in self._tiles

    def _values(self, key: TileKey) -> NDArray[Any]:
        tile = self._tiles[key]
        return tile.values() if isinstance(tile, PackedTile) else tile

    def set_tile(self, key: TileKey, values: NDArray[Any] | None) -> None:
        """Replace a tile; `values` is taken over without a copy, ``None`` or all 0 removes the tile.

        Raises
        ------
        ValueError
            `values` does not have the shape of the tile.
        """
        if values is None or not values.any():
            self._tiles.pop(key, None)
        else:
            shape = self.grid.window(key).shape
            if values.shape != shape:
                raise ValueError(f"Tile {key} has shape {shape}, not {values.shape}.")
            same = values.dtype == self.dtype and values.flags.c_contiguous
            self._tiles[key] = values if same else np.ascontiguousarray(values, self.dtype)
        self._touch(key)

    def exchange(self, key: TileKey, values: NDArray[Any] | None) -> None:
        """Replace a tile, as `set_tile` does, by one that is known to fit.

        Parameters
        ----------
        values
            Read-only, of shape and type of the tile, not all 0; ``None`` for all 0.
        """
        if values is None:
            self._tiles.pop(key, None)
        else:
            self._tiles[key] = values
        self._touch(key)

    def fill(self, keys: Iterable[TileKey], value: int) -> None:
        """Set whole tiles to `value`; tiles of one shape share one read-only array."""
        shared: dict[tuple[int, int], tuple[NDArray[Any], bytes]] = {}
        for key in keys:
            if value == 0:
                self.set_tile(key, None)
                continue
            shape = self.grid.tile_shape(key)
            if shape not in shared:
                tile = np.full(shape, value, self.dtype)
                tile.flags.writeable = False
                shared[shape] = tile, tile_digest(tile)
            self._tiles[key], digest = shared[shape]
            self._touch(key)
            self._digests[key] = digest

    def keys(self) -> list[TileKey]:
        """Return the keys of the stored tiles, row by row."""
        return sorted(self._tiles)

    def value(self, y: int, x: int) -> int:
        """Return the pixel at row `y`, column `x`; 0 outside of the plane."""
        if not (0 <= y < self.shape[0] and 0 <= x < self.shape[1]):
            return 0
        key = y // TILE, x // TILE
        return int(self._values(key)[y % TILE, x % TILE]) if key in self._tiles else 0

    @property
    def blank(self) -> bool:
        """Whether every pixel is 0."""
        # A tile whose last pixel was cleared by `write` stays.
        return not any(_any(tile) for tile in self._distinct())

    def is_full(self) -> bool:
        """Return whether no pixel is 0; tiles that share an array are looked at once."""
        if len(self._tiles) < self.grid.rows * self.grid.columns:
            return False
        return all(tile.full if isinstance(tile, PackedTile) else tile.all() for tile in self._distinct())

    def _distinct(self) -> Iterable[Stored]:
        return {id(tile): tile for tile in self._tiles.values()}.values()

    def digest(self, key: TileKey) -> bytes:
        """Return the digest of a tile (see `tile_digest`), remembered until the tile changes."""
        digest = self._digests.get(key)
        if digest is None:
            digest = self._digests[key] = tile_digest(self.tile(key))
        return digest

    def snapshot(self) -> "LabelMap":
        """Return the plane as it is now, for another thread; shares the tiles until they are written again."""
        other = LabelMap(self.shape, self.dtype)
        other._tiles = {key: tile for key in self._tiles if (tile := self.stored(key)) is not None}
        other._digests = dict(self._digests)
        other._stale = set(other._tiles)
        return other

    def become(self, other: "LabelMap") -> None:
        """Take over all tiles of `other` with what is known of them, at once; `other` may not be changed later.

        Raises
        ------
        ValueError
            `other` has another shape or type.
        """
        if (other.shape, other.dtype) != (self.shape, self.dtype):
            raise ValueError(f"A plane of {other.shape} {other.dtype} for one of {self.shape} {self.dtype}.")
        self._tiles, self._digests = other._tiles, other._digests
        self._ids, self._where, self._stale = other._ids, other._where, other._stale

    def to_array(self) -> NDArray[Any]:
        """Return the whole plane as one array."""
        return self.read(Window.whole(self.shape))

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> "LabelMap":
        """Return a plane with the pixels and the dtype of a ``(rows, columns)`` array."""
        plane = cls((array.shape[0], array.shape[1]), array.dtype)
        plane.write(Window.whole(plane.shape), array)
        return plane

    def tiles_with(self, value: int) -> list[TileKey]:
        """Return the tiles that hold `value`, row by row; 0 is not indexed."""
        self.index()
        return sorted(self._where.get(value, ()))

    def tiles_with_any(self, values: Iterable[int]) -> list[TileKey]:
        """Return the tiles that hold one of `values`, row by row; 0 is not indexed."""
        self.index()
        return sorted(set[TileKey]().union(*(self._where.get(value, ()) for value in values)))

    def window_of(self, value: int, keys: Iterable[TileKey] | None = None) -> Window | None:
        """Return the smallest window that holds all pixels of `value`, ``None`` when there are none.

        Parameters
        ----------
        keys
            The tiles with `value`, when they are known; the index of ids is not used then.
        """
        found: Window | None = None
        for key in _outermost(self.tiles_with(value) if keys is None else keys):
            mask = self._values(key) == value
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            part = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
            part = part.shift(key[0] * TILE, key[1] * TILE)
            found = part if found is None else found.union(part)
        return found

    def values(self) -> set[int]:
        """Return the values in use, without 0."""
        self.index()
        return set(self._where)

    def values_in(self, key: TileKey) -> frozenset[int]:
        """Return the values in one tile, without 0; the other tiles are not looked at."""
        if key in self._stale:
            self._index_tile(key)
        return self._ids.get(key, frozenset())

    def known_values(self, key: TileKey) -> frozenset[int] | None:
        """Return the values in one tile, without 0, where the index has them; it is not brought up to date."""
        return None if key in self._stale else self._ids.get(key, frozenset())

    @property
    def indexed(self) -> bool:
        """Whether the index of ids is up to date."""
        return not self._stale

    def index(self) -> None:
        """Bring the index of ids up to date.

        The first call looks at every tile, about 0.4 ms for one that is not compressed; later ones only at tiles
        written since.
        """
        for key in tuple(self._stale):
            self._index_tile(key)

    def take_index(self, snapshot: "LabelMap") -> None:
        """Take over index and digests of a `snapshot` of this plane that another thread brought up to date.

        Tiles that were written since are left out.
        """
        for key in tuple(self._stale):
            tile = self._tiles.get(key)
            if tile is not None and tile is snapshot._tiles.get(key) and key not in snapshot._stale:
                self._note_ids(key, snapshot._ids.get(key, frozenset()))
                if key in snapshot._digests:
                    self._digests.setdefault(key, snapshot._digests[key])

    def _index_tile(self, key: TileKey) -> None:
        tile = self._tiles.get(key)
        if tile is None:
            self._note_ids(key, frozenset[int]())
        else:
            self._note_ids(key, tile.ids if isinstance(tile, PackedTile) else values_of(tile))

    def _note_ids(self, key: TileKey, new: frozenset[int]) -> None:
        old = self._ids.pop(key, frozenset[int]())
        for value in old - new:
            self._where[value].discard(key)
            if not self._where[value]:
                del self._where[value]
        for value in new - old:
            self._where.setdefault(value, set()).add(key)
        if new:
            self._ids[key] = new
        self._stale.discard(key)

    def _touch(self, key: TileKey) -> None:
        self._digests.pop(key, None)
        self._stale.add(key)


def _outermost(keys: Iterable[TileKey]) -> list[TileKey]:
    """Return the tiles in the first and last row and column of some: those between say nothing of where they end."""
    tiles = list(keys)
    if not tiles:
        return tiles
    rows, columns = zip(*tiles, strict=True)
    ends = {min(rows), max(rows)}, {min(columns), max(columns)}
    return [key for key in tiles if key[0] in ends[0] or key[1] in ends[1]]


def _any(tile: Stored) -> bool:
    return bool(tile.ids) if isinstance(tile, PackedTile) else bool(tile.any())
