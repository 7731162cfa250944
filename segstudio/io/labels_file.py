"""The label TIFF of a project: 512-pixel tiles, deflate, plain unsigned integers, the same bytes for the same labels.

Any program that reads tiled TIFF reads it. After an edit only the touched tiles are compressed again; all others
are copied from the previous file as they are.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import imagecodecs
import numpy as np
from numpy.typing import DTypeLike, NDArray

from segstudio.core.errors import BadInput
from segstudio.core.tiles import TileGrid, TileKey
from segstudio.io.atomic import DISK, Disk, write_atomic
from segstudio.io.sources import damaged, decoding, open_image
from segstudio.labels.label_map import TILE, LabelMap

#: libdeflate at this level takes half the time of zlib, and the files are smaller.
_LEVEL: Final = 6
_CLASSIC_LIMIT: Final = (1 << 32) - (1 << 20)
_SHORT, _LONG, _LONG8 = 3, 4, 16
_FIELD: Final = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR = 256, 257, 258, 259, 262, 277, 284
_TILE_WIDTH, _TILE_HEIGHT, _OFFSETS, _COUNTS, _SAMPLE_FORMAT = 322, 323, 324, 325, 339
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
        ``(rows, columns)`` in pixels.
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
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(4096)
            try:
                tags = _read_tags(head)
                shape, dtype = _check_tags(tags)
                grid = TileGrid(shape, TILE)
                arrays = []
                for tag in (_OFFSETS, _COUNTS):
                    kind, count, position, inline = tags[tag]
                    if count != grid.rows * grid.columns or count * 4 > size:
                        return None
                    length = count * struct.calcsize(_FIELD[kind])
                    raw = inline[:length] if length <= len(inline) else _read_at(file, position, length)
                    arrays.append(struct.unpack(f"<{count}{_FIELD[kind]}", raw))
            except (struct.error, KeyError):
                return None
        offsets, counts = arrays
        if any(offset + length > size for offset, length in zip(offsets, counts, strict=True)):
            return None
        return cls(path, shape, dtype, offsets, counts)

    def raw_tiles(self, keys: Iterable[TileKey]) -> Iterator[bytes]:
        """Yield compressed tiles; raise ``OSError`` when the file has become shorter."""
        columns = self.grid.columns
        with self.path.open("rb") as file:
            for row, column in keys:
                index = row * columns + column
                yield _read_at(file, self.offsets[index], self.counts[index])

    def tiles(self, keys: Iterable[TileKey]) -> Iterator[tuple[TileKey, NDArray[Any] | None]]:
        """Yield decoded tiles, cut to the image; ``None`` for one that is all 0.

        Raises
        ------
        BadInput
            A tile is damaged.
        """
        wanted = list(keys)
        zero = _compress_zero(self.dtype)
        with decoding(self.path):
            for key, raw in zip(wanted, self.raw_tiles(wanted), strict=True):
                yield key, None if raw == zero else self._decode(key, raw)

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


def write_label_tiff(
    path: Path,
    label_map: LabelMap,
    dirty: Iterable[TileKey] | None = None,
    previous: Path | None = None,
    disk: Disk = DISK,
) -> None:
    """Write a plane as tiled TIFF, atomically.

    Parameters
    ----------
    path
        Target; may be `previous`.
    label_map
        int32 labels (written as uint16, as uint32 when an id is above 65,535) or uint8 regions.
    dirty
        Tiles that differ from `previous`; ``None`` for all.
    previous
        Label TIFF whose other tiles are copied still compressed.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    old = TileFile.open(previous) if previous is not None and dirty is not None else None
    keys = label_map.keys() if old is None or dirty is None else dirty
    changed = {key: label_map.tile(key) for key in keys}
    write_tiles(path, label_map.shape, label_map.dtype, changed, old, disk)


