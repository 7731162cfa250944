"""An image read with another meaning of its axes than the file says, or than the program could only guess."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.sources import BaseSource, open_image

#: What an axis beside rows and columns may mean: time, depth, channels, samples of colour, planes in no known order.
MEANINGS: Final = "TZCSI"


def meant_axes(info: ImageInfo) -> tuple[tuple[str, int], ...]:
    """Return letter and size of each axis beside rows and columns, slowest first, channels or samples last."""
    letters, sizes = info.stack
    along = list(zip(letters, sizes, strict=True))
    if info.channels > 1:
        along.append(("S" if info.kind == "rgb" else "C", info.channels))
    return tuple(along)


def possible(info: ImageInfo, axis: int) -> str:
    """Return what the axis of a number in `meant_axes` may mean, as letters of `MEANINGS`."""
    axes = meant_axes(info)
    colour = axis == len(axes) - 1 and axes[axis][1] == 3 and info.channels == 3 and info.dtype in ("uint8", "uint16")
    return "ZTC" + ("S" if colour else "I")


def check_meaning(info: ImageInfo, letters: str) -> str:
    """Return why an image cannot be read with these meanings of `meant_axes`; empty when it can.

    Examples
    --------
    >>> from pathlib import Path
    >>> info = ImageInfo(Path("a.tif"), 9, 9, 1, "uint8", "gray", "TIYX", (3, 4, 9, 9), "TIFF", planes=12)
    >>> check_meaning(info, "TZ"), check_meaning(info, "ZZ")
    ('', 'Two axes cannot mean the same.')
    """
    axes = meant_axes(info)
    if len(letters) != len(axes):
        return f"The image has {len(axes)} axes beside rows and columns, not {len(letters)}."
    if len(set(letters)) != len(letters):
        return "Two axes cannot mean the same."
    if "C" in letters and "S" in letters:
        return "Channels and colours cannot lie along different axes."
    if any(letter not in possible(info, number) and letter != axes[number][0] for number, letter in enumerate(letters)):
        return "An axis cannot mean that."
    return ""


def plane_axes(letters: str) -> tuple[int, ...]:
    """Return along which of `meant_axes` planes lie, by number: while these stay, each plane shows the same pixels."""
    return tuple(number for number, letter in enumerate(letters) if letter not in "CS")


def info_as(info: ImageInfo, letters: str) -> ImageInfo:
    """Return what an image is when its axes mean this.

    Raises
    ------
    BadInput
        They cannot.
    """
    problem = check_meaning(info, letters)
    if problem:
        raise BadInput(
            f"{info.path.name} cannot be read as it was: {problem}",
            hint="Was it saved anew? Say again what its axes mean, or put the original image back.",
            code="image-axes",
            path=info.path,
        )
    sizes = [size for _, size in meant_axes(info)]
    stack = [(letter, size) for letter, size in zip(letters, sizes, strict=True) if letter not in "CS"]
    channels = next((size for letter, size in zip(letters, sizes, strict=True) if letter in "CS"), 1)
    colour = "S" in letters
    same = info.channels > 1 and letters[-1] in "CS"
    along = [*stack, *([("C", channels)] if channels > 1 and not colour else [])]
    return replace(
        info,
        channels=channels,
        kind="rgb" if colour else "channels" if channels > 1 else "gray",
        axes="".join(letter for letter, _ in along) + ("YXS" if colour else "YX"),
        shape=(*(size for _, size in along), info.height, info.width, *((channels,) if colour else ())),
        planes=math.prod(size for _, size in stack),
        channel_names=info.channel_names if same else (),
        channel_colours=info.channel_colours if same else (),
        sure=True,
    )


def open_as(path: Path, letters: str = "") -> BaseSource:
    """Open an image file as `open_image` does, its axes read as `letters` say; empty for what the file says.

    Raises
    ------
    BadInput
        As `open_image`, or its axes cannot mean that.
    """
    source = open_image(path)
    if not letters:
        return source
    try:
        return ReadAs(source, letters)
    except BadInput:
        source.close()
        raise


class ReadAs(BaseSource):
    """An open image, its axes read as `letters` say.

    Parameters
    ----------
    source
        Is closed with this one.
    letters
        One for each of `meant_axes`.

    Raises
    ------
    BadInput
        The axes of the image cannot mean that.
    """

    def __init__(self, source: BaseSource, letters: str) -> None:
        super().__init__(info_as(source.info, letters))
        self._source = source
        self.meaning = letters
        self.levels = source.levels
        self.decodes = source.decodes
        sizes = [size for _, size in meant_axes(source.info)]
        self._of_channel = next((number for number, letter in enumerate(letters) if letter in "CS"), None)
        self._sizes = sizes
        self._stack = plane_axes(letters)
        self._deep = source.info.channels > 1

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return self._read_level(0, window, plane)

    def _read_level(self, level: int, window: Window, plane: int) -> NDArray[Any]:
        stack = [self._sizes[number] for number in self._stack]
        at = dict(zip(self._stack, np.unravel_index(plane, stack) if stack else (), strict=True))
        if self._of_channel is None:
            return self._part(level, window, at)
        if self._deep and self._of_channel == len(self._sizes) - 1:
            return self._source.read_level(level, window, self._plane(at))
        places = range(self._sizes[self._of_channel])
        return np.stack([self._part(level, window, {**at, self._of_channel: place}) for place in places], axis=-1)

    def _part(self, level: int, window: Window, at: dict[int, Any]) -> NDArray[Any]:
        """Return one gray plane of the file."""
        pixels = self._source.read_level(level, window, self._plane(at))
        return np.ascontiguousarray(pixels[..., at[len(self._sizes) - 1]]) if self._deep else pixels

    def _plane(self, at: dict[int, Any]) -> int:
        """Return the number that the file gives to a plane."""
        sizes: Sequence[int] = self._sizes[:-1] if self._deep else self._sizes
        return int(np.ravel_multi_index([int(at[number]) for number in range(len(sizes))], sizes)) if sizes else 0

    def _let_go(self) -> None:
        """Close the file."""
        self._source.close()
