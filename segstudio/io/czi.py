"""Reader: Zeiss CZI, one scene at a time, put together from its blocks; needs czifile."""

import math
import threading
import xml.etree.ElementTree as ET
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, PixelSize
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.axis_layout import AxisLayout
from segstudio.io.decoding import check_budget, damaged, no_part
from segstudio.io.image_place import container_of
from segstudio.io.optional_reader import CZI, library_errors, library_for
from segstudio.io.safe_xml import parse_xml
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers

_MAGIC: Final = b"ZISRAWFILE"
_KEPT: Final = 128 * 2**20
_MOST_BLOCKS: Final = 2_000_000
#: Axes that are known; blocks that differ along another one (views, phases, …) are left out but the first.
_AXES: Final = "TZC"


@dataclass(frozen=True)
class _Block:
    """Pixels of one plane and channel, as they lie in the file."""

    entry: Any
    scene: int
    place: tuple[tuple[str, int], ...]
    window: Window
    samples: int
    is_copy: bool
    """Whether it is a smaller copy, of a pyramid."""
    has_more: bool
    """Whether it lies at another place than the first along an axis that is not known."""


class CziSource(BaseSource):
    """One scene."""

    def __init__(self, info: ImageInfo, czi: Any, blocks: list[_Block], layout: AxisLayout) -> None:  # noqa: ANN401
        super().__init__(info)
        self._czi, self._layout = czi, layout
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._of: dict[tuple[tuple[str, int], ...], list[_Block]] = {}
        for block in blocks:
            self._of.setdefault(block.place, []).append(block)

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        index = dict(zip(self._layout.letters, self._layout.index(window, plane), strict=True))
        samples = self._layout.lengths[-1]
        parts = []
        for channel in range(index["C"].start, index["C"].stop):
            out = np.zeros((window.height, window.width, samples), np.dtype(self.info.dtype))
            place = (("T", index["T"].start), ("Z", index["Z"].start), ("C", channel))
            for block in self._of.get(place, []):
                part = block.window.intersect(window)
                if not part.empty:
                    pixels = self._pixels(block)
                    inside = part.shift(-block.window.y0, -block.window.x0)
                    out[part.shift(-window.y0, -window.x0).slices] = pixels[inside.slices]
            parts.append(out)
        pixels = np.concatenate(parts, axis=-1)
        return np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)

    def _pixels(self, block: _Block) -> NDArray[Any]:
        with self._lock, library_errors(CZI, self.info.path):  # one file, and one decoder
            key = int(block.entry.file_position)
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
            data = _decoded(self._czi, block.entry)
            wanted = (block.window.height, block.window.width, block.samples)
            if data.size != math.prod(wanted):
                raise damaged(self.info.path, "a block of it has another size than it states")
            pixels = data.reshape(wanted)
            self._kept[key] = pixels
            while len(self._kept) > 1 and sum(item.nbytes for item in self._kept.values()) > _KEPT:
                self._kept.popitem(last=False)
            return pixels

    def _let_go(self) -> None:
        """Close the file."""
        self._kept.clear()
        self._czi.close()


def _decoded(czi: Any, entry: Any) -> NDArray[Any]:  # noqa: ANN401 - of czifile
    """Return the pixels of a block as stored; czifile 2025 and later calls it otherwise than before."""
    if hasattr(entry, "read_segment_data"):
        return np.asarray(entry.read_segment_data(czi).data())
    return np.asarray(entry.data_segment().data(resize=False))


def _open(path: Path, indices: bool) -> BaseSource:
    library = library_for(CZI, container_of(path)[0])
    holder, part = container_of(path)
    with library_errors(CZI, holder):
        czi = library.CziFile(holder)
        try:
            return _source(path, holder, czi, part)
        except BaseException:
            czi.close()
            raise


def _source(path: Path, holder: Path, czi: Any, part: str) -> BaseSource:  # noqa: ANN401
    entries = czi.filtered_subblock_directory
    if len(entries) > _MOST_BLOCKS:
        raise damaged(path, "it has more blocks than any image")
    blocks = [_block(entry) for entry in entries]
    whole = [block for block in blocks if not block.is_copy and not block.has_more]
    if not whole:
        raise damaged(path, "it holds no pixels")
    scenes = sorted({block.scene for block in whole})
    if part and (not part.isdecimal() or len(part) > 9 or not 1 <= int(part) <= len(scenes)):
        raise no_part(holder, part)
    number = int(part) if part else 1
    mine = [block for block in whole if block.scene == scenes[number - 1]]
    words = []
    if len(scenes) > 1 and not part:
        words.append(f"Shown is scene 1 of {len(scenes)}; the others are {holder.name}/2 and so on.")
    if any(block.has_more for block in blocks):
        words.append("It has more views, phases or illuminations than are shown.")
    if len({(str(block.entry.dtype), block.samples) for block in mine}) > 1:
        raise BadInput(
            f"{holder.name} has channels of different types, which is not supported.",
            hint="Export it as OME-TIFF.",
            code="image-unsupported",
            path=path,
        )
    placed, layout = _placed(path, mine)
    dtype = np.dtype(mine[0].entry.dtype).base.newbyteorder("=")
    for block in placed:
        check_budget(path, (block.window.height, block.window.width, block.samples), dtype)
    root = _metadata(czi)
    names, colours = _channels(root, layout.channels)
    info = replace(
        layout.info(path, dtype, "Zeiss CZI"),
        pixel_size=_pixel_size(root),
        channel_names=names,
        channel_colours=colours,
        warnings=tuple(words),
    )
    source = CziSource(info, czi, placed, layout)
    source.parts = tuple(ImagePart(str(at + 1), f"scene {at + 1}") for at in range(len(scenes)))
    source.part = str(number)
    return source


