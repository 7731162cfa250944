"""Smaller copies of an image inside its TIFF file: SubIFDs, and reduced pages behind the image."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.decoding import check_budget, damaged
from segstudio.io.tiff_segments import segment_shape

#: A pyramid of the largest image there can be has no more levels.
_MOST: Final = 32
#: Pages that are looked at for reduced ones; slides have few, longer files are stacks.
_MOST_PAGES: Final = 64


@dataclass(frozen=True)
class TiffLevel:
    """A smaller copy of the first page.

    Attributes
    ----------
    page
        That of the first page of the image.
    index
        Number among the SubIFDs of each page; ``None`` for a page of its own, of an image of one page.
    """

    page: tifffile.TiffPage
    index: int | None


def pyramid_levels(tif: tifffile.TiffFile, first: tifffile.TiffPage) -> tuple[TiffLevel, ...]:
    """Return the smaller copies of the first page that can be read, largest first.

    A copy has the type and samples of the page and its shape, to a pixel, whatever the factor is.
    """
    found = [level for level in _candidates(tif, first) if _is_copy(level.page, first)]
    return tuple(sorted(found, key=lambda level: -int(level.page.imagelength) * int(level.page.imagewidth)))


def level_page(page: Any, level: TiffLevel, path: Path) -> tifffile.TiffPage:  # noqa: ANN401 - page or frame
    """Return the copy of another page of the image; raise `BadInput` when it is not as that of the first."""
    if page.offset == _above(level):
        return level.page
    offsets = page.subifds or ()
    if level.index is None or level.index >= len(offsets):
        raise damaged(path, "a smaller copy of a plane is missing")
    page.parent.filehandle.seek(offsets[level.index])
    found = tifffile.TiffPage(page.parent, index=(page.index, level.index))
    if _kind(found) != _kind(level.page) or found.shaped != level.page.shaped:
        raise damaged(path, "a smaller copy of a plane is unlike the others")
    found.init_decode()
    return found


def _above(level: TiffLevel) -> int:
    return int(level.page.parent.pages.first.offset)


def _candidates(tif: tifffile.TiffFile, first: tifffile.TiffPage) -> Iterator[TiffLevel]:
    offsets = first.subifds or ()
    for index, offset in enumerate(offsets[:_MOST]):
        if 0 < offset < tif.filehandle.size:
            tif.filehandle.seek(offset)
            yield TiffLevel(tifffile.TiffPage(tif, index=(0, index)), index)
    if not offsets and 1 < len(tif.pages) <= _MOST_PAGES:
        slide = first.description.startswith("Aperio")
        for page in tif.pages[1:]:
            if isinstance(page, tifffile.TiffPage) and (page.is_reduced or (slide and page.is_tiled)):
                yield TiffLevel(page, None)


def _is_copy(page: tifffile.TiffPage, first: tifffile.TiffPage) -> bool:
    height, width = int(page.imagelength), int(page.imagewidth)
    if min(height, width) < 1 or _kind(page) != _kind(first):
        return False
    factor = max(first.imagelength / height, first.imagewidth / width)
    if factor <= 1 or abs(first.imagelength / factor - height) > 1 or abs(first.imagewidth / factor - width) > 1:
        return False
    return _is_readable(page)


def _is_readable(page: tifffile.TiffPage) -> bool:
    rows, columns = segment_shape(page)
    known = page.compression == 1 or page.compression in tifffile.TIFF.DECOMPRESSORS
    if not known or rows < 1 or columns < 1 or not page.dataoffsets:
        return False
    if page.is_contiguous:
        return bool(page.dataoffsets[0] + page.nbytes <= page.parent.filehandle.size)
    try:
        check_budget(Path(page.parent.filename), (rows, columns, page.shaped[4]), np.dtype(page.dtype))
    except BadInput:
        return False
    return True


def _kind(page: tifffile.TiffPage) -> tuple[object, ...]:
    return page.dtype, page.samplesperpixel, page.photometric, page.bitspersample, page.imagedepth
