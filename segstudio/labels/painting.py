"""The brush: a disc that follows a path over a transaction, and the one place where masks become pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.tiles import Window
from segstudio.labels.history import Plane
from segstudio.labels.raster import segment
from segstudio.labels.transaction import Transaction

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Brush:
    """A disc that writes `value` on a plane, but only over the pixel values in `over` (``None``: any)."""

    value: int
    diameter: float
    over: tuple[int, ...] | None = None
    plane: Plane = "labels"


class Painter:
    """Follows a path with a brush; each `to` costs only what is newly covered.

    Parameters
    ----------
    tx
        The gesture.
    brush
        What to paint.
    """

    def __init__(self, tx: Transaction, brush: Brush) -> None:
        self._tx = tx
        self._brush = brush
        self._last: Point | None = None

    def to(self, x: float, y: float) -> bool:
        """Paint from the last point to ``(x, y)``, a single disc at first; return whether a pixel changed."""
        start = (x, y) if self._last is None else self._last
        self._last = (x, y)
        changed = False
        for window, mask in segment(start, (x, y), self._brush.diameter):
            changed |= write_masked(self._tx, self._brush, window, mask)
        return changed


def follow(tx: Transaction, points: ArrayLike, brush: Brush) -> bool:
    """Paint along ``(N, 2)`` xy points; return whether a pixel changed."""
    painter = Painter(tx, brush)
    changed = [painter.to(x, y) for x, y in np.asarray(points, float).reshape(-1, 2).tolist()]
    return any(changed)


def write_masked(tx: Transaction, brush: Brush, window: Window, mask: NDArray[np.bool_]) -> bool:
    """Write the brush's value where `mask` holds and `brush.over` allows; return whether a pixel changed."""
    part = window.clip(tx.shape)
    if part.empty:
        return False
    values = tx.read(brush.plane, part)
    take = mask[part.shift(-window.y0, -window.x0).slices] & (values != brush.value)
    if brush.over is not None:
        take &= np.isin(values, brush.over) if len(brush.over) > 1 else values == brush.over[0]
    if not take.any():
        return False
    values[take] = brush.value
    tx.write(brush.plane, part, values)
    return True
