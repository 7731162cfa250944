"""How far a score can be believed: its interval if other images had been kept for validation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

_DRAWS = 1000
_LEVEL = 95.0


def f1_interval(counts: ArrayLike, images: Sequence[str]) -> tuple[float, float] | None:
    """Return the 95 % interval of the pooled F1 by bootstrap over images (Efron 1979, percentile method).

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
    >>> f1_interval([[5, 0, 5], [5, 0, 5], [5, 0, 5]], ["a", "b", "c"])
    (0.6666666666666666, 0.6666666666666666)
    >>> f1_interval([[5, 0, 5], [5, 0, 5]], ["a", "a"]) is None
    True
    """
    names, place = np.unique(np.asarray(images), return_inverse=True)
    if len(names) < 2:
        return None
    table = np.zeros((len(names), 3))
    np.add.at(table, place, np.asarray(counts, float))
    # The same draws at each validation: a curve of intervals does not flicker.
    draws = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    tp, fp, fn = (draws @ table).T
    total = 2 * tp + fp + fn
    f1 = np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)
    low, high = np.percentile(f1, [50 - _LEVEL / 2, 50 + _LEVEL / 2])
    return float(low), float(high)
