"""The layout of a label TIFF: tags and tile table before the first tile, tiles of 512 pixels, deflate."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from segstudio.core.stack_shape import plane_size, planes_of, shape_of
from segstudio.core.tiles import TileGrid, TileKey
from segstudio.io.decoding import damaged, decoding
from segstudio.io.regular_file import open_regular
from segstudio.labels.label_map import TILE, Stored
from segstudio.labels.packed_tile import PackedTile

#: libdeflate at this level takes half the time of zlib, and the files are smaller.
_LEVEL: Final = 6
#: A tile of one value takes no more bytes than this, compressed: a thousandth of it.
_PLAIN_BYTES: Final = 1200
_CLASSIC_LIMIT: Final = (1 << 32) - (1 << 20)
_SHORT, _LONG, _LONG8 = 3, 4, 16
_FIELD: Final = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 256, 257, 258, 259, 262, 277, 284
_TILE_WIDTH, _TILE_HEIGHT, _OFFSETS, _COUNTS, _SAMPLE_FORMAT = 322, 323, 324, 325, 339
_TAGS_READ: Final = 64
_FIXED: Final = {
    _COMPRESSION: 8,
    _PHOTOMETRIC: 1,
    _SAMPLES: 1,
    _PLANAR: 1,
    _TILE_WIDTH: TILE,
    _TILE_HEIGHT: TILE,
    _SAMPLE_FORMAT: 1,
}


@dataclass(frozen=True)
class TileFile:
    """A label TIFF as this program writes it, its tiles still compressed on the disk.

    Attributes
    ----------
    shape
        ``(rows, columns)`` in pixels; a `StackShape` when it has several pages.
    dtype
        uint8, uint16 or uint32.
    offsets, counts
        Where each tile lies and how long it is, bytes, row by row.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def grid(self) -> TileGrid:
        """The tiles."""
        return TileGrid(self.shape, TILE)

    @classmethod
    def open(cls, path: Path) -> "TileFile | None":
        """Read the directory of the file; ``None`` when another program wrote it.

        Raises
        ------
        OSError
            The file cannot be read.
        """
        with open_regular(path) as file:
            size = path.stat().st_size
            try:
                pages = list(_pages(file, size))
            except (struct.error, KeyError):
                return None
        (height, width), dtype = pages[0].size, pages[0].dtype
        if any((page.size, page.dtype) != ((height, width), dtype) for page in pages):
            return None
        shape = shape_of(height, width, len(pages))
        offsets, counts = (
            tuple(chain.from_iterable(tables))
            for tables in ((page.offsets for page in pages), (page.counts for page in pages))
        )
        most = deflate_bound(TILE * TILE * dtype.itemsize)
        if any(length > most or offset + length > size for offset, length in zip(offsets, counts, strict=True)):
            return None
        return cls(path, shape, dtype, offsets, counts)

    def raw_tiles(self, keys: Iterable[TileKey]) -> Iterator[bytes]:
        """Yield compressed tiles; raise ``OSError`` when the file has become shorter."""
        columns = self.grid.columns
        with open_regular(self.path) as file:
            for row, column in keys:
                index = row * columns + column
                yield _read_at(file, self.offsets[index], self.counts[index])

    def tiles(self, keys: Iterable[TileKey]) -> Iterator[tuple[TileKey, NDArray[Any] | None]]:
        """Yield decoded tiles, cut to the image; ``None`` for one that is all 0.

        Tiles of one value share one array, so that a large image stated complete takes no memory.

        Raises
        ------
        BadInput
            A tile is damaged.
        """
        for key, _, values in self._decoded(keys):
            yield key, values

    def kept_tiles(self, keys: Iterable[TileKey], dtype: np.dtype[Any]) -> Iterator[tuple[TileKey, Stored]]:
        """Yield the tiles that are not all 0, for a plane of `dtype`; of labels those of many values stay compressed.

        Each was decoded once, so that what is wrong with it is known.

        Raises
        ------
        BadInput
            A tile is damaged, or has an id that `dtype` cannot hold.
        """
        plain: dict[tuple[bytes, tuple[int, ...]], NDArray[Any]] = {}
        for key, raw, tile in self._decoded(keys):
            if tile is None:
                continue
            same = raw, tile.shape
            values = plain[same] if same in plain else fitting(self.path, tile, dtype)
            if len(raw) <= _PLAIN_BYTES:
                values.flags.writeable = False  # one for all: who draws takes a copy
                plain[same] = values
            packed = len(raw) > _PLAIN_BYTES and dtype.itemsize > 1
            yield key, PackedTile(raw, self.dtype, values) if packed else values

    def _decoded(self, keys: Iterable[TileKey]) -> Iterator[tuple[TileKey, bytes, NDArray[Any] | None]]:
        wanted = list(keys)
        zero = zero_tile(self.dtype)
        with decoding(self.path):
            plain: dict[tuple[bytes, tuple[int, int]], NDArray[Any] | None] = {}
            for key, raw in zip(wanted, self.raw_tiles(wanted), strict=True):
                if raw == zero:
                    yield key, raw, None
                elif len(raw) > _PLAIN_BYTES:
                    yield key, raw, self._decode(key, raw)
                else:
                    same = raw, self.grid.tile_shape(key)
                    if same not in plain:
                        plain[same] = self._decode(key, raw)
                    yield key, raw, plain[same]

    def _decode(self, key: TileKey, raw: bytes) -> NDArray[Any] | None:
        expected = TILE * TILE * self.dtype.itemsize
        decoder = zlib.decompressobj()
        data = decoder.decompress(raw, expected + 1)
        if len(data) != expected or not decoder.eof:
            raise damaged(self.path, f"tile {key} has a wrong length")
        window = self.grid.window(key)
        values = np.frombuffer(data, self.dtype.newbyteorder("<")).reshape(TILE, TILE)
        values = values[: window.height, : window.width]
        return values if values.any() else None


