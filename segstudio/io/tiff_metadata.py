"""What the descriptions inside a TIFF say: order of the pages, pixel size, channel names; none of it is trusted."""

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from segstudio.core.axes import PixelSize
from segstudio.io.channel_colours import ome_colours
from segstudio.io.safe_xml import parse_xml

#: Longest description that is parsed, characters.
MAX_DESCRIPTION = 32_000_000

#: Micrometres per unit, as OME and ImageJ spell them.
_UNITS = {
    "pm": 1e-6,
    "å": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "µm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "inch": 25_400.0,
    "in": 25_400.0,
}


@dataclass(frozen=True)
class Stack:
    """How the pages of a file make up one image.

    Attributes
    ----------
    axes
        Letters of the axes along the pages, slowest first, as ``"TZC"``; empty for one page.
    sizes
        One number per letter.
    pages
        Page numbers, row-major over `sizes`.
    pixel_size
        As a description gives it.
    """

    axes: str
    sizes: tuple[int, ...]
    pages: tuple[int, ...]
    pixel_size: PixelSize | None = None
    channel_names: tuple[str, ...] = ()
    channel_colours: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plain_stack(pages: Sequence[int], *warnings: str) -> Stack:
    """Return the stack of pages whose order means nothing known."""
    if len(pages) == 1:
        return Stack("", (), tuple(pages), warnings=warnings)
    return Stack("I", (len(pages),), tuple(pages), warnings=warnings)


def describe_stack(
    description: str,
    name: str,
    pages: Sequence[int],
    samples: int,
    shape: tuple[int, int] | None = None,
    image: int | None = None,
) -> Stack:
    """Return the order of `pages` by whatever description the file has.

    Parameters
    ----------
    description
        ImageDescription of the first page.
    name
        File name, to tell this file from others that OME-XML names.
    pages
        Numbers of the pages with the size and type of the first.
    samples
        Samples per pixel of each.
    shape
        Their rows and columns, to be compared with the description.
    image
        Number of the image in OME-XML that describes several; ``None`` for the first when the others cannot be had.
    """
    if len(description) > MAX_DESCRIPTION:
        return plain_stack(pages, "The description in the file is too long and was not read.")
    text = description.strip("\0 \t\r\n")
    if text.endswith("OME>"):
        return _ome_stack(text, name, pages, samples, shape, image)
    if text.startswith("<?xml") and "<OME" in text[:2000]:
        return plain_stack(pages, "The OME description breaks off and was not used.")
    if text.startswith(("ImageJ=", "SCIFIO=")):
        return _imagej_stack(text, pages, samples)
    if text.startswith('{"shape":'):
        return _shaped_stack(text, pages, samples)
    stack = plain_stack(pages)
    if text.startswith("Aperio"):
        found = re.search(r"\bMPP\s*=\s*([0-9.]{1,20})", text)
        size = _positive(found.group(1)) if found else None
        return Stack(stack.axes, stack.sizes, stack.pages, PixelSize(size, size) if size else None)
    return stack


def unit_to_um(unit: str) -> float | None:
    """Return how many micrometres a unit is, ``None`` for "pixel" and unknown ones."""
    return _UNITS.get(unit.replace("\\u00B5", "µ").replace("μ", "µ").strip('" ').lower())


def _positive(text: str | None) -> float | None:
    try:
        value = float(text) if text else 0.0
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


class OmeImage(NamedTuple):
    """One of several images in a file: number of its first page, and what it is, for people."""

    page: int
    words: str


