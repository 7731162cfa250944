"""Which of the label colours an object has: stable per id, different from its neighbours."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLOURS = 12
#: Coprime to the numbers of colours that there are, so that ids that follow each other get colours far apart.
_STEP = 5


class ObjectColours:
    """Colour numbers from 1 on by object id; 0 is "no object". Used by several threads.

    An id gets the colour of its number, or the next one that no neighbour has, and then keeps it.

    Parameters
    ----------
    colours
        How many there are.
    """

    def __init__(self, colours: int = COLOURS) -> None:
        self.colours = colours
        self._lock = threading.Lock()
        self._table = np.zeros(1024, np.uint8)

    def of(self, labels: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the colour number of each pixel; ids that are new get their colour now.

        Parameters
        ----------
        labels
            (h, w) integer ids, 0 or less = no object. Neighbours are looked for in it.
        """
        ids = np.maximum(labels, 0)
        with self._lock:
            self._reserve(int(ids.max(initial=0)))
            numbers: NDArray[np.uint8] = self._table[ids]
            if ((numbers == 0) & (ids > 0)).any():
                self._assign(ids)
                numbers = self._table[ids]
        return numbers

    def number(self, object_id: int) -> int:
        """Return the colour number of one object."""
        return int(self.of(np.full((1, 1), object_id, np.int64))[0, 0])

    def _reserve(self, top: int) -> None:
        if top >= len(self._table):
            grown = np.zeros(max(top + 1, 2 * len(self._table)), np.uint8)
            grown[: len(self._table)] = self._table
            self._table = grown

    def _assign(self, ids: NDArray[Any]) -> None:
        neighbours: dict[int, set[int]] = {}
        for a, b in _touching(ids):
            neighbours.setdefault(int(a), set()).add(int(b))
            neighbours.setdefault(int(b), set()).add(int(a))
        present = np.unique(ids)
        for object_id in present[(present > 0) & (self._table[present] == 0)].tolist():
            taken = {int(self._table[other]) for other in neighbours.get(object_id, ())}
            wish = object_id * _STEP % self.colours
            free = [1 + (wish + step) % self.colours for step in range(self.colours)]
            self._table[object_id] = next((number for number in free if number not in taken), free[0])


def _touching(ids: NDArray[Any], reach: int = 4) -> NDArray[Any]:
    """Return (n, 2) pairs of different ids at most `reach` pixels apart in a row, a column or a diagonal."""
    found = []
    for dy, dx in ((0, reach), (reach, 0), (reach, reach), (0, 1), (1, 0)):
        one = ids[: ids.shape[0] - dy, : ids.shape[1] - dx]
        other = ids[dy:, dx:]
        apart = (one != other) & (one > 0) & (other > 0)
        found.append(np.stack([one[apart], other[apart]], axis=1))
    pairs = np.concatenate(found)
    return np.unique(pairs, axis=0) if len(pairs) else pairs
