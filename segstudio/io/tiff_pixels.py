"""The pixels of a TIFF: strips, tiles and raw rows under a window, decoded once."""

import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.tiles import Window
from segstudio.io.decoding import damaged
from segstudio.io.sources import BaseSource

#: Compressions whose strips need tables from elsewhere in the file.
JPEG_COMPRESSIONS = frozenset({6, 7, 34892, 33007})
#: Decoded strips and tiles at least this large are kept for the next window.
_KEPT_FROM = 1_000_000
_KEPT_BYTES = 256_000_000
#: No compression makes pixels so many times longer, or adds more to them, with tables and text that a strip carries.
_LONGER = 4
_TABLES = 1 << 20

Colour = Literal["samples", "palette", "cmyk"]


@dataclass(frozen=True)
class PagePart:
    """One page, or one plane of a page that holds several."""

    page: Any
    skip: int = 0
    """Bytes from the first pixel of `page`, for ImageJ's files of many planes and one directory."""


@dataclass(frozen=True)
class TiffLayout:
    """Which pages make up the planes, and how samples become colours."""

    pages: tuple[tuple[PagePart, ...], ...]
    """Per plane, per channel."""
    colour: Colour
    samples: int
    """How many samples of a pixel are used; the rest is alpha."""
    palette: NDArray[np.uint8] | None


class TiffSource(BaseSource):
    """A TIFF file, read by strips and tiles."""

    def __init__(self, info: ImageInfo, tif: tifffile.TiffFile, layout: TiffLayout) -> None:
        super().__init__(info)
        self._tif = tif
        self._layout = layout
        self._lock = threading.Lock()
        self._big = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._key: Any = layout.pages[0][0].page.keyframe
        self._key.init_decode()
        if self._key.is_contiguous:
            self.decodes = "nothing"
        self._file_size = int(tif.filehandle.size)

    def _let_go(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._tif.close()

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        parts = [self._colours(self._samples(item, window)) for item in self._layout.pages[plane]]
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        if pixels.dtype == np.bool_:
            pixels = pixels.view(np.uint8)
        return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))

    def _colours(self, samples: NDArray[Any]) -> NDArray[Any]:
        if self._layout.palette is not None:
            palette = self._layout.palette
            return np.take(palette, samples[..., 0], axis=0, mode="clip")
        if self._layout.colour == "cmyk":
            light = 255 - samples[..., :4].astype(np.uint16)
            return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8)
        return samples[..., : self._layout.samples]

    def _samples(self, item: PagePart, window: Window) -> NDArray[Any]:
        """Return ``(h, w, stored samples)``."""
        key = self._key
        separate, _, _, _, contig = key.shaped
        out = np.zeros((window.height, window.width, separate * contig), key.dtype)
        if key.is_contiguous:
            for sample in range(separate):
                rows = self._raw_rows(item, sample, window)
                out[..., sample * contig : (sample + 1) * contig] = rows[:, window.x0 : window.x1]
            return out
        for index in _segments(key, window):
            segment, at = self._segment(item.page, index)
            if segment is None:
                continue
            sample, _, y, x, _ = at
            part = Window(y, x, y + segment.shape[1], x + segment.shape[2]).intersect(window)
            source = part.shift(-y, -x).slices
            target = part.shift(-window.y0, -window.x0).slices
            out[(*target, slice(sample * contig, (sample + 1) * contig))] = segment[0][source]
        return out

    def _raw_rows(self, item: PagePart, sample: int, window: Window) -> NDArray[Any]:
        _, _, height, width, contig = self._key.shaped
        dtype = np.dtype(self._key.dtype).newbyteorder(self._tif.byteorder)
        row = width * contig * dtype.itemsize
        offset = item.page.dataoffsets[0] + item.skip + (sample * height + window.y0) * row
        data = self._bytes(offset, window.height * row)
        return np.frombuffer(data, dtype).reshape(window.height, width, contig)

    def _bytes(self, offset: int, count: int) -> bytes:
        if offset + count > self._file_size:
            raise damaged(self.info.path, "its pixels end early")
        with self._lock:
            self._tif.filehandle.seek(offset)
            data: bytes = self._tif.filehandle.read(count)
        if len(data) < count:
            raise damaged(self.info.path, "its pixels end early")
        return data

    def _segment(self, page: Any, index: int) -> tuple[NDArray[Any] | None, tuple[int, ...]]:  # noqa: ANN401 - page or frame
        key = self._key
        rows, columns = segment_shape(key)
        if rows * columns * key.shaped[4] * key.dtype.itemsize < _KEPT_FROM:
            return self._decode(page, index)
        with self._big:  # two threads that decode the same large strip would take its memory twice
            known = self._kept.get((page.offset, index))
            if known is not None:
                self._kept.move_to_end((page.offset, index))
                return known, _segment_place(key, index)
            segment, at = self._decode(page, index)
            if segment is not None:
                self._kept[(page.offset, index)] = segment
                while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > _KEPT_BYTES:
                    self._kept.popitem(last=False)
            return segment, at

    def _decode(self, page: Any, index: int) -> tuple[NDArray[Any] | None, tuple[int, ...]]:  # noqa: ANN401
        key = self._key
        count = page.databytecounts[index]
        if count == 0 and (not key.is_tiled or page.dataoffsets[index]):  # a tile that is not there has no place either
            raise damaged(self.info.path, "a part of its pixels is missing")
        rows, columns = segment_shape(key)
        if count > _LONGER * rows * columns * key.shaped[4] * key.dtype.itemsize + _TABLES:
            raise damaged(self.info.path, "a part of its pixels claims to be longer than any can be")
        data = self._bytes(page.dataoffsets[index], count) if count else None
        tables = (
            {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
            if key.compression in JPEG_COMPRESSIONS
            else {}
        )
        segment, at, _ = key.decode(data, index, **tables)
        return segment, at


def segment_shape(key: tifffile.TiffPage) -> tuple[int, int]:
    """Return rows and columns of a strip or tile."""
    if key.is_tiled:
        return key.tilelength, key.tilewidth
    return min(key.rowsperstrip, key.imagelength), key.imagewidth


def _segment_place(key: tifffile.TiffPage, index: int) -> tuple[int, ...]:
    rows, columns = segment_shape(key)
    across, down = math.ceil(key.imagewidth / columns), math.ceil(key.imagelength / rows)
    return index // (across * down), 0, index // across % down * rows, index % across * columns, 0


def _segments(key: tifffile.TiffPage, window: Window) -> Iterator[int]:
    rows, columns = segment_shape(key)
    across, down = math.ceil(key.imagewidth / columns), math.ceil(key.imagelength / rows)
    for sample in range(key.shaped[0]):
        for row in range(window.y0 // rows, (window.y1 - 1) // rows + 1):
            for column in range(window.x0 // columns, (window.x1 - 1) // columns + 1):
                yield (sample * down + row) * across + column