def ome_images(description: str, pages: int) -> tuple[OmeImage, ...]:
    """Return the images that OME-XML describes, where they are several and each says where in the file it begins."""
    text = description.strip("\0 \t\r\n")
    several = text.endswith("OME>") and len(re.findall(r"<(?:\w+:)?Image\s", text)) > 1
    root = parse_xml(text) if several else None
    found: list[OmeImage] = []
    files: set[str] = set()
    for element in () if root is None else root:
        pixels = next((part for part in element if _tag(part) == "Pixels"), None)
        if _tag(element) != "Image" or pixels is None:
            continue
        data = next((part for part in pixels if _tag(part) == "TiffData"), None)
        page = _whole(data.get("IFD"), -1) if data is not None else -1
        files |= _file_names(pixels)
        # Of a series of files each describes all, and page 0 of another one is not in this.
        if not 0 <= page < pages or len(files) > 1 or page in {other.page for other in found}:
            return ()
        size = " × ".join(pixels.get(f"Size{letter}", "?") for letter in "YX")
        found.append(OmeImage(page, f"{element.get('Name') or ''} {size}".strip()[:200]))
    return tuple(found) if len(found) > 1 else ()


def _ome_stack(
    text: str, name: str, pages: Sequence[int], samples: int, shape: tuple[int, int] | None, image: int | None
) -> Stack:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return plain_stack(pages, "The OME description defines entities, which is not safe; it was not used.")
    try:
        # Without DTD there are no entities, and the description is at most MAX_DESCRIPTION long.
        root = ET.fromstring(text)  # noqa: S314
    except ET.ParseError:
        return plain_stack(pages, "The OME description is damaged and was not used.")
    images = [element for element in root if _tag(element) == "Image"]
    pixels = next((part for item in images[image or 0 :][:1] for part in item if _tag(part) == "Pixels"), None)
    if pixels is None:
        return plain_stack(pages, "The OME description holds no image and was not used.")
    stack = _ome_order(pixels, name, pages, samples)
    words = list(stack.warnings)
    said = tuple(_whole(pixels.get(f"Size{letter}"), 0) for letter in "YX")
    if shape is not None and all(said) and said != shape:
        words.append(
            f"The OME description speaks of {said[0]:,} × {said[1]:,} pixels, the file holds "
            f"{shape[0]:,} × {shape[1]:,}; these are shown."
        )
    if len(images) > 1 and image is None:
        more = len(images) - 1
        words.append(f"{more:,} more {'image in the file is' if more == 1 else 'images in the file are'} not shown.")
    channels = [part for part in pixels if _tag(part) == "Channel"]
    names = tuple(part.get("Name") or f"Channel {number + 1}" for number, part in enumerate(channels))
    return Stack(
        stack.axes,
        stack.sizes,
        stack.pages,
        _ome_pixel_size(pixels),
        names,
        ome_colours(channels),
        tuple(words),
    )


