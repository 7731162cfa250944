"""Reader: Nikon ND2, frame by frame; needs nd2."""

import math
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
from segstudio.io.guarded_file import GuardedFile
from segstudio.io.image_place import container_of
from segstudio.io.optional_reader import ND2, library_errors, library_for
from segstudio.io.sources import BaseSource, ImagePart, ImageReader, readers

_MAGIC: Final = b"\xda\xce\xbe\x0a"
#: Axis of the stage positions: each is an image of its own.
_POSITIONS: Final = "P"


class Nd2Source(BaseSource):
    """One stage position of an ND2 file; the newest frame is kept."""

    def __init__(self, info: ImageInfo, file: Any, layout: AxisLayout, first: int, steps: dict[str, int]) -> None:  # noqa: ANN401
        super().__init__(info)
        self._file, self._layout, self._first, self._steps = file, layout, first, steps
        self._lock = threading.Lock()
        self._frames = CachedPlanes(self._frame)

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return np.array(self._frames.get(plane)[window.slices])

    def _frame(self, plane: int) -> NDArray[Any]:
        index = self._layout.index(Window.whole(self.info.size), plane)
        at = dict(zip(self._layout.letters, index, strict=True))
        number = self._first + sum(step * at[letter].start for letter, step in self._steps.items())
        with self._lock, library_errors(ND2, self.info.path):
            frame = np.asarray(self._file.read_frame(number))
        letters = [letter for letter in self._layout.letters if letter not in self._steps]
        stored = tuple(self._layout.lengths[self._layout.letters.index(letter)] for letter in letters)
        if frame.size != math.prod(stored):
            raise damaged(self.info.path, "a frame of it has another size than it states")
        return AxisLayout("".join(letters), stored).arranged(frame.reshape(stored))

    def _let_go(self) -> None:
        """Close the file."""
        self._frames.clear()
        self._file.close()


def _open(path: Path, indices: bool) -> BaseSource:
    holder, part = container_of(path)
    library = library_for(ND2, holder)
    stream = GuardedFile(holder)
    try:
        with library_errors(ND2, holder):
            source = _source(path, holder, library.ND2File(stream), part)
    except BaseException:
        stream.close()
        raise
    stream.described = True
    return source


def _source(path: Path, holder: Path, file: Any, part: str) -> BaseSource:  # noqa: ANN401
    sizes = {str(letter): int(length) for letter, length in file.sizes.items()}
    if not {"Y", "X"} <= sizes.keys() or min(sizes.values()) < 1:
        raise damaged(path, "it holds no image")
    if any(len(letter) != 1 for letter in sizes):
        raise BadInput(
            f"{holder.name} has the axes {', '.join(sizes)}, which are not all known.",
            hint="Export it as OME-TIFF.",
            code="image-shape",
            path=path,
        )
    dtype = np.dtype(file.dtype).newbyteorder("=")
    along = [letter for letter in sizes if letter not in "YXCS"]
    # Frames are counted along these axes as along the rows of an array.
    steps = {letter: math.prod(sizes[other] for other in along[at + 1 :]) for at, letter in enumerate(along)}
    positions = sizes.get(_POSITIONS, 1)
    if part and (not part.isdecimal() or len(part) > 9 or not 1 <= int(part) <= positions):
        raise no_part(holder, part)
    number = int(part) if part else 1
    first = (number - 1) * steps.pop(_POSITIONS, 0)
    letters = [letter for letter in sizes if letter != _POSITIONS]
    layout = AxisLayout("".join(letters), tuple(sizes[letter] for letter in letters))
    check_budget(path, (*layout.size, layout.channels), dtype)
    names, colours = _channels(file, layout.channels)
    words = []
    if positions > 1 and not part:
        words.append(f"Shown is position 1 of {positions}; the others are {holder.name}/2 and so on.")
    info = replace(
        layout.info(path, dtype, "Nikon ND2"),
        pixel_size=_pixel_size(file),
        channel_names=names,
        channel_colours=colours,
        warnings=tuple(words),
    )
    source = Nd2Source(info, file, layout, first, steps)
    source.parts = tuple(ImagePart(str(at + 1), f"position {at + 1}") for at in range(positions))
    source.part = str(number)
    return source


def _pixel_size(file: Any) -> PixelSize | None:  # noqa: ANN401
    found = file.voxel_size()
    y, x = float(found.y), float(found.x)
    return PixelSize(y, x) if all(math.isfinite(value) and value > 0 for value in (y, x)) else None


def _channels(file: Any, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ANN401
    channels = getattr(file.metadata, "channels", None) or []
    if len(channels) != count or count == 1:
        return (), ()
    names = tuple(str(item.channel.name)[:200] for item in channels)
    colours = tuple("#" + bytes(item.channel.color[:3]).hex() for item in channels)
    return names, colours


readers.register("nd2")(
    ImageReader(
        formats=("Nikon ND2",),
        suffixes=(".nd2",),
        matches=lambda head: head.startswith(_MAGIC),
        open=_open,
        has_parts=True,
    )
)
