"""Arrays with named axes in any order, as planes of rows, columns and channels."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, Kind
from segstudio.core.tiles import Window

#: Sizes of a last axis without a name that are samples of a colour.
_SAMPLES = (3, 4)


@dataclass(frozen=True)
class AxisLayout:
    """The axes of an array, and what the program makes of them.

    Attributes
    ----------
    letters
        One for each axis: Y and X once, C for channels, S for samples of a colour; planes lie along all others.
    lengths
        Of each axis.
    """

    letters: str
    lengths: tuple[int, ...]

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)`` of a plane."""
        return self._length("Y"), self._length("X")

    @property
    def channels(self) -> int:
        """What `arranged` returns as last axis; 1 for none."""
        return self._length("C") * self._length("S")

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return prod(self.lengths[self.letters.index(letter)] for letter in self._along)

    @property
    def axes(self) -> str:
        """Letters as an `ImageInfo` has them: those with a single element are left out, channels are last."""
        channels = "S" if self._length("S") > 1 and self._length("C") == 1 else "C"
        planes = "".join(letter for letter in self._along if self._length(letter) > 1)
        if self.channels == 1:
            return planes + "YX"
        return planes + ("YXS" if channels == "S" else "CYX")

    @property
    def shape(self) -> tuple[int, ...]:
        """One number for each letter of `axes`."""
        return tuple(self.channels if letter in "CS" else self._length(letter) for letter in self.axes)

    def kind(self, dtype: np.dtype[Any]) -> Kind:
        """Return what kind of image it is."""
        if self.channels == 1:
            return "gray"
        colour = self._length("S") == 3 and self._length("C") == 1 and dtype in (np.uint8, np.uint16)
        return "rgb" if colour else "channels"

    def info(self, path: Path, dtype: np.dtype[Any], format_name: str) -> ImageInfo:
        """Return what an image of these axes is; what its file says besides is for the reader to add."""
        height, width = self.size
        return ImageInfo(
            path=path,
            height=height,
            width=width,
            channels=self.channels,
            dtype=dtype.name,
            kind=self.kind(dtype),
            axes=self.axes,
            shape=self.shape,
            format=format_name,
            planes=self.planes,
        )

    def index(self, window: Window, plane: int) -> list[slice]:
        """Return which part of the array a window of a plane is; each axis is kept."""
        along = self._along
        numbers = np.unravel_index(plane, [self._length(letter) for letter in along]) if along else ()
        places = dict(zip(along, numbers, strict=True))
        parts = {"Y": slice(window.y0, window.y1), "X": slice(window.x0, window.x1)}
        parts |= {letter: slice(int(at), int(at) + 1) for letter, at in places.items()}
        whole = {letter: slice(0, self._length(letter)) for letter in "CS"}
        return [{**whole, **parts}[letter] for letter in self.letters]

    def arranged(self, part: NDArray[Any]) -> NDArray[Any]:
        """Return what `index` has cut out as ``(h, w)``, or ``(h, w, channels)``, native and contiguous."""
        order = [self.letters.index(letter) for letter in (*self._along, "Y", "X")]
        last = [self.letters.index(letter) for letter in "CS" if letter in self.letters]
        turned = part.transpose([*order, *last])
        rows, columns = turned.shape[len(self._along) : len(self._along) + 2]
        pixels = turned.reshape(rows, columns, -1)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8)
        return np.array(pixels, dtype=pixels.dtype.newbyteorder("="), order="C")

    @property
    def _along(self) -> str:
        """Letters of the axes along which planes lie, as they are stored."""
        return "".join(letter for letter in self.letters if letter not in "YXCS")

    def _length(self, letter: str) -> int:
        return self.lengths[self.letters.index(letter)] if letter in self.letters else 1


def guessed_letters(lengths: tuple[int, ...]) -> str | None:
    """Return letters for axes without names: rows and columns last, or before the samples of a colour.

    ``None`` where more than one axis is left over: nobody knows what they mean. ``"I"`` is one that may mean anything.
    """
    colour = len(lengths) > 2 and lengths[-1] in _SAMPLES and min(lengths[-3:-1]) > _SAMPLES[-1]
    letters = "YXS" if colour else "YX"
    left = lengths[: len(lengths) - len(letters)]
    named = [length > 1 for length in left]
    if sum(named) > 1 or len(lengths) < 2:
        return None
    # An axis of one element needs no meaning, but a letter of its own.
    spare = iter("ABDEFGHJ")
    return "".join("I" if name else next(spare) for name in named) + letters
