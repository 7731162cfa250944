"""Reader: TIFF, OME-TIFF, BigTIFF and relatives, window by window."""

import logging
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, Kind, PixelSize
from segstudio.core.errors import BadInput
from segstudio.io.channel_colours import imagej_colours
from segstudio.io.decoding import check_budget, damaged, no_part
from segstudio.io.finite import MAGNITUDE, SEARCHED_PIXELS, float_warnings, real_type
from segstudio.io.image_place import container_of
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers
from segstudio.io.tiff_levels import pyramid_levels
from segstudio.io.tiff_metadata import describe_stack, imagej_entries, ome_images, plain_stack, unit_to_um
from segstudio.io.tiff_pixels import Colour, PagePart, TiffLayout, TiffSource
from segstudio.io.tiff_segments import JPEG_COMPRESSIONS, segment_shape

# What it has to say reaches the user as warnings of the image.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BITS = frozenset({1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64})
#: Pages that are compared with the first one; of longer series the rest is taken to be alike.
_COMPARED_PAGES = 2000
#: Coarsest pixel that a resolution tag without ImageJ's description is believed, micrometres:
#: beyond it the tag speaks of print (72 dpi is 353 µm).
_COARSEST = 40.0


def _open(path: Path, indices: bool) -> BaseSource:
    holder, part = container_of(path)
    tif = tifffile.TiffFile(holder, _multifile=False)
    try:
        return _source(path, tif, indices, part)
    except BaseException:
        tif.close()
        raise


def _source(path: Path, tif: tifffile.TiffFile, indices: bool, part: str) -> BaseSource:
    if len(tif.pages) == 0:
        raise damaged(path, "it holds no page")
    text = tif.pages.first.description
    series = ome_images(text, len(tif.pages))
    if part and (not part.isdecimal() or len(part) > 9 or not 1 <= int(part) <= len(series)):
        raise no_part(*container_of(path))
    number = int(part) - 1 if part else 0
    first = tif.pages[series[number].page].aspage() if number else tif.pages.first
    _refuse(path, first, indices)
    alike, other = _alike_pages(tif, first)
    samples, colour, kind, words = _colour(first, indices)
    entries = imagej_entries(text) if text.startswith("ImageJ=") else {}
    virtual = _virtual_planes(tif, entries)
    size = first.imagelength, first.imagewidth
    file_name = container_of(path)[0].name
    stack = describe_stack(
        text, file_name, range(virtual) if virtual > 1 else alike, samples, size, number if series else None
    )
    if stack.axes.endswith("C") and samples > 1:
        # Colour pages one after the other: each is a plane, there is no fourth channel.
        stack = plain_stack(stack.pages, *stack.warnings)
    channels = stack.sizes[-1] if stack.axes.endswith("C") else 1
    plane_size = int(first.nbytes)
    pages = [
        PagePart(tif.pages[0], number * plane_size) if virtual > 1 else PagePart(tif.pages[number])
        for number in stack.pages
    ]
    planes = len(pages) // channels
    levels = pyramid_levels(tif, first) if virtual <= 1 else ()
    if len(pages) == 1:
        other -= sum(level.index is None for level in levels)
    else:
        levels = tuple(level for level in levels if level.index is not None)
    layout = TiffLayout(
        tuple(tuple(pages[plane * channels : (plane + 1) * channels]) for plane in range(planes)),
        colour,
        samples,
        _palette(first) if colour == "palette" else None,
        levels,
    )
    shown = 3 if colour in ("palette", "cmyk") else samples
    trailing = shown if shown > 1 else channels
    words = [*_damage(tif, first), *stack.warnings, *words]
    if series and not part:
        words.append(f"Shown is image 1 of {len(series)}; the others are {file_name}/2 and so on.")
    if other and not text.rstrip("\0 \r\n").endswith("OME>"):
        words.append(f"{other} more {'page' if other == 1 else 'pages'} of another size or type not shown.")
    stored = np.dtype(first.dtype)
    if stored.kind == "c":
        words.append(MAGNITUDE)
    dtype = np.dtype(np.uint8) if colour != "samples" or stored == np.bool_ else real_type(stored)
    colours = imagej_colours(first, trailing) if entries else stack.channel_colours
    info = ImageInfo(
        path=path,
        height=first.imagelength,
        width=first.imagewidth,
        channels=trailing,
        dtype=dtype.name,
        kind=kind if channels == 1 else "channels",
        axes=stack.axes + ("YXS" if shown > 1 else "YX"),
        shape=(*stack.sizes, first.imagelength, first.imagewidth, *((shown,) if shown > 1 else ())),
        format=_format(tif, first, text),
        planes=planes,
        pixel_size=stack.pixel_size or _pixel_size(first, entries),
        channel_names=stack.channel_names if len(stack.channel_names) == trailing else (),
        channel_colours=colours if len(colours) == trailing else (),
        warnings=tuple(words),
        inverted=first.photometric == 0,
    )
    source = TiffSource(info, tif, layout)
    source.parts = tuple(ImagePart(str(at + 1), item.words) for at, item in enumerate(series))
    source.part = str(number + 1) if series else ""
    return _with_float_warnings(source)


