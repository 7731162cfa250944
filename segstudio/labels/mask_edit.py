"""New objects of the pixels of masks."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.edits import add_object
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.painting import Brush, write_masked
from segstudio.labels.paste import PasteLabels
from segstudio.labels.transaction import Transaction

#: So many pixels are written while the window waits.
QUICK: Final = 128 * 128


@dataclass(frozen=True, eq=False)
class AddMask:
    """The pixels of `mask`, ``(rows, columns)`` of `window`, as a new object; with `protect` only empty ones."""

    mask: NDArray[np.bool_]
    window: Window
    class_id: int = 1
    protect: bool = True
    name: str = "Outline object"

    @property
    def slow(self) -> bool:
        """Whether the window would wait for it."""
        return int(np.count_nonzero(self.mask)) > QUICK

    def apply(self, tx: Transaction) -> None:
        """Write the part around the mask."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        if not len(rows):
            return
        part = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        object_id = tx.next_id()
        brush = Brush(object_id, 1.0, (0,) if self.protect else None)
        if write_masked(tx, brush, part.shift(self.window.y0, self.window.x0), self.mask[part.slices]):
            add_object(tx, object_id, self.class_id)


@dataclass(frozen=True, eq=False)
class AddObjects:
    """Numbered objects, ``(rows, columns)`` of `window`, each as a new one; with `protect` only their empty pixels."""

    numbered: NDArray[np.int32]
    window: Window
    class_id: int = 1
    protect: bool = True
    name: str = "Outline objects"
    slow: ClassVar[bool] = True

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it adds many."""
        return self._paste.restore_point

    @property
    def _paste(self) -> PasteLabels:
        infos = {number: ObjectInfo(class_id=self.class_id) for number in range(1, int(self.numbered.max()) + 1)}
        return PasteLabels(self.numbered, self.window, infos, self.protect, name=self.name)

    def apply(self, tx: Transaction) -> None:
        """Write them."""
        self._paste.apply(tx)
