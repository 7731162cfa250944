"""How far the score of a validation can be believed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from segstudio.core.bootstrap import paired_difference, pooled_figure, score_interval


def f1_interval(counts: ArrayLike, images: Sequence[str]) -> tuple[float, float] | None:
    """Return the 95 % interval of the pooled F1 by bootstrap over images (`segstudio.core.bootstrap`).

    Parameters
    ----------
    counts
        ``(N, 3)``: objects found, false objects, missed objects of each scored part.
    images
        Id of the image of each part: parts of one image are drawn together.

    Returns
    -------
    tuple or None
        ``None`` for fewer than two images: one image says nothing about others.

    Examples
    --------
    >>> low, high = f1_interval([[5, 0, 5], [5, 0, 5], [5, 0, 5]], ["a", "b", "c"])
    >>> round(low, 3), round(high, 3)
    (0.667, 0.667)
    >>> f1_interval([[5, 0, 5], [5, 0, 5]], ["a", "a"]) is None
    True
    """
    found = score_interval(_by_image(np.asarray(counts, float)[:, None], images), "f1")
    return None if found is None else (found.low, found.high)


def first_as_good(counts: ArrayLike, images: Sequence[str]) -> int:
    """Return the first of several ways to decode of which chance may be why another one has a higher AP.

    Few images choose badly among many ways: the best on them is often the luckiest. One image says nothing about
    others, so that the first way stays.

    Parameters
    ----------
    counts
        ``(ways, N, thresholds, 3)``: objects found, false objects, missed objects of each scored part.
    images
        Id of the image of each part: parts of one image are drawn together.

    Examples
    --------
    The second way is better on both images, the third on one only:

    >>> first_as_good([[[[5, 5, 5]]] * 2, [[[8, 2, 2]]] * 2, [[[9, 1, 1]], [[7, 3, 3]]]], ["a", "b"])
    1
    """
    ways = [_by_image(one, images) for one in np.asarray(counts, float)]
    figures = [float(pooled_figure(one.sum(axis=0), "ap")) for one in ways]
    best = int(np.argmax(np.round(figures, 6)))
    for number, one in enumerate(ways[:best]):
        better = paired_difference(ways[best], one, "ap")
        if better is None or not better.excludes_zero:
            return number
    return best


def _by_image(counts: NDArray[np.float64], images: Sequence[str]) -> NDArray[np.float64]:
    """Return the counts ``(parts, thresholds, 3)`` summed over the parts of each image."""
    names, place = np.unique(np.asarray(images), return_inverse=True)
    table = np.zeros((len(names), *counts.shape[1:]))
    np.add.at(table, place, counts)
    return table