def fitting(path: Path, tile: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a decoded tile in the type of a plane.

    Raises
    ------
    BadInput
        An id is too large for it.
    """
    if tile.max() > np.iinfo(dtype).max:
        raise damaged(path, f"an id is above {np.iinfo(dtype).max}")
    return tile.astype(dtype, copy=False)


def directory(grid: TileGrid, dtype: np.dtype[Any], counts: list[int]) -> bytes:
    """Return header, tags and tile table of each page; everything lies before the first tile."""
    pages, (height, width) = planes_of(grid.shape), plane_size(grid.shape)
    number = len(counts) // pages  # of the tiles of a page
    tags: dict[int, tuple[int, tuple[int, ...]]] = {tag: (_SHORT, (value,)) for tag, value in _FIXED.items()}
    tags[_WIDTH] = (_LONG, (width,))
    tags[_HEIGHT] = (_LONG, (height,))
    tags[_BITS] = (_SHORT, (8 * dtype.itemsize,))
    big = sum(counts) + pages * (16 * number + 512) > _CLASSIC_LIMIT
    address, word = (_LONG8, 8) if big else (_LONG, 4)
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    body = (8 if big else 2) + (20 if big else 12) * (len(tags) + 2) + word
    length = body if number == 1 else body + 2 * number * word
    start = len(header) + pages * length
    offsets = tuple(start + sum_before for sum_before in _running(counts))
    parts = [header]
    for page in range(pages):
        tags[_OFFSETS] = (address, offsets[page * number : (page + 1) * number])
        tags[_COUNTS] = (address, tuple(counts[page * number : (page + 1) * number]))
        begin = len(header) + page * length
        parts.append(_page(tags, begin + body, begin + length if page + 1 < pages else 0, big=big))
    return b"".join(parts)


def _page(tags: dict[int, tuple[int, tuple[int, ...]]], table: int, then: int, *, big: bool) -> bytes:
    """Return the tags of one page, whose long values lie from `table` on; `then` is where the next page is."""
    address, word = (_LONG8, 8) if big else (_LONG, 4)
    body, tail = bytearray(struct.pack("<Q" if big else "<H", len(tags))), bytearray()
    for tag in sorted(tags):
        kind, values = tags[tag]
        packed = struct.pack(f"<{len(values)}{_FIELD[kind]}", *values)
        if len(packed) > word:
            position = table + len(tail)
            tail += packed
            packed = struct.pack(f"<{_FIELD[address]}", position)
        body += struct.pack("<HHQ" if big else "<HHI", tag, kind, len(values)) + packed.ljust(word, b"\0")
    return bytes(body) + struct.pack(f"<{_FIELD[address]}", then) + bytes(tail)


@lru_cache(maxsize=4)
def zero_tile(dtype: np.dtype[Any]) -> bytes:
    """Return the compressed tile that is all 0, as it is in every file of this type."""
    return deflate(bytes(TILE * TILE * dtype.itemsize))


def deflate_bound(length: int) -> int:
    """Return more bytes than anything compresses `length` bytes to: deflate never makes them a hundredth longer."""
    return length + length // 100 + 1024


def deflate(data: bytes) -> bytes:
    """Return `data` compressed; the same bytes for the same data."""
    return bytes(imagecodecs.deflate_encode(data, level=_LEVEL))


def _running(counts: list[int]) -> Iterator[int]:
    total = 0
    for count in counts:
        yield total
        total += count


@dataclass(frozen=True, slots=True)
class _Page:
    size: tuple[int, int]
    dtype: np.dtype[Any]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]


def _pages(file: BinaryIO, size: int) -> Iterator[_Page]:
    """Yield the pages; raise ``KeyError`` or ``struct.error`` when the layout is not ours."""
    head = file.read(16)
    big = head[:8] == struct.pack("<2sHHH", b"II", 43, 8, 0)
    if head[:8] != struct.pack("<2sHI", b"II", 42, 8) and not (big and head[8:16] == struct.pack("<Q", 16)):
        raise KeyError
    position, before = (16 if big else 8), 0
    while position:
        if position <= before:  # ours follow each other: no circle ends
            raise KeyError
        before = position
        tags, position = _read_tags(file, position, big=big)
        shape, dtype = _check_tags(tags)
        grid = TileGrid(shape, TILE)
        tables = []
        for tag in (_OFFSETS, _COUNTS):
            kind, count, place, inline = tags[tag]
            if count != grid.rows * grid.columns or count * 4 > size:
                raise KeyError
            length = count * struct.calcsize(_FIELD[kind])
            raw = inline[:length] if length <= len(inline) else _read_at(file, place, length)
            tables.append(struct.unpack(f"<{count}{_FIELD[kind]}", raw))
        yield _Page(shape, dtype, tables[0], tables[1])


def _read_tags(file: BinaryIO, start: int, *, big: bool) -> tuple[dict[int, tuple[int, int, int, bytes]], int]:
    """Return tag → (type, count, offset, inline bytes) of a page, and where the next page is; 0 for the last."""
    file.seek(start)
    layout, word = struct.Struct("<HHQ8s" if big else "<HHI4s"), "<Q" if big else "<I"
    number_size = 8 if big else 2
    number = min(int.from_bytes(file.read(number_size), "little"), _TAGS_READ)
    data = file.read(number * layout.size + struct.calcsize(word))
    tags = {}
    for index in range(number):
        tag, kind, count, inline = layout.unpack_from(data, index * layout.size)
        tags[tag] = (kind, count, int.from_bytes(inline, "little"), inline)
    return tags, int(struct.unpack_from(word, data, number * layout.size)[0])


def _check_tags(tags: dict[int, tuple[int, int, int, bytes]]) -> tuple[tuple[int, int], np.dtype[Any]]:
    """Return shape and type; raise ``KeyError`` when the layout is not ours."""
    if set(tags) != {*_FIXED, _WIDTH, _HEIGHT, _BITS, _OFFSETS, _COUNTS}:
        raise KeyError
    if any(tags[tag][2] != value for tag, value in _FIXED.items()):
        raise KeyError
    types = {8: np.uint8, 16: np.uint16, 32: np.uint32}
    return (tags[_HEIGHT][2], tags[_WIDTH][2]), np.dtype(types[tags[_BITS][2]])


def _read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    data = file.read(length)
    if len(data) != length:
        raise OSError(f"{length - len(data)} bytes are missing at the end")
    return data
