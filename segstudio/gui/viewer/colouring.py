"""Which of the label colours an object has: stable per id, different from its neighbours."""

import threading
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap

COLOURS = 12
#: Coprime to the numbers of colours that there are, so that ids that follow each other get colours far apart.
_STEP = 5
#: Pixels between two objects that count as neighbours.
_REACH = 4


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

    def learn(self, numbers: Mapping[int, int]) -> bool:
        """Take over the numbers of `graph_colours`; return whether an object that is shown has another one now."""
        if not numbers:
            return False
        ids, new = np.fromiter(numbers, np.int64, len(numbers)), np.fromiter(numbers.values(), np.uint8, len(numbers))
        with self._lock:
            self._reserve(int(ids.max()))
            before = self._table[ids]
            self._table[ids] = new
            return bool(((before > 0) & (before != new)).any())

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
            self._table[object_id] = _first_free(object_id, taken, self.colours)


def graph_colours(plane: LabelMap, colours: int) -> dict[int, int]:
    """Return a number for each object such that neighbours differ as far as so many colours allow.

    A greedy colouring by ascending id, in which each object wishes for the number of its id: it is the same each time,
    whatever was looked at before, and an object that comes or goes changes few others.

    Parameters
    ----------
    plane
        Of which each tile is read once, on any thread but that of the window.
    colours
        How many there are; numbers count from 1.
    """
    neighbours: dict[int, set[int]] = {}
    for key in plane.keys():  # noqa: SIM118 - a method of the map, no mapping
        window = plane.grid.window(key)
        reach = Window(window.y0, window.x0, window.y1 + _REACH, window.x1 + _REACH).clip(plane.shape)
        ids = np.maximum(plane.read(reach), 0)
        for item in np.unique(ids[ids > 0]).tolist():
            neighbours.setdefault(item, set())
        for a, b in _touching(ids).tolist():
            neighbours[a].add(b)
            neighbours[b].add(a)
    numbers: dict[int, int] = {}
    for item in sorted(neighbours):
        taken = {numbers[other] for other in neighbours[item] if other in numbers}
        numbers[item] = _first_free(item, taken, colours)
    return numbers


def _first_free(object_id: int, taken: Collection[int], colours: int) -> int:
    """Return the number that an object wishes for, or the next one that is not taken."""
    wish = object_id * _STEP % colours
    free = [1 + (wish + step) % colours for step in range(colours)]
    return next((number for number in free if number not in taken), free[0])


def _touching(ids: NDArray[Any], reach: int = _REACH) -> NDArray[Any]:
    """Return (n, 2) pairs of different ids at most `reach` pixels apart in a row, a column or a diagonal."""
    found = []
    for dy, dx in ((0, reach), (reach, 0), (reach, reach), (0, 1), (1, 0)):
        one = ids[: ids.shape[0] - dy, : ids.shape[1] - dx]
        other = ids[dy:, dx:]
        apart = (one != other) & (one > 0) & (other > 0)
        # As one number each: to find the different ones among them takes a tenth of the time that pairs take.
        found.append(one[apart].astype(np.int64) << 32 | other[apart])
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs >> 32, pairs & 0xFFFFFFFF], axis=1)