def _with_float_warnings(source: TiffSource) -> TiffSource:
    info = source.info
    if np.dtype(info.dtype).kind == "f" and info.height * info.width * info.channels <= SEARCHED_PIXELS:
        found = float_warnings(source.read())
        if found:
            values = {name: getattr(info, name) for name in info.__slots__}
            source.info = ImageInfo(**{**values, "warnings": info.warnings + found})
    return source


def _damage(tif: tifffile.TiffFile, first: tifffile.TiffPage) -> Iterator[str]:
    """Yield what is wrong with a file of which the pixels can be read all the same."""
    form, file = tif.tiff, tif.filehandle
    file.seek(first.offset)
    tags = int(struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0])
    if (lost := tags - len(first.tags)) > 0:
        what = "1 entry of its header is" if lost == 1 else f"{lost:,} entries of its header are"
        yield f"The file is damaged: {what} unreadable; its pixels are shown."
    end = tif.pages.next_page_offset
    if end is not None:
        file.seek(end)
        if any(file.read(form.offsetsize)):  # on from the last page that there is
            yield "The file is damaged: its list of pages does not end; those that were found are shown."
    if first.is_contiguous and 0 in first.databytecounts:
        yield "The file is damaged: it says that its pixels take 0 bytes; they were read as its size tells."


def _refuse(path: Path, page: tifffile.TiffPage, indices: bool) -> None:
    size = f"{page.imagelength} × {page.imagewidth} pixels"
    if page.imagelength < 1 or page.imagewidth < 1 or page.samplesperpixel < 1:
        raise damaged(path, f"it says that it has {size}")
    if page.dtype is None or page.bitspersample not in _BITS:
        raise _unsupported(path, f"has {page.bitspersample} bits per pixel")
    if page.dtype.kind == "c" and indices:
        raise _unsupported(path, "holds complex numbers", "Save the labels as whole numbers.")
    if page.imagedepth != 1:
        raise _unsupported(path, "stores a volume in one page", "Save it as a stack of pages.")
    if page.compression != 1 and page.compression not in tifffile.TIFF.DECOMPRESSORS:
        raise _unsupported(path, f"is compressed with an unknown method (code {int(page.compression)})")
    if page.photometric == 6 and page.compression not in JPEG_COMPRESSIONS:
        raise _unsupported(path, "stores colours as YCbCr without JPEG", "Save it as RGB.")
    _refuse_layout(path, page)


def _refuse_layout(path: Path, page: tifffile.TiffPage) -> None:
    rows, columns = segment_shape(page)
    if rows < 1 or columns < 1 or not page.dataoffsets:
        raise damaged(path, "it says nowhere where its pixels are")
    contiguous = page.is_contiguous
    if not contiguous:
        check_budget(path, (rows, columns, page.shaped[4]), np.dtype(page.dtype))
    size_of_file = int(page.parent.filehandle.size)
    needed = page.nbytes if contiguous else 1
    if page.dataoffsets[0] + needed > size_of_file:
        if contiguous and page.nbytes > 1000 * size_of_file:
            size = f"{page.imagelength} × {page.imagewidth} pixels"
            raise damaged(path, f"it says that it has {size}, and is {size_of_file:,} bytes long")
        raise damaged(path, "its pixels end early")


def _unsupported(path: Path, words: str, hint: str = "Save it in another way, such as uncompressed TIFF.") -> BadInput:
    return BadInput(f"{path.name} {words}, which is not supported.", hint=hint, code="image-unsupported", path=path)


