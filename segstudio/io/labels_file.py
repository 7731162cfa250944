"""The label TIFF of a project: 512-pixel tiles, deflate, plain unsigned integers, the same bytes for the same labels.

Any program that reads tiled TIFF reads it. After an edit only the touched tiles are compressed again; all others
are copied from the previous file as they are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import plane_size, planes_of, shape_of
from segstudio.core.tiles import TileGrid, TileKey, Window, plane_window
from segstudio.io.atomic import write_atomic
from segstudio.io.decoding import decoding
from segstudio.io.disk import DISK, Disk
from segstudio.io.sources import open_image
from segstudio.io.tile_file import TileFile, deflate, directory, fitting, zero_tile
from segstudio.labels.label_map import TILE, LabelMap, Stored
from segstudio.labels.packed_tile import PackedTile


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
    changed = {key: label_map.stored(key) for key in keys}
    write_tiles(path, label_map.shape, label_map.dtype, changed, old, disk)


def write_tiles(
    path: Path,
    shape: tuple[int, int],
    dtype: DTypeLike,
    changed: Mapping[TileKey, Stored | None],
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
    zero = zero_tile(stored)
    packed: dict[int, bytes] = {}  # filled tiles share one array
    for tile in changed.values():
        if tile is not None and id(tile) not in packed:
            packed[id(tile)] = _compress(tile, stored)
    new = {key: zero if tile is None else packed[id(tile)] for key, tile in changed.items()}
    if previous is not None and previous.dtype != stored:  # ids have outgrown the type
        for key, values in previous.tiles(key for key in grid.keys() if key not in changed):  # noqa: SIM118
            new[key] = zero if values is None else _compress(values, stored)
        previous = None
    counts = [len(new.get(key, zero)) for key in grid.keys()]  # noqa: SIM118 - a method of the grid, no mapping
    if previous is not None:
        columns = grid.columns
        counts = [
            len(new[key]) if key in new else previous.counts[key[0] * columns + key[1]]
            for key in grid.keys()  # noqa: SIM118
        ]
    write_atomic(path, _file_pieces(grid, stored, counts, new, previous), disk)


def label_tiff_by_tile(
    shape: tuple[int, int], largest: int, read: Callable[[Window], NDArray[np.int32]]
) -> Iterator[bytes]:
    """Yield the pieces of the file that `write_label_tiff` writes, for labels that are not in memory.

    Parameters
    ----------
    shape
        ``(rows, columns)`` of the plane in pixels.
    largest
        Largest id in it.
    read
        Returns the labels in a window.
    """
    stored = np.dtype(np.uint32 if largest > 65_535 else np.uint16)
    grid = TileGrid(shape, TILE)
    tiles = ((key, read(grid.window(key))) for key in grid.keys())  # noqa: SIM118 - a method of the grid, no mapping
    new = {key: _compress(tile, stored) for key, tile in tiles if tile.any()}
    zero = zero_tile(stored)
    yield directory(grid, stored, [len(new.get(key, zero)) for key in grid.keys()])  # noqa: SIM118
    for key in grid.keys():  # noqa: SIM118
        yield new.get(key, zero)


def read_label_tiff(
    path: Path,
    dtype: DTypeLike = np.int32,
    expected_size: tuple[int, int] | None = None,
    *,
    like: LabelMap | None = None,
) -> LabelMap:
    """Read a plane that `write_label_tiff` or another program wrote.

    Parameters
    ----------
    path
        A label TIFF.
    dtype
        int32 for labels, uint8 for regions.
    expected_size
        ``(rows, columns)`` of the image that it belongs to.
    like
        A plane of this type whose tiles are shared where they are the same: only the others take memory.

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
    shared = like if like is not None and like.shape == result.shape else None
    for key, tile in stored.kept_tiles(stored.grid.keys(), kind):
        known = None if shared is None else shared.stored(key)
        result.keep(key, known if known is not None and _same(known, tile) else tile)
    return result


def _same(known: Stored, tile: Stored) -> bool:
    if isinstance(known, PackedTile) and isinstance(tile, PackedTile):
        return known.equals(tile)
    one, other = (item.unpack() if isinstance(item, PackedTile) else item for item in (known, tile))
    return bool(np.array_equal(one, other))


