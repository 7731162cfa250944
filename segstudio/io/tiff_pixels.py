"""The pixels of a TIFF: strips, tiles and raw rows under a window, decoded once."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.tiles import Window
from segstudio.io.decoding import damaged
from segstudio.io.sources import BaseSource
from segstudio.io.tiff_levels import TiffLevel, level_page
from segstudio.io.tiff_segments import JPEG_COMPRESSIONS, segment_bytes, segment_place, segments_under

#: Decoded strips and tiles at least this large are kept for the next window.
_KEPT_FROM = 1_000_000
_KEPT_BYTES = 256_000_000
#: Of uncompressed rows so many times longer than what is asked for only that part is read.
_NARROW = 8
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
    levels: tuple[TiffLevel, ...] = ()
    """Smaller copies of the first page, largest first."""


class TiffSource(BaseSource):
    """A TIFF file, read by strips and tiles."""

    def __init__(self, info: ImageInfo, tif: tifffile.TiffFile, layout: TiffLayout) -> None:
        super().__init__(info)
        self._tif = tif
        self._layout = layout
        self._lock = threading.Lock()
        self._big = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._key: tifffile.TiffPage = layout.pages[0][0].page.keyframe
        for key in (self._key, *(level.page for level in layout.levels)):
            key.init_decode()
        if self._key.is_contiguous and all(level.page.is_contiguous for level in layout.levels):
            self.decodes = "nothing"
        self.levels = tuple((level.page.imagelength, level.page.imagewidth) for level in layout.levels)
        self._file_size = int(tif.filehandle.size)

    def _let_go(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._tif.close()

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return self._joined([self._samples(item, window, self._key) for item in self._layout.pages[plane]])

    def _read_level(self, level: int, window: Window, plane: int) -> NDArray[Any]:
        wanted = self._layout.levels[level - 1]
        pages = [wanted.page] if wanted.index is None else []
        if not pages:
            with self._lock:  # the directory is read from the file
                pages = [level_page(item.page, wanted, self.info.path) for item in self._layout.pages[plane]]
        return self._joined([self._samples(PagePart(page), window, page) for page in pages])

    def _joined(self, samples: list[NDArray[Any]]) -> NDArray[Any]:
        parts = [self._colours(part) for part in samples]
        pixels = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        if pixels.dtype.kind == "c":
            pixels = np.abs(pixels)
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

    def _samples(self, item: PagePart, window: Window, key: tifffile.TiffPage) -> NDArray[Any]:
        """Return ``(h, w, stored samples)`` of a page that is laid out as `key`."""
        separate, _, _, _, contig = key.shaped
        out = np.zeros((window.height, window.width, separate * contig), key.dtype)
        if key.is_contiguous:
            for sample in range(separate):
                part = slice(sample * contig, (sample + 1) * contig)
                out[..., part] = self._raw_pixels(item, sample, window, key)
            return out
        for index in segments_under(key, window):
            segment, at = self._segment(item.page, index, key)
            if segment is None:
                continue
            sample, _, y, x, _ = at
            part_of = Window(y, x, y + segment.shape[1], x + segment.shape[2]).intersect(window)
            source = part_of.shift(-y, -x).slices
            target = part_of.shift(-window.y0, -window.x0).slices
            out[(*target, slice(sample * contig, (sample + 1) * contig))] = segment[0][source]
        return out

    def _raw_pixels(self, item: PagePart, sample: int, window: Window, key: tifffile.TiffPage) -> NDArray[Any]:
        _, _, height, width, contig = key.shaped
        dtype = np.dtype(key.dtype).newbyteorder(self._tif.byteorder)
        pixel = contig * dtype.itemsize
        offset = item.page.dataoffsets[0] + item.skip + (sample * height + window.y0) * width * pixel
        if window.width * _NARROW < width:  # a small part of long rows
            starts = range(offset + window.x0 * pixel, offset + window.height * width * pixel, width * pixel)
            data = b"".join(self._bytes(start, window.width * pixel) for start in starts)
            return np.frombuffer(data, dtype).reshape(window.height, window.width, contig)
        data = self._bytes(offset, window.height * width * pixel)
        rows = np.frombuffer(data, dtype).reshape(window.height, width, contig)
        return rows[:, window.x0 : window.x1]

    def _bytes(self, offset: int, count: int) -> bytes:
        if offset + count > self._file_size:
            raise damaged(self.info.path, "its pixels end early")
        with self._lock:
            self._tif.filehandle.seek(offset)
            data: bytes = self._tif.filehandle.read(count)
        if len(data) < count:
            raise damaged(self.info.path, "its pixels end early")
        return data

    def _segment(
        self,
        page: Any,  # noqa: ANN401 - page or frame
        index: int,
        key: tifffile.TiffPage,
    ) -> tuple[NDArray[Any] | None, tuple[int, ...]]:
        if segment_bytes(key) < _KEPT_FROM:
            return self._decode(page, index, key)
        with self._big:  # two threads that decode the same large strip would take its memory twice
            known = self._kept.get((page.offset, index))
            if known is not None:
                self._kept.move_to_end((page.offset, index))
                return known, segment_place(key, index)
            segment, at = self._decode(page, index, key)
            if segment is not None:
                self._kept[(page.offset, index)] = segment
                while len(self._kept) > 1 and sum(kept.nbytes for kept in self._kept.values()) > _KEPT_BYTES:
                    self._kept.popitem(last=False)
            return segment, at

    def _decode(
        self,
        page: Any,  # noqa: ANN401 - page or frame
        index: int,
        key: tifffile.TiffPage,
    ) -> tuple[NDArray[Any] | None, tuple[int, ...]]:
        count = page.databytecounts[index]
        if count == 0 and (not key.is_tiled or page.dataoffsets[index]):  # a tile that is not there has no place either
            raise damaged(self.info.path, "a part of its pixels is missing")
        if count > _LONGER * segment_bytes(key) + _TABLES:
            raise damaged(self.info.path, "a part of its pixels claims to be longer than any can be")
        data = self._bytes(page.dataoffsets[index], count) if count else None
        tables = (
            {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}
            if key.compression in JPEG_COMPRESSIONS
            else {}
        )
        segment, at, _ = key.decode(data, index, **tables)
        return segment, at
