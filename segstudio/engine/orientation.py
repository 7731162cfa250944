"""The eight orientations of a picture: quarter turns and mirrorings of planes, and of the vectors that they hold."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)


def turn(planes: NDArray[Number], quarter_turns: int, mirror: bool) -> NDArray[Number]:
    """Return ``(C, H, W)`` turned counter-clockwise by quarter turns and then mirrored left to right."""
    turned = np.rot90(planes, quarter_turns, axes=(1, 2))
    return turned[:, :, ::-1] if mirror else turned


def turn_vector(dy: float, dx: float, quarter_turns: int, mirror: bool) -> tuple[float, float]:
    """Return where the vector (dy, dx) points after `turn`.

    Examples
    --------
    >>> turn_vector(0, 1, quarter_turns=1, mirror=False)
    (-1, 0)
    """
    for _ in range(quarter_turns % 4):
        dy, dx = -dx, dy
    return dy, -dx if mirror else dx


def turn_vectors(planes: Planes, channels: tuple[int, int], quarter_turns: int, mirror: bool) -> Planes:
    """Turn the vectors (dy, dx) that the `channels` of already turned `planes` hold; returns a new array."""
    result = planes.copy()
    y, x = channels
    dy, dx = planes[y], planes[x]
    for _ in range(quarter_turns % 4):
        dy, dx = -dx, dy
    result[y], result[x] = dy, -dx if mirror else dx
    return result
