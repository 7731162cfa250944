"""A drawn region removed from objects."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from segstudio.labels.raster import polygon
from segstudio.labels.transaction import Transaction


@dataclass(frozen=True, eq=False)
class CutAway:
    """The inside of a closed ring ``(N, 2)`` xy removed from some objects.

    Without `ids` from the one with most pixels inside.
    """

    ring: ArrayLike
    ids: frozenset[int] = frozenset()
    name: ClassVar[str] = "Cut away"
    slow: ClassVar[bool] = True

    def apply(self, tx: Transaction) -> None:
        """Clear the pixels."""
        window, inside = polygon([self.ring], tx.shape)
        if window.empty:
            return
        values = tx.read("labels", window)
        numbers, counts = np.unique(values[inside & (values > 0)], return_counts=True)
        if not len(numbers):
            return
        chosen = self.ids or {int(numbers[np.argmax(counts)])}
        take = inside & np.isin(values, sorted(chosen))
        if take.any():
            values[take] = 0
            tx.write("labels", window, values)
