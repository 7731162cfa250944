"""How much a pixel of each class counts, so that rare classes are not drowned by the common ones."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.config.base import Config as Settings
from segstudio.config.base import param

ClassBalance = Literal["none", "inverse", "effective"]


class ClassBalanceConfig(Settings):
    """Settings of what learns several classes."""

    class_weights: ClassBalance = param("none", title="Balance of classes", advanced=True)
    """Lets rare classes count more: by the inverse of how frequent they are, or milder, by the effective number of
    their pixels."""


def class_weights(pixels: Sequence[int], balance: ClassBalance) -> tuple[float, ...] | None:
    """Return a weight for each class, of mean 1 over the classes that are there; ``None`` when all count the same.

    Parameters
    ----------
    pixels
        Labelled pixels of each class. A class without any keeps the weight 1.
    balance
        ``"inverse"``: by the inverse of the frequency. ``"effective"``: by the inverse of the effective number of
        samples (Cui et al., 2019), which grows slower the more pixels a class has, since they look alike; the volume
        N of its ``beta = (N - 1) / N`` is the mean number of pixels of a class.

    Examples
    --------
    >>> class_weights([900, 100], "inverse")
    (0.2, 1.8)
    >>> [round(weight, 2) for weight in class_weights([900, 100], "effective")]
    [0.36, 1.64]
    """
    counts = np.asarray(pixels, np.float64)
    there = counts > 0
    if balance == "none" or not there.any():
        return None
    number = counts if balance == "inverse" else _effective_number(counts, counts[there].mean())
    weights = np.ones(len(counts))
    weights[there] = 1 / number[there]
    weights[there] /= weights[there].mean()
    return tuple(float(round(weight, 9)) for weight in weights)


def _effective_number(counts: NDArray[np.float64], volume: float) -> NDArray[np.float64]:
    """Return ``(1 - beta ** n) / (1 - beta)`` for ``beta = (volume - 1) / volume``, exact for large numbers too."""
    beta = (volume - 1) / volume
    return np.asarray(-np.expm1(counts * np.log(beta)) * volume if beta > 0 else np.ones_like(counts))
