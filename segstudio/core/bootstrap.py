"""How far a score over several images can be believed, and a difference of two: bootstrap over images.

Efron (1979), percentile method: the images are drawn anew with replacement, the score is pooled over each draw, and
the interval holds the middle 95 % of these scores. Two models are compared on the same draws (paired), which leaves
out how hard the images are.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Figure = Literal["f1", "ap"]

_DRAWS = 2000
_LEVEL = 95.0
#: How much a false or missed object counts against a pair that was found.
_WEIGHT: dict[Figure, float] = {"f1": 0.5, "ap": 1.0}


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of the images at hand, and where it would lie for 95 of 100 other choices of images."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether chance alone hardly gives it: of a difference, that it is one."""
        return self.low > 0 or self.high < 0


def pooled_figure(counts: ArrayLike, figure: Figure) -> NDArray[np.float64]:
    """Return F1 or AP, averaged over thresholds, of pooled counts.

    Parameters
    ----------
    counts
        ``(..., thresholds, 3)``: pairs found, false objects, missed objects.

    Examples
    --------
    >>> float(pooled_figure([[8, 1, 1]], "f1")), float(pooled_figure([[8, 1, 1]], "ap"))
    (0.8888888888888888, 0.8)
    """
    found, false, missed = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    whole = found + _WEIGHT[figure] * (false + missed)
    values = np.where(whole > 0, found / np.maximum(whole, 0.5), 1.0)
    return np.asarray(values.mean(axis=-1))


def score_interval(counts: ArrayLike, figure: Figure) -> Interval | None:
    """Return a score with its interval.

    Parameters
    ----------
    counts
        ``(images, thresholds, 3)``: pairs found, false objects, missed objects.

    Returns
    -------
    Interval or None
        ``None`` for fewer than two images: one says nothing about others.
    """
    table = np.asarray(counts, np.float64)
    if len(table) < 2:
        return None
    return _interval(float(pooled_figure(table.sum(axis=0), figure)), pooled_figure(_drawn(table), figure))


def paired_difference(counts: ArrayLike, others: ArrayLike, figure: Figure) -> Interval | None:
    """Return how much better `counts` are than `others` of the same images, in the same order, with its interval.

    Both are ``(images, thresholds, 3)`` as for `score_interval`; ``None`` for fewer than two images.

    Raises
    ------
    ValueError
        They are not of the same images and thresholds.
    """
    mine, theirs = np.asarray(counts, np.float64), np.asarray(others, np.float64)
    if mine.shape != theirs.shape:
        raise ValueError(f"Counts of shape {mine.shape} and {theirs.shape} are not of the same images.")
    if len(mine) < 2:
        return None
    value = pooled_figure(mine.sum(axis=0), figure) - pooled_figure(theirs.sum(axis=0), figure)
    return _interval(float(value), pooled_figure(_drawn(mine), figure) - pooled_figure(_drawn(theirs), figure))


def _drawn(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the counts summed over each draw of images, ``(draws, thresholds, 3)``; the same draws each time."""
    return np.tensordot(_draws(len(table)), table, axes=1)


@lru_cache(maxsize=2)
def _draws(images: int) -> NDArray[np.float64]:
    """Return how often each draw holds each image, ``(draws, images)``."""
    weights = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), size=_DRAWS)
    return weights.astype(np.float64)


def _interval(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(drawn, [50 - _LEVEL / 2, 50 + _LEVEL / 2])
    return Interval(value, float(low), float(high))
