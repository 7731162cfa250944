"""Where values stand in a list of ids: one look into a table for each pixel."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Up to this id a table gives the position of a value, ten times as fast as searching for it.
_TABLE_LIMIT: Final = 1 << 24


def positions(ids: NDArray[np.int64], largest: int) -> Callable[[NDArray[np.integer]], NDArray[np.integer]]:
    """Return the function from values up to `largest` to their position in `ids`, or ``len(ids)``.

    Parameters
    ----------
    ids
        Positive and ascending.

    Examples
    --------
    >>> positions(np.array([4, 7]), 9)(np.array([-1, 0, 4, 5, 7])).tolist()
    [2, 2, 0, 2, 1]
    """
    none = len(ids)
    if largest < _TABLE_LIMIT:
        table = np.full(largest + 1, none, np.int32)
        table[ids] = np.arange(none)
        return lambda values: np.take(table, values, mode="clip")  # negative ones are taken for 0
    if none == 0:
        return lambda values: np.zeros(values.shape, np.int64)

    def search(values: NDArray[np.integer]) -> NDArray[np.integer]:
        position = np.searchsorted(ids, values)
        return np.where(ids[np.minimum(position, none - 1)] == values, position, none)

    return search
