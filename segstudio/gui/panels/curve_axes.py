"""The axes of the curves: whole epochs, and logarithmic numbers that do not lie on one another."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray

#: Pixels from one number of a logarithmic axis to the next.
_TICK_GAP = 15
#: Steps between the numbers within a decade, the finest first.
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class WholeTicks(pg.AxisItem):
    """An axis whose ticks can be held to whole numbers: there is no epoch 1.2."""

    whole = True

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """Return distance and offset of each level of ticks."""
        levels: list[tuple[float, float]] = super().tickSpacing(low, high, size)
        if not self.whole:
            return levels
        return [level for level in levels if level[0] >= 1 and level[0] % 1 == 0] or [(1.0, 0.0)]


class RoomyLogTicks(pg.AxisItem):
    """An axis that has as many numbers on a logarithmic scale as there is room for."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float | None, list[float]]]:
        """Return the places of the ticks by level."""
        if not self.logMode or high <= low or size <= 0:
            levels: list[tuple[float | None, list[float]]] = super().tickValues(low, high, size)
            return levels
        return [(None, log_ticks(low, high, size))]

    def logTickStrings(self, values: list[float], scale: float, _spacing: object) -> list[str]:
        """Return the numbers at places on the axis."""
        return [f"{10.0**value * scale:.3g}" for value in values]


def log_ticks(low: float, high: float, size: float) -> list[float]:
    """Return the powers of ten, between `low` and `high`, of round numbers that have room on `size` pixels.

    Examples
    --------
    >>> [round(10**place, 3) for place in log_ticks(-2, 0, 100)]
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
    >>> [round(10**place, 3) for place in log_ticks(-2, 0, 40)]
    [0.01, 0.1, 1.0]
    """
    for step in _STEPS:
        ticks = _ticks(low, high, np.arange(1.0, 10.0, step))
        if _roomy(ticks, low, high, size):
            return ticks
    for mantissas in ((1, 2, 5), (1,)):
        ticks = _ticks(low, high, np.array(mantissas, float))
        if _roomy(ticks, low, high, size):
            return ticks
    decades = np.arange(np.ceil(low), np.floor(high) + 1)
    return [float(value) for value in decades[:: max(1, int(_TICK_GAP * len(decades) / size) + 1)]]


def _ticks(low: float, high: float, mantissas: NDArray[np.float64]) -> list[float]:
    decades = np.arange(np.floor(low), np.ceil(high) + 1)
    places = (decades[:, None] + np.log10(mantissas)).ravel()
    slack = 1e-9 * (high - low)
    return [float(place) for place in places[(places >= low - slack) & (places <= high + slack)]]


def _roomy(ticks: list[float], low: float, high: float, size: float) -> bool:
    return len(ticks) < 2 or float(np.diff(ticks).min()) * size / (high - low) >= _TICK_GAP
