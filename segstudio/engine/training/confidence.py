"""How far the score of a validation can be believed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from segstudio.core.bootstrap import score_interval


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
    names, place = np.unique(np.asarray(images), return_inverse=True)
    table = np.zeros((len(names), 1, 3))
    np.add.at(table[:, 0], place, np.asarray(counts, float))
    found = score_interval(table, "f1")
    return None if found is None else (found.low, found.high)
