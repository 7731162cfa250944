"""The planes of a stack laid one below the other, so that a plane of tiles holds the labels of all of them."""

from typing import Final, Self

#: Side of a tile of labels in pixels: the same for label map, journal and TIFF.
LABEL_TILE: Final = 512


class StackShape(tuple[int, int]):
    """``(rows, columns)`` of planes that are laid one below the other, each from a row of tiles on.

    It is the shape of one tall plane, and goes wherever such a shape goes. The rows between two planes lie in no tile.

    Parameters
    ----------
    height, width
        Of each plane, pixels.
    planes
        At least 2; an image of one plane has a plain shape, see `shape_of`.

    Examples
    --------
    >>> shape = StackShape(600, 800, 3)
    >>> tuple(shape), shape.pitch
    ((2648, 800), 1024)
    """

    height: int
    planes: int

    def __new__(cls, height: int, width: int, planes: int) -> Self:  # noqa: D102 - as the class says
        made = super().__new__(cls, ((planes - 1) * _pitch(height) + height, width))
        made.height, made.planes = height, planes
        return made

    def __getnewargs__(self) -> tuple[int, int, int]:  # what `__new__` takes
        return self.height, self[1], self.planes

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, other) is True and planes_of(other) == self.planes  # type: ignore[arg-type]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()

    @property
    def pitch(self) -> int:
        """Rows from the beginning of one plane to that of the next, a whole number of tiles."""
        return _pitch(self.height)

    def end(self, row: int) -> int:
        """Return behind which row the plane ends in which, or behind which, `row` lies."""
        return row // self.pitch * self.pitch + self.height


def shape_of(height: int, width: int, planes: int = 1) -> tuple[int, int]:
    """Return the shape of the labels of an image; a plain one for a flat image."""
    return (height, width) if planes == 1 else StackShape(height, width, planes)


def planes_of(shape: tuple[int, int]) -> int:
    """Return how many planes a shape of labels has."""
    return shape.planes if isinstance(shape, StackShape) else 1


def plane_size(shape: tuple[int, int]) -> tuple[int, int]:
    """Return ``(height, width)`` of each plane."""
    return (shape.height, shape[1]) if isinstance(shape, StackShape) else shape


def plane_start(shape: tuple[int, int], plane: int) -> int:
    """Return the first row of a plane in labels of `shape`."""
    return plane * shape.pitch if isinstance(shape, StackShape) else 0


def _pitch(height: int) -> int:
    return -(-height // LABEL_TILE) * LABEL_TILE
