"""Which plane of a stack is in front: a step along one of its axes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from segstudio.labels.stack_edits import Interpolate, gaps, planes_along

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument


class PlaneChoice:
    """Steps through the planes of the image in front; flat images have none to step through.

    Parameters
    ----------
    document
        Returns the open image, or ``None``.
    """

    def __init__(self, document: "Callable[[], ImageDocument | None]") -> None:
        self._document = document

    @property
    def axes(self) -> tuple[tuple[str, int], ...]:
        """Letters of the axes along which the planes lie, slowest first, and how many there are along each."""
        document = self._document()
        return () if document is None else tuple(zip(document.entry.axes, document.entry.sizes, strict=True))

    @property
    def position(self) -> tuple[int, ...]:
        """Where along each axis the plane in front lies."""
        document = self._document()
        if document is None or not document.entry.sizes:
            return ()
        return tuple(int(at) for at in np.unravel_index(document.plane, document.entry.sizes))

    def go_to(self, axis: int, at: int) -> None:
        """Go along one axis; stops at its ends. A gesture that is going on has to be ended before."""
        document, position = self._document(), list(self.position)
        if document is not None and axis < len(position):
            sizes = document.entry.sizes
            position[axis] = min(max(at, 0), sizes[axis] - 1)
            document.turn_to(int(np.ravel_multi_index(position, sizes)))

    def axis_of(self, letter: str) -> int | None:
        """Return the number of the axis of a letter; of one axis alone, whatever its letter is, that."""
        letters = [name for name, _ in self.axes]
        return letters.index(letter) if letter in letters else 0 if len(letters) == 1 else None

    def projected(self, letter: str) -> str:
        """Return the letter of the axis over which `letter` projects in the image in front; empty for none.

        Depth is also the only axis that there is, unless that is the time.
        """
        letters = [name for name, _ in self.axes]
        if letter in letters:
            return letter
        return letters[0] if letter == "Z" and len(letters) == 1 and letters != ["T"] else ""

    def go_on(self, by: int) -> int | None:
        """Go on along the fastest axis; return the plane that was in front, ``None`` where there is no further one."""
        document, position = self._document(), self.position
        axis = len(position) - 1
        if document is None or axis < 0 or not 0 <= position[axis] + by < document.entry.sizes[axis]:
            return None
        before = document.plane
        self.go_to(axis, position[axis] + by)
        return before

    def interpolating(self, ids: frozenset[int]) -> Interpolate | None:
        """Return the edit that draws objects on the planes between those that have them, along the fastest axis.

        ``None`` where nothing is missing.
        """
        document = self._document()
        if document is None or not document.entry.sizes:
            return None
        along = planes_along(document.entry.sizes, document.plane, len(document.entry.sizes) - 1)
        missing = frozenset(item for item in ids if gaps(document.stack, along, item))
        return Interpolate(along, missing) if missing else None

    def step(self, letter: str, by: int) -> None:
        """Go on along the axis of a letter; of one axis alone, whatever its letter is, along that."""
        axis = self.axis_of(letter)
        if axis is not None:
            self.go_to(axis, self.position[axis] + by)