def read_label_plane(
    path: Path, dtype: DTypeLike, plane: int, expected_size: tuple[int, int] | None = None
) -> NDArray[Any]:
    """Read one plane of the labels of a stack, which need not be in memory as a whole; 0 is that of a flat image.

    Parameters
    ----------
    dtype
        int32 for labels, uint8 for regions.
    expected_size
        ``(height, width)`` of the plane.

    Returns
    -------
    ``(height, width)`` of `dtype`.

    Raises
    ------
    BadInput
        As `read_label_tiff`; or there is no such plane.
    """
    with decoding(path):
        stored = TileFile.open(path) if path.is_file() else None
    kind = np.dtype(dtype)
    labels = LabelMap(stored.shape, kind) if stored is not None and stored.dtype.itemsize <= kind.itemsize else None
    if labels is None:
        labels = read_label_tiff(path, dtype)
    if plane >= planes_of(labels.shape):
        raise _no_labels(path, f"it has {planes_of(labels.shape)} planes, and no plane {plane}")
    _check_size(path, plane_size(labels.shape), expected_size)
    if stored is not None and not labels.keys():
        for key, tile in stored.tiles(stored.grid.keys(plane_window(labels.shape, plane))):
            if tile is not None:
                labels.set_tile(key, fitting(path, tile, kind))
    return labels.read(plane_window(labels.shape, plane))


def labelled_planes(path: Path) -> tuple[int, ...]:
    """Return the planes with a pixel that is not 0, of a label TIFF of this program without decoding it.

    Raises
    ------
    BadInput
        The file is missing or damaged.
    """
    with decoding(path):
        stored = TileFile.open(path)
    if stored is None:
        labels = read_label_tiff(path)
        return tuple(n for n in range(planes_of(labels.shape)) if labels.read(plane_window(labels.shape, n)).any())
    zero, rows = zero_tile(stored.dtype), stored.grid.rows // planes_of(stored.shape)
    keys = list(stored.grid.keys())
    with decoding(path):
        drawn = {key[0] // rows for key, raw in zip(keys, stored.raw_tiles(keys), strict=True) if raw != zero}
    return tuple(sorted(drawn))


def _read_foreign(path: Path, dtype: np.dtype[Any], expected_size: tuple[int, int] | None) -> LabelMap:
    with open_image(path, indices=True) as source:
        _check_size(path, shape_of(*source.info.size, source.info.planes), expected_size)
        if source.info.channels != 1:
            raise _no_labels(path, f"it has {source.info.channels} channels")
        result = LabelMap(shape_of(*source.info.size, source.info.planes), dtype)
        for plane in range(source.info.planes):
            result.write(plane_window(result.shape, plane), _whole_numbers(path, source.read(plane=plane), dtype))
    return result


def _whole_numbers(path: Path, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "uib":
        raise _no_labels(path, f"its pixels are {values.dtype}, not whole numbers")
    if values.size and (values.min() < 0 or values.max() > np.iinfo(dtype).max):
        raise _no_labels(path, f"its values go from {values.min()} to {values.max()}")
    return values.astype(dtype)


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
            f"{path.name} has {_words(size)}, its image {_words(expected)}.",
            hint="The labels belong to another image; move the file away or restore the right one.",
            code="labels-size",
            path=path,
        )


def _words(shape: tuple[int, int]) -> str:
    planes, (height, width) = planes_of(shape), plane_size(shape)
    return f"{height} × {width} pixels" if planes == 1 else f"{planes} planes of {height} × {width} pixels"


def _stored_type(dtype: np.dtype[Any], tiles: Iterable[Stored | None], previous: TileFile | None) -> np.dtype[Any]:
    if dtype == np.uint8:
        return dtype
    largest = 0
    for tile in tiles:
        if isinstance(tile, PackedTile):
            largest = max(largest, *tile.ids)
        elif tile is not None and tile.size:
            if int(tile.min()) < 0:
                raise ValueError("Negative ids never go into a file.")
            largest = max(largest, int(tile.max()))
    wide = largest > 65_535 or (previous is not None and previous.dtype.itemsize == 4)
    return np.dtype(np.uint32 if wide else np.uint16)


def _compress(tile: Stored, dtype: np.dtype[Any]) -> bytes:
    if isinstance(tile, PackedTile):
        if tile.stored == dtype:
            return tile.data
        tile = tile.unpack()
    values = tile.astype(dtype.newbyteorder("<"))
    if values.shape != (TILE, TILE):
        whole = np.zeros((TILE, TILE), values.dtype)
        whole[: values.shape[0], : values.shape[1]] = values
        values = whole
    return deflate(values.tobytes())


def _file_pieces(
    grid: TileGrid,
    dtype: np.dtype[Any],
    counts: list[int],
    new: Mapping[TileKey, bytes],
    previous: TileFile | None,
) -> Iterator[bytes]:
    yield directory(grid, dtype, counts)
    zero = zero_tile(dtype)
    keys = list(grid.keys())
    old = iter(()) if previous is None else previous.raw_tiles(key for key in keys if key not in new)
    for key in keys:
        yield new[key] if key in new else next(old, zero)
