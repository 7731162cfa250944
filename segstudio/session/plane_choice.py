"""Which plane of a stack is in front: a step along one of its axes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.manifest import ImageEntry


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

    def step(self, letter: str, by: int) -> None:
        """Go on along the axis of a letter; of one axis alone, whatever its letter is, along that."""
        letters = [name for name, _ in self.axes]
        axis = letters.index(letter) if letter in letters else 0 if len(letters) == 1 else None
        if axis is not None:
            self.go_to(axis, self.position[axis] + by)


def place_words(entry: "ImageEntry", plane: int) -> str:
    """Return where in a stack a plane lies, for the name of a file, as ``"_t02_z017"``; nothing for a flat image."""
    if entry.planes == 1:
        return ""
    places = zip(entry.axes, entry.sizes, np.unravel_index(plane, entry.sizes), strict=True)
    return "".join(f"_{letter.lower()}{int(at) + 1:0{len(str(size))}d}" for letter, size, at in places)
