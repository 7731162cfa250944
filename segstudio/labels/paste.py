"""Objects of another label image added to an annotation: what accepting a prediction and importing do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import fastremap
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction


@dataclass(frozen=True, eq=False)
class PasteLabels:
    """Objects of another label image, each under a new id.

    Parameters
    ----------
    array
        ``(rows, columns)`` of `window`; 0 and negative values are nothing.
    infos
        Class, source and state by id in `array`; an id that is not there is left out.
    only_empty
        Leave all pixels of existing objects alone; otherwise they are overwritten.
    min_free
        With `only_empty`: leave objects out of which less than this fraction falls on empty pixels.
    """

    array: NDArray[np.integer]
    window: Window
    infos: Mapping[int, ObjectInfo]
    only_empty: bool = True
    min_free: float = 0.0
    name: str = "Add objects"

    def apply(self, tx: Transaction) -> None:
        """Paste tile by tile."""
        ids = np.array([i for i in fastremap.unique(self.array).tolist() if i > 0 and i in self.infos], np.int64)
        if not len(ids):
            return
        ids = ids[self._free(tx, ids)]
        first = tx.next_id()
        # What is kept counts on from `first`; one more entry at the end stands for everything else.
        new_ids = np.append(np.arange(first, first + len(ids)), 0)
        for window, position, old in self._parts(tx, ids):
            new = new_ids[position].astype(old.dtype)
            take = (new > 0) & (old == 0) if self.only_empty else new > 0
            if take.any():
                tx.write("labels", window, np.where(take, new, old))
        for object_id, source in zip(new_ids.tolist(), ids.tolist(), strict=False):
            tx.set_object(object_id, self.infos[source])

    def _parts(
        self, tx: Transaction, ids: NDArray[np.int64]
    ) -> Iterator[tuple[Window, NDArray[np.int64], NDArray[np.integer]]]:
        """Yield per tile its window, the position in `ids` of each pixel (``len(ids)``: none), and what is there."""
        grid = tx.planes.labels.grid
        for key in grid.keys(self.window):
            part = grid.window(key).intersect(self.window)
            values = self.array[part.shift(-self.window.y0, -self.window.x0).slices]
            if not values.any():
                continue
            position = np.searchsorted(ids, values)
            known = ids[np.minimum(position, len(ids) - 1)] == values if len(ids) else np.zeros(values.shape, bool)
            yield part, np.where(known, position, len(ids)), tx.read("labels", part)

    def _free(self, tx: Transaction, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which objects have enough pixels that would be written."""
        if not self.only_empty:
            return np.ones(len(ids), bool)
        area, free = np.zeros((2, len(ids) + 1))
        for _, position, old in self._parts(tx, ids):
            area += np.bincount(position.ravel(), minlength=len(ids) + 1)
            free += np.bincount(position[old == 0], minlength=len(ids) + 1)
        return (free[:-1] > 0) & (free[:-1] >= self.min_free * area[:-1])