def _block(entry: Any) -> _Block:  # noqa: ANN401
    letters = "".join(entry.dims) if hasattr(entry, "dims") else str(entry.axes)
    samples = letters[-1]  # "0" or "S"
    start = dict(zip(letters[:-1], map(int, entry.start), strict=False))
    shape = dict(zip(letters[:-1], map(int, entry.shape), strict=False))
    scene = int(getattr(entry, "scene_index", -1)) if samples == "S" else start.get("S", -1)
    y, x = start.get("Y", 0), start.get("X", 0)
    window = Window(y, x, y + shape.get("Y", 1), x + shape.get("X", 1))
    place = tuple((letter, start.get(letter, 0)) for letter in _AXES)
    more = any(start[letter] for letter in start if letter not in "TZCYXSMB")
    is_copy = tuple(entry.shape) != tuple(entry.stored_shape)
    return _Block(entry, scene, place, window, int(entry.shape[-1]), is_copy, more)


def _placed(path: Path, blocks: list[_Block]) -> tuple[list[_Block], AxisLayout]:
    """Return the blocks counted from the corner of their scene, and what they make up."""
    y, x = min(block.window.y0 for block in blocks), min(block.window.x0 for block in blocks)
    height = max(block.window.y1 for block in blocks) - y
    width = max(block.window.x1 for block in blocks) - x
    if min(height, width) < 1 or max(height, width) >= 2**31:
        raise damaged(path, "its size makes no sense")
    numbers = {letter: sorted({dict(block.place)[letter] for block in blocks}) for letter in _AXES}
    counted = {letter: {value: at for at, value in enumerate(values)} for letter, values in numbers.items()}
    placed = [
        _Block(
            block.entry,
            block.scene,
            tuple((letter, counted[letter][value]) for letter, value in block.place),
            block.window.shift(-y, -x),
            block.samples,
            block.is_copy,
            block.has_more,
        )
        for block in blocks
    ]
    lengths = tuple(len(numbers[letter]) for letter in _AXES)
    return placed, AxisLayout(f"{_AXES}YXS", (*lengths, height, width, blocks[0].samples))


def _metadata(czi: Any) -> ET.Element | None:  # noqa: ANN401
    try:
        text = czi.metadata()
    except (ValueError, AttributeError, TypeError, OSError):
        return None
    return parse_xml(text) if isinstance(text, str) else None


def _pixel_size(root: ET.Element | None) -> PixelSize | None:
    found: dict[str, float] = {}
    for item in _all(root, "Metadata/Scaling/Items/Distance"):
        try:
            value = float(item.findtext("Value") or "") * 1e6
        except ValueError:
            continue
        if math.isfinite(value) and value > 0:
            found[item.get("Id", "")] = value
    return PixelSize(found["Y"], found["X"]) if {"X", "Y"} <= found.keys() else None


def _channels(root: ET.Element | None, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    channels = "Channels/Channel"
    names = [item.get("Name", "")[:200] for item in _all(root, f"Metadata/Information/Image/Dimensions/{channels}")]
    colours = []
    for item in _all(root, f"Metadata/DisplaySetting/{channels}"):
        stated = item.findtext("Color") or ""  # "#AARRGGBB"
        colours.append(f"#{stated[3:9].lower()}" if len(stated) == 9 and stated.startswith("#") else "")
    return tuple(names) if len(names) == count > 1 else (), tuple(colours) if len(colours) == count > 1 else ()


def _all(root: ET.Element | None, path: str) -> Iterable[ET.Element]:
    return [] if root is None else root.iterfind(path)


readers.register("czi")(
    ImageReader(
        formats=("Zeiss CZI",),
        suffixes=(".czi",),
        matches=lambda head: head.startswith(_MAGIC),
        open=_open,
        has_parts=True,
    )
)
