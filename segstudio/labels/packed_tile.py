"""A tile of labels that stays compressed in memory, and what is asked of it most often without its pixels."""

import threading
from collections import OrderedDict
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import DTypeLike, NDArray

from segstudio.core.stack_shape import LABEL_TILE

#: Every so manyth pixel of a tile is kept for pictures in which it is that small.
COARSE: Final = 8
#: Unpacked tiles that are kept, bytes: those of a screen full of labels at a quarter of their size.
KEPT_BYTES: Final = 384 << 20


class PackedTile:
    """The pixels of one tile as they are in a label file, deflate; never changed.

    Parameters
    ----------
    data
        A whole square tile of unsigned integers, little-endian, zlib format; of tiles at the edge the rest is 0.
        It must be known to unpack: `values` was unpacked from it.
    stored
        Type of these integers.
    values
        The tile, cut to the image, in the type of its plane.
    """

    __slots__ = ("__weakref__", "_dtype", "_shape", "coarse", "data", "full", "ids", "stored")

    def __init__(self, data: bytes, stored: DTypeLike, values: NDArray[Any]) -> None:
        self.data = data
        self.stored = np.dtype(stored)
        self._shape, self._dtype = values.shape, values.dtype
        self.ids = values_of(values)
        self.full = bool(values.all())
        #: The pixel in the middle of each square of `COARSE` pixels, ``(rows, columns)``.
        self.coarse: NDArray[Any] = coarse_of(values).astype(self.stored)
        self.coarse.flags.writeable = False

    def equals(self, other: "PackedTile") -> bool:
        """Return whether another tile has the same pixels."""
        if (self._shape, self._dtype) != (other._shape, other._dtype):
            return False
        if (self.stored, self.data) == (other.stored, other.data):
            return True
        return self.ids == other.ids and bool(np.array_equal(self.unpack(), other.unpack()))

    def values(self) -> NDArray[Any]:
        """Return the pixels, read-only; kept for a while."""
        return _UNPACKED.of(self)

    def unpack(self) -> NDArray[Any]:
        """Return the pixels, read-only, worked out anew."""
        length = LABEL_TILE * LABEL_TILE * self.stored.itemsize
        raw = imagecodecs.deflate_decode(self.data, out=length)
        whole = np.frombuffer(raw, self.stored.newbyteorder("<")).reshape(LABEL_TILE, LABEL_TILE)
        values = whole[: self._shape[0], : self._shape[1]].astype(self._dtype)
        values.flags.writeable = False
        return values


class _Unpacked:
    """The tiles that were asked for last; used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tiles: OrderedDict[PackedTile, NDArray[Any]] = OrderedDict()
        self._bytes = 0

    def of(self, tile: PackedTile) -> NDArray[Any]:
        """Return the pixels of a tile."""
        with self._lock:
            known = self._tiles.get(tile)
            if known is not None:
                self._tiles.move_to_end(tile)
                return known
        values = tile.unpack()
        with self._lock:
            if tile not in self._tiles:
                self._tiles[tile] = values
                self._bytes += values.nbytes
                while self._bytes > KEPT_BYTES and len(self._tiles) > 1:
                    self._bytes -= self._tiles.popitem(last=False)[1].nbytes
            return self._tiles[tile]


_UNPACKED = _Unpacked()


def coarse_of(tile: NDArray[Any]) -> NDArray[Any]:
    """Return the pixel in the middle of each square of `COARSE` pixels, of smaller ones what there is."""
    rows, columns = (min(COARSE // 2, length - 1) for length in tile.shape)
    return tile[rows::COARSE, columns::COARSE]


def values_of(tile: NDArray[Any]) -> frozenset[int]:
    """Return the values of an array that is not empty, without 0, looking only at the first pixel of each run."""
    flat = tile.ravel()
    starts = flat[1:][flat[1:] != flat[:-1]]
    return frozenset(np.unique(np.append(starts, flat[0])).tolist()) - {0}
