"""Two objects made one, where they touch."""

from dataclasses import dataclass
from typing import ClassVar, Final

import cv2
import numpy as np

from segstudio.core.tiles import TileKey
from segstudio.labels.edits import Merge
from segstudio.labels.label_map import LabelMap
from segstudio.labels.transaction import Transaction

#: Pixels between two parts of one cell, at most.
_GAP: Final = 2
#: An object in more tiles lets the window wait.
_FEW_TILES: Final = 4


@dataclass(frozen=True)
class MergeTouching:
    """The object `other` given to `one`, unless more than two pixels lie between them: then nothing changes.

    Nobody means to join cells that are apart by a click.

    Attributes
    ----------
    slow
        Whether the window would wait for it; see `of`.
    """

    one: int
    other: int
    slow: bool = True
    name: ClassVar[str] = Merge.name

    @classmethod
    def of(cls, labels: LabelMap, one: int, other: int) -> "MergeTouching":
        """Return the edit for two objects of a plane; it is slow for a large one."""
        return cls(one, other, slow=len(labels.tiles_with(other)) > _FEW_TILES)

    def apply(self, tx: Transaction) -> None:
        """Merge them."""
        if touch(tx.planes.labels, self.one, self.other):
            Merge((self.one, self.other)).apply(tx)


def touch(labels: LabelMap, one: int, other: int) -> bool:
    """Return whether at most two pixels lie between two objects, also diagonally."""
    near = {
        (row + down, column + right)
        for row, column in labels.tiles_with(one)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    }
    return any(_touch_in(labels, key, one, other) for key in labels.tiles_with(other) if key in near)


def _touch_in(labels: LabelMap, key: TileKey, one: int, other: int) -> bool:
    """Return whether an object touches the part of another one that lies in a tile."""
    area = labels.grid.window(key)
    around = area.grow(_GAP + 1).clip(labels.shape)
    pixels = labels.read(around)
    theirs = pixels == one
    if not theirs.any():
        return False
    mine = np.zeros(around.shape, np.uint8)
    inside = area.shift(-around.y0, -around.x0).slices
    mine[inside] = pixels[inside] == other
    return bool((cv2.dilate(mine, np.ones((2 * _GAP + 3,) * 2, np.uint8))[theirs] > 0).any())