def write_tiles(
    path: Path,
    shape: tuple[int, int],
    dtype: DTypeLike,
    changed: Mapping[TileKey, NDArray[Any] | None],
    previous: TileFile | None = None,
    disk: Disk = DISK,
) -> None:
    """Write `changed` tiles (``None`` is all 0) over those of `previous`, atomically.

    Parameters
    ----------
    path
        Target; may be the file of `previous`.
    shape
        ``(rows, columns)`` of the plane in pixels.
    dtype
        Type of the plane: uint8 is kept, labels become uint16 or uint32.
    """
    stored = _stored_type(np.dtype(dtype), changed.values(), previous)
    grid = TileGrid(shape, TILE)
    fresh = dict(changed)
    if previous is not None and previous.dtype != stored:  # ids have outgrown the type
        fresh = {**dict(previous.tiles(key for key in grid.keys() if key not in changed)), **changed}  # noqa: SIM118
        previous = None
    zero = _compress_zero(stored)
    new = {key: zero if tile is None else _compress(tile, stored) for key, tile in fresh.items()}
    counts = [len(new.get(key, zero)) for key in grid.keys()]  # noqa: SIM118 - a method of the grid, no mapping
    if previous is not None:
        columns = grid.columns
        counts = [
            len(new[key]) if key in new else previous.counts[key[0] * columns + key[1]]
            for key in grid.keys()  # noqa: SIM118
        ]
    write_atomic(path, _file_pieces(grid, stored, counts, new, previous), disk)


def read_label_tiff(path: Path, dtype: DTypeLike = np.int32, expected_size: tuple[int, int] | None = None) -> LabelMap:
    """Read a plane that `write_label_tiff` or another program wrote.

    Parameters
    ----------
    path
        A label TIFF.
    dtype
        int32 for labels, uint8 for regions.
    expected_size
        ``(rows, columns)`` of the image that it belongs to.

    Raises
    ------
    BadInput
        Missing, damaged, of another size, or not whole numbers that fit.
    """
    with decoding(path):
        stored = TileFile.open(path) if path.is_file() else None
    kind = np.dtype(dtype)
    if stored is None or stored.dtype.itemsize > kind.itemsize:
        return _read_foreign(path, kind, expected_size)
    _check_size(path, stored.shape, expected_size)
    result = LabelMap(stored.shape, kind)
    for key, tile in stored.tiles(stored.grid.keys()):
        if tile is not None:
            if tile.max() > np.iinfo(kind).max:
                raise damaged(path, f"an id is above {np.iinfo(kind).max}")
            result.set_tile(key, tile.astype(kind))
    return result


def _read_foreign(path: Path, dtype: np.dtype[Any], expected_size: tuple[int, int] | None) -> LabelMap:
    with open_image(path, indices=True) as source:
        _check_size(path, source.info.size, expected_size)
        if source.info.channels != 1:
            raise _no_labels(path, f"it has {source.info.channels} channels")
        values = source.read()
    if values.dtype.kind not in "uib":
        raise _no_labels(path, f"its pixels are {values.dtype}, not whole numbers")
    if values.size and (values.min() < 0 or values.max() > np.iinfo(dtype).max):
        raise _no_labels(path, f"its values go from {values.min()} to {values.max()}")
    return LabelMap.from_array(values.astype(dtype))


def _no_labels(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path.name} is no label image of this project: {reason}.",
        hint="Restore it from a backup, or move it away to start without labels.",
        code="labels-format",
        path=path,
    )


def _check_size(path: Path, size: tuple[int, int], expected: tuple[int, int] | None) -> None:
    if expected is not None and size != expected:
        raise BadInput(
            f"{path.name} has {size[0]} × {size[1]} pixels, its image {expected[0]} × {expected[1]}.",
            hint="The labels belong to another image; move the file away or restore the right one.",
            code="labels-size",
            path=path,
        )


def _stored_type(
    dtype: np.dtype[Any], tiles: Iterable[NDArray[Any] | None], previous: TileFile | None
) -> np.dtype[Any]:
    if dtype == np.uint8:
        return dtype
    largest = 0
    for tile in tiles:
        if tile is not None and tile.size:
            if int(tile.min()) < 0:
                raise ValueError("Negative ids never go into a file.")
            largest = max(largest, int(tile.max()))
    wide = largest > 65_535 or (previous is not None and previous.dtype.itemsize == 4)
    return np.dtype(np.uint32 if wide else np.uint16)