def _ome_order(pixels: ET.Element, name: str, pages: Sequence[int], samples: int) -> Stack:
    order = pixels.get("DimensionOrder", "XYZCT")[2:]
    sizes = {letter: _whole(pixels.get(f"Size{letter}"), 1) for letter in "ZCT"}
    if sorted(order) != ["C", "T", "Z"] or min(sizes.values()) < 1:
        return plain_stack(pages, "The axes in the OME description make no sense and were not used.")
    if samples > 1 and sizes["C"] % samples == 0:
        sizes["C"] //= samples
    total = sizes["Z"] * sizes["C"] * sizes["T"]
    elsewhere = _other_files(pixels, name)
    if elsewhere:
        return plain_stack(pages, f"A part of the image lies in {', '.join(elsewhere)}, which is not shown.")
    if total > len(pages):
        return plain_stack(
            pages, f"The OME description speaks of {total:,} planes, the file holds {len(pages)}; these are shown."
        )
    known = set(pages)
    found: dict[tuple[int, int, int], int] = {}
    fastest = [sizes[letter] for letter in order]
    for part in (part for part in pixels if _tag(part) == "TiffData"):
        start = [_whole(part.get(f"First{letter}"), 0) for letter in order]
        first = start[0] + fastest[0] * (start[1] + fastest[1] * start[2])
        page = part.get("IFD")
        count = _whole(part.get("PlaneCount"), 1 if page is not None else total)
        for step in range(max(0, min(count, total - first))):
            number = first + step
            key = (
                number % fastest[0],
                number // fastest[0] % fastest[1],
                number // (fastest[0] * fastest[1]),
            )
            found[key] = _whole(page, 0) + step
    if not found:
        found = {
            (number % fastest[0], number // fastest[0] % fastest[1], number // (fastest[0] * fastest[1])): page
            for number, page in enumerate(pages[:total])
        }
    if len(found) != total or not set(found.values()) <= known:
        return plain_stack(pages, "The order of planes in the OME description does not fit the file; it was not used.")
    letters = [letter for letter in "TZC" if sizes[letter] > 1]
    places = {letter: order.index(letter) for letter in "TZC"}
    keys = sorted(found, key=lambda key: tuple(key[places[letter]] for letter in "TZC"))
    return Stack("".join(letters), tuple(sizes[letter] for letter in letters), tuple(found[key] for key in keys))


def _file_names(pixels: ET.Element) -> set[str]:
    return {
        part.get("FileName", "") for data in pixels if _tag(data) == "TiffData" for part in data if _tag(part) == "UUID"
    }


def _other_files(pixels: ET.Element, name: str) -> list[str]:
    names = _file_names(pixels)
    # A renamed file names itself by its old name: then there is one name, and it means this file.
    others = sorted(names - {name, ""})
    return [] if len(names) <= 1 else [other[:80] for other in others[:5]]


def _ome_pixel_size(pixels: ET.Element) -> PixelSize | None:
    values = []
    for letter in "YX":
        unit = unit_to_um(pixels.get(f"PhysicalSize{letter}Unit", "µm"))
        value = _positive(pixels.get(f"PhysicalSize{letter}"))
        values.append(value * unit if value and unit else None)
    y, x = values
    return PixelSize(y, x) if y and x else None


def _imagej_stack(text: str, pages: Sequence[int], samples: int) -> Stack:
    entries = imagej_entries(text)
    sizes = {
        letter: max(1, _whole(entries.get(key), 1))
        for letter, key in (("T", "frames"), ("Z", "slices"), ("C", "channels"))
    }
    if samples > 1 and sizes["C"] == samples:
        sizes["C"] = 1
    total = sizes["T"] * sizes["Z"] * sizes["C"]
    if total == 1 and len(pages) > 1:
        return plain_stack(pages)
    if total != len(pages):
        return plain_stack(pages, f"The file says that it holds {total:,} planes, it holds {len(pages)}.")
    letters = [letter for letter in "TZC" if sizes[letter] > 1]
    return Stack("".join(letters), tuple(sizes[letter] for letter in letters), tuple(pages))


def imagej_entries(text: str) -> dict[str, str]:
    """Return the ``key=value`` lines of a description by ImageJ."""
    pairs = (line.split("=", 1) for line in text[:100_000].splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _shaped_stack(text: str, pages: Sequence[int], samples: int) -> Stack:
    try:
        entries = json.loads(text)
        shape = [int(length) for length in entries["shape"]]
        axes = str(entries.get("axes", ""))
    except (ValueError, TypeError, KeyError, RecursionError):
        return plain_stack(pages)
    trailing = 2 + (samples > 1)
    if len(axes) != len(shape):
        return plain_stack(pages)
    leading = [(a, n) for a, n in zip(axes[:-trailing], shape[:-trailing], strict=True) if n > 1]
    letters = "".join(letter for letter, _ in leading)
    if math.prod(n for _, n in leading) != len(pages) or len(set(letters)) != len(letters):
        return plain_stack(pages)
    if "C" in letters and not letters.endswith("C"):
        return plain_stack(pages)
    return Stack(letters, tuple(n for _, n in leading), tuple(pages))


def _tag(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _whole(text: str | None, default: int) -> int:
    try:
        return int(text) if text and len(text) < 20 else default
    except ValueError:
        return default
