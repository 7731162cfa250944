"""The brightest pixel along an axis of a stack, as if it were the image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.tiles import Window
from segstudio.io.sources import ImageSource


class MaximumProjection:
    """An `ImageSource` in which each plane holds the maximum over all planes along one axis.

    Closing it closes nothing.

    Parameters
    ----------
    source
        A stack; stays open.
    letter
        Of the axis, one of ``source.info.stack``.
    """

    def __init__(self, source: ImageSource, letter: str) -> None:
        self._source = source
        letters, self._sizes = source.info.stack
        self._axis = letters.index(letter)
        #: As given.
        self.letter = letter
        # Another letter, so that nobody takes what is kept of the planes for what is kept of this.
        self._info = replace(source.info, axes=source.info.axes.replace(letter, letter.lower()))

    @property
    def info(self) -> ImageInfo:
        """What the stack is; the letter of the axis is a small one."""
        return self._info

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """As of the stack."""
        return self._source.levels

    @property
    def meaning(self) -> str:
        """What the axes of the image were said to mean."""
        return self._source.meaning

    @property
    def decodes(self) -> Literal["nothing", "parts", "planes"]:
        """As of the stack."""
        return self._source.decodes

    def first(self, plane: int) -> int:
        """Return the first of the planes that are seen together with `plane`."""
        return self._planes(plane)[0]

    def read(self, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return the maximum; where a plane has no value (NaN), that of the others."""
        return self._brightest(lambda at: self._source.read(window, at), plane)

    def read_level(self, level: int, window: Window | None = None, plane: int = 0) -> NDArray[Any]:
        """Return the maximum in a smaller copy."""
        return self._brightest(lambda at: self._source.read_level(level, window, at), plane)

    def close(self) -> None:
        """Leave the stack to who opened it."""

    def _planes(self, plane: int) -> list[int]:
        at = [int(here) for here in np.unravel_index(plane, self._sizes)]
        places = [[*at[: self._axis], here, *at[self._axis + 1 :]] for here in range(self._sizes[self._axis])]
        return [int(np.ravel_multi_index(place, self._sizes)) for place in places]

    def _brightest(self, read: Callable[[int], NDArray[Any]], plane: int) -> NDArray[Any]:
        first, *others = self._planes(plane)
        found = read(first)
        for other in others:
            np.fmax(found, read(other), out=found)
        return found