def _compress(tile: NDArray[Any], dtype: np.dtype[Any]) -> bytes:
    values = tile.astype(dtype.newbyteorder("<"))
    if values.shape != (TILE, TILE):
        whole = np.zeros((TILE, TILE), values.dtype)
        whole[: values.shape[0], : values.shape[1]] = values
        values = whole
    return _deflate(values.tobytes())


@lru_cache(maxsize=4)
def _compress_zero(dtype: np.dtype[Any]) -> bytes:
    return _deflate(bytes(TILE * TILE * dtype.itemsize))


def _deflate(data: bytes) -> bytes:
    return bytes(imagecodecs.deflate_encode(data, level=_LEVEL))


def _file_pieces(
    grid: TileGrid,
    dtype: np.dtype[Any],
    counts: list[int],
    new: Mapping[TileKey, bytes],
    previous: TileFile | None,
) -> Iterator[bytes]:
    yield _directory(grid, dtype, counts)
    zero = _compress_zero(dtype)
    keys = list(grid.keys())
    old = iter(()) if previous is None else previous.raw_tiles(key for key in keys if key not in new)
    for key in keys:
        yield new[key] if key in new else next(old, zero)


def _directory(grid: TileGrid, dtype: np.dtype[Any], counts: list[int]) -> bytes:
    """Return header, tags and tile table; everything lies before the first tile."""
    number = len(counts)
    big = sum(counts) + 16 * number + 512 > _CLASSIC_LIMIT
    address, word = (_LONG8, 8) if big else (_LONG, 4)
    entry = 20 if big else 12
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    tags: dict[int, tuple[int, tuple[int, ...]]] = {tag: (_SHORT, (value,)) for tag, value in _FIXED.items()}
    tags[_WIDTH] = (_LONG, (grid.shape[1],))
    tags[_HEIGHT] = (_LONG, (grid.shape[0],))
    tags[_BITS] = (_SHORT, (8 * dtype.itemsize,))
    table = len(header) + (8 if big else 2) + entry * (len(tags) + 2) + word
    start = table if number == 1 else table + 2 * number * word
    offsets = tuple(start + sum_before for sum_before in _running(counts))
    tags[_OFFSETS] = (address, offsets)
    tags[_COUNTS] = (address, tuple(counts))
    body, tail = bytearray(struct.pack("<Q" if big else "<H", len(tags))), bytearray()
    for tag in sorted(tags):
        kind, values = tags[tag]
        packed = struct.pack(f"<{len(values)}{_FIELD[kind]}", *values)
        if len(packed) > word:
            position = table + len(tail)
            tail += packed
            packed = struct.pack(f"<{_FIELD[address]}", position)
        body += struct.pack("<HHQ" if big else "<HHI", tag, kind, len(values)) + packed.ljust(word, b"\0")
    return header + bytes(body) + bytes(word) + bytes(tail)


def _running(counts: list[int]) -> Iterator[int]:
    total = 0
    for count in counts:
        yield total
        total += count


def _read_tags(head: bytes) -> dict[int, tuple[int, int, int, bytes]]:
    """Return tag → (type, count, offset, inline bytes) of the first directory, if it lies where we put it."""
    big = head[:8] == struct.pack("<2sHHH", b"II", 43, 8, 0)
    if head[:8] != struct.pack("<2sHI", b"II", 42, 8) and not (big and head[8:16] == struct.pack("<Q", 16)):
        raise KeyError
    layout = struct.Struct("<HHQ8s" if big else "<HHI4s")
    start = 16 if big else 8
    (number,) = struct.unpack_from("<Q" if big else "<H", head, start)
    start += 8 if big else 2
    tags = {}
    for index in range(min(number, 64)):
        tag, kind, count, inline = layout.unpack_from(head, start + index * layout.size)
        tags[tag] = (kind, count, int.from_bytes(inline, "little"), inline)
    return tags


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
