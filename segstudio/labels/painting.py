"""The brush: it follows a path over a transaction, and is the one place where masks become pixels."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.tiles import Window
from segstudio.labels.history import Plane
from segstudio.labels.raster import segment
from segstudio.labels.transaction import Transaction

Point = tuple[float, float]


#: Which share of its diameter a brush has under a pen that hardly touches.
_LIGHTEST: Final = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """Where a brush may write: the pixels of `mask`, ``(rows, columns)`` of `window`, and none elsewhere."""

    window: Window
    mask: NDArray[np.bool_]

    def within(self, window: Window) -> NDArray[np.bool_]:
        """Return the pixels of another window where it may."""
        out = np.zeros(window.shape, np.bool_)
        both = window.intersect(self.window)
        if not both.empty:
            here = self.mask[both.shift(-self.window.y0, -self.window.x0).slices]
            out[both.shift(-window.y0, -window.x0).slices] = here
        return out


@dataclass(frozen=True, slots=True)
class Brush:
    """A disc or a square that writes `value` on a plane.

    It writes only over the pixel values in `over` (``None``: any), and only inside of `limit`.
    """

    value: int
    diameter: float
    over: tuple[int, ...] | None = None
    plane: Plane = "labels"
    square: bool = False
    limit: Limit | None = None


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

    def to(self, x: float, y: float, pressure: float = 1.0) -> bool:
        """Paint from the last point to ``(x, y)``, a single disc at first; return whether a pixel changed.

        The brush has its full diameter at a `pressure` of 1, and hardly any at 0.
        """
        start = (x, y) if self._last is None else self._last
        self._last = (x, y)
        changed = False
        diameter = self._brush.diameter * (_LIGHTEST + (1 - _LIGHTEST) * pressure)
        for window, mask in segment(start, (x, y), diameter, square=self._brush.square):
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
    if brush.limit is not None:
        take &= brush.limit.within(part)
    if brush.over is not None:
        take &= np.isin(values, brush.over) if len(brush.over) > 1 else values == brush.over[0]
    if not take.any():
        return False
    values[take] = brush.value
    tx.write(brush.plane, part, values)
    return True
