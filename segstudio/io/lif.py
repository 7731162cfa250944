"""Reader: Leica LIF, one image of the file at a time, frame by frame; needs liffile."""

import math
import struct
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, PixelSize
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.axis_layout import AxisLayout
from segstudio.io.cached_planes import CachedPlanes
from segstudio.io.decoding import check_budget, damaged, no_part
from segstudio.io.image_place import container_of
from segstudio.io.optional_reader import LIF, library_errors, library_for
from segstudio.io.regular_file import open_regular
from segstudio.io.safe_xml import LONGEST, is_unsafe
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers

#: A block of the file begins so, and behind its length the text with the description begins with an asterisk.
_MAGIC: Final = b"\x70\0\0\0"
_STAR: Final = 8
#: Signs of the beginning, lengths in bytes and in characters.
_HEAD: Final = struct.Struct("<IIBI")


class LifSource(BaseSource):
    """One image; the newest frame is kept."""

    def __init__(self, info: ImageInfo, file: Any, image: Any, layout: AxisLayout) -> None:  # noqa: ANN401
        super().__init__(info)
        self._file, self._image, self._layout = file, image, layout
        self._lock = threading.Lock()
        self._planes = CachedPlanes(self._plane)

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return np.array(self._planes.get(plane)[window.slices])

    def _plane(self, plane: int) -> NDArray[Any]:
        layout = self._layout
        index = dict(zip(layout.letters, layout.index(Window.whole(self.info.size), plane), strict=True))
        place = {letter: part.start for letter, part in index.items() if letter not in "YXCS"}
        channels = index.get("C", slice(0, 1))
        frames = []
        for channel in range(channels.start, channels.stop):
            with self._lock, library_errors(LIF, self.info.path):
                more = {"C": channel} if "C" in index else {}
                frame = np.asarray(self._image.frame(**place, **more))
            if frame.shape[:2] != self.info.size:
                raise damaged(self.info.path, "a frame of it has another size than it states")
            frames.append(frame.reshape(*frame.shape[:2], -1))
        pixels = np.concatenate(frames, axis=-1)
        pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        return np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))

    def _let_go(self) -> None:
        """Close the file."""
        self._planes.clear()
        self._file.close()


def _open(path: Path, indices: bool) -> BaseSource:
    holder, part = container_of(path)
    library = library_for(LIF, holder)
    _refuse_description(holder)
    with library_errors(LIF, holder):
        file = library.LifFile(holder)
        try:
            return _source(path, holder, file, part)
        except BaseException:
            file.close()
            raise


def _refuse_description(holder: Path) -> None:
    """Raise `BadInput` for a description that could grow or name other files when the library parses it."""
    with open_regular(holder) as file:
        head = file.read(_HEAD.size)
        length = 2 * _HEAD.unpack(head)[-1] if len(head) == _HEAD.size else 0
        if not 0 < length <= 2 * LONGEST:
            raise damaged(holder, "its description is missing or too long")
        text = file.read(length).decode("utf-16-le")
    # Another one, as of a single object with its own description behind the pixels, is no LIF file.
    if not text.startswith("<") or is_unsafe(text):
        raise damaged(holder, "its description defines entities or makes no sense")


def _source(path: Path, holder: Path, file: Any, part: str) -> BaseSource:  # noqa: ANN401
    images = [image for image in file.images if {"Y", "X"} <= set(image.dims)]
    if not images:
        raise BadInput(
            f"{holder.name} holds no image of rows and columns.",
            hint="Export what you need as OME-TIFF.",
            code="image-shape",
            path=path,
        )
    if part and (not part.isdecimal() or len(part) > 9 or not 1 <= int(part) <= len(images)):
        raise no_part(holder, part)
    number = int(part) if part else 1
    image = images[number - 1]
    letters = [str(letter) for letter in image.dims]
    if any(len(letter) != 1 for letter in letters) or set(letters[-3:] if "S" in letters else letters[-2:]) - {*"YXS"}:
        raise BadInput(
            f"{holder.name} has the axes {', '.join(letters)}, in an order that is not supported.",
            hint="Export it as OME-TIFF.",
            code="image-shape",
            path=path,
        )
    layout = AxisLayout("".join(letters), tuple(int(length) for length in image.shape))
    dtype = np.dtype(image.dtype).newbyteorder("=")
    check_budget(path, (*layout.size, layout.channels), dtype)
    words = []
    if len(images) > 1 and not part:
        words.append(f"Shown is image 1 of {len(images)}; the others are {holder.name}/2 and so on.")
    info = replace(
        layout.info(path, dtype, "Leica LIF"),
        pixel_size=_pixel_size(image),
        warnings=tuple(words),
    )
    source = LifSource(info, file, image, layout)
    source.parts = tuple(ImagePart(str(at + 1), str(item.name)[:200]) for at, item in enumerate(images))
    source.part = str(number)
    return source


def _pixel_size(image: Any) -> PixelSize | None:  # noqa: ANN401
    """Return the distance of pixels by their coordinates, which are in metres."""
    found = []
    for letter in "YX":
        places = np.asarray(image.coords.get(letter, ()), np.float64)
        step = float(places[1] - places[0]) * 1e6 if len(places) > 1 else 0.0
        found.append(step if math.isfinite(step) and step > 0 else None)
    y, x = found
    return PixelSize(y, x) if y and x else None


def _is_lif(head: bytes) -> bool:
    return head.startswith(_MAGIC) and head[_STAR : _STAR + 1] == b"\x2a"


readers.register("lif")(
    ImageReader(formats=("Leica LIF",), suffixes=(".lif",), matches=_is_lif, open=_open, has_parts=True)
)