def _alike_pages(tif: tifffile.TiffFile, first: tifffile.TiffPage) -> tuple[list[int], int]:
    """Return the pages of size and type of the first of an image, and how many others there are."""
    count = len(tif.pages)
    if count > _COMPARED_PAGES and first is tif.pages.first:
        tif.pages.useframes = True
        tif.pages.set_keyframe(0)
        return list(range(count)), 0
    wanted = _kind_of_page(first)
    alike = [number for number, page in enumerate(tif.pages) if _kind_of_page(page) == wanted]
    return alike, count - len(alike)


def _kind_of_page(page: Any) -> tuple[object, ...]:  # noqa: ANN401 - page or frame
    layout = None if page.is_contiguous else segment_shape(page)
    return page.shaped, page.dtype, page.photometric, page.compression, page.is_tiled, page.predictor, layout


def _virtual_planes(tif: tifffile.TiffFile, entries: dict[str, str]) -> int:
    """Return how many planes ImageJ stored behind a single directory; 0 when it did not."""
    first = tif.pages.first
    images = entries.get("images", "1")
    if len(tif.pages) > 1 or not first.is_contiguous or not images.isdecimal() or len(images) > 9:
        return 0
    fits = first.dataoffsets[0] + int(images) * int(first.nbytes) <= int(tif.filehandle.size)
    return int(images) if fits else 0


def _colour(page: tifffile.TiffPage, indices: bool) -> tuple[int, Colour, Kind, list[str]]:
    """Return how many samples are used, how they become colours, the kind of image, and warnings."""
    samples = page.samplesperpixel
    words = []
    if page.photometric == 0:
        words.append("In this file 0 means white; the stored values are used as they are.")
    if page.photometric == 3 and page.colormap is not None and samples == 1:
        return (1, "samples", "gray", words) if indices else (1, "palette", "rgb", words)
    if page.photometric == 5 and samples >= 4 and page.dtype == np.uint8:
        return 4, "cmyk", "rgb", words
    if page.photometric in (2, 6) and samples >= 3:
        if samples > 3 and not set(page.extrasamples) & {1, 2}:
            words.append(f"{samples - 3} more channels beside red, green and blue are not shown.")
        integer = page.dtype in (np.uint8, np.uint16)
        return 3, "samples", "rgb" if integer else "channels", words
    alpha = sum(extra in (1, 2) for extra in page.extrasamples)
    used = max(1, samples - alpha)
    return used, "samples", "gray" if used == 1 else "channels", words


def _palette(page: tifffile.TiffPage) -> NDArray[np.uint8]:
    table = np.asarray(page.colormap)
    if table.max() > 255:
        table = table >> 8
    return np.ascontiguousarray(table.T.astype(np.uint8))


def _format(tif: tifffile.TiffFile, first: tifffile.TiffPage, text: str) -> str:
    name = "BigTIFF" if tif.is_bigtiff else "TIFF"
    if text.rstrip("\0 \r\n").endswith("OME>"):
        name = f"OME-{name}"
    return f"{first.bitspersample}-bit {name}" if first.bitspersample not in (8, 16, 32, 64) else name


def _pixel_size(page: tifffile.TiffPage, entries: dict[str, str]) -> PixelSize | None:
    per_unit = [_ratio(page.tags.valueof(code)) for code in (283, 282)]
    y, x = (1 / value if value else None for value in per_unit)
    if y is None or x is None:
        return None
    if "unit" in entries:
        unit = unit_to_um(entries["unit"])
        return PixelSize(y * unit, x * unit) if unit else None
    unit = {2: 25_400.0, 3: 10_000.0}.get(page.tags.valueof(296, 1))
    if unit is None or max(y, x) * unit > _COARSEST:
        return None
    return PixelSize(y * unit, x * unit)


def _ratio(value: object) -> float | None:
    match value:
        case (int(above), int(below)) if above > 0 and below > 0:
            return above / below
        case (float(number),) if math.isfinite(number) and number > 0:  # no fraction, as the standard has it
            return number
        case _:
            return None


readers.register("tiff")(
    ImageReader(
        formats=("TIFF", "OME-TIFF", "BigTIFF"),
        suffixes=(".tif", ".tiff", ".svs", ".lsm", ".btf", ".tf8"),
        matches=lambda head: head.startswith(_MAGIC),
        open=_open,
        has_parts=True,
    )
)
