"""The outline of an object as a few vertices, and the object with another outline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.contours import contours
from segstudio.labels.raster import polygon
from segstudio.labels.shapes import Mask
from segstudio.labels.transaction import Transaction

#: How far the line between vertices may be from the outline at first, pixels, and how many vertices are enough.
_TOLERANCE, _ENOUGH = 1.0, 150
_CORNERS: Final = 3
#: Pixels around the vertices, up to which the window does not wait for them.
_FEW_PIXELS: Final = 1 << 17

Ring = NDArray[np.float64]


def vertices(mask: Mask, origin: tuple[int, int]) -> list[Ring]:
    """Return the outline of a mask as few vertices: outer rings, and holes the other way round.

    Parameters
    ----------
    origin
        ``(x, y)`` of the mask.

    Notes
    -----
    D. H. Douglas and T. K. Peucker, Cartographica 10 (1973) 112-122.
    """
    full = contours(mask.astype(np.int32)).get(1, ())
    tolerance = _TOLERANCE
    while True:
        rings = [_simple(ring, tolerance) for ring in full]
        if sum(map(len, rings)) <= max(_ENOUGH, 2 * _CORNERS * len(rings)) or tolerance > max(mask.shape):
            return [ring + origin for ring in rings]
        tolerance *= 1.5


def _simple(ring: Ring, tolerance: float) -> Ring:
    found = cv2.approxPolyDP(ring.astype(np.float32), tolerance, closed=True)[:, 0].astype(np.float64)
    return found if len(found) >= _CORNERS else ring


@dataclass(frozen=True, eq=False)
class Reshape:
    """An object gets what lies in the rings `after` but not in `before`, and loses what lies in `before` only.

    Where the outline was not changed, it stays as it is to the pixel. With `protect` it takes only empty pixels.

    Raises
    ------
    UserError
        On `apply`: nothing would be left of the object.
    """

    object_id: int
    before: Sequence[Ring]
    after: Sequence[Ring]
    protect: bool = True
    name: ClassVar[str] = "Edit outline"

    @property
    def slow(self) -> bool:
        """Whether the window would wait for it: all pixels around the vertices are looked at."""
        rings = [*self.before, *self.after]
        return bool(rings) and bool(np.ptp(np.concatenate(rings), axis=0).prod() > _FEW_PIXELS)

    def apply(self, tx: Transaction) -> None:
        """Write the difference."""
        parts = [polygon(rings, tx.shape) for rings in (self.before, self.after)]
        window = parts[0][0].union(parts[1][0])
        if window.empty or self.object_id not in tx.planes.objects:
            return
        old, new = (_placed(mask, part, window) for part, mask in parts)
        values = tx.read("labels", window)
        own = values == self.object_id
        gained = new & ~old & ~own
        if self.protect:
            gained &= values == 0
        lost = old & ~new & own
        if not (gained.any() or lost.any()):
            return
        values[lost] = 0
        values[gained] = self.object_id
        if not (values == self.object_id).any() and tx.planes.labels.window_of(self.object_id) == _around(own, window):
            raise UserError(
                f"Nothing would be left of object {self.object_id}.",
                hint="Delete it instead, or draw the outline somewhere else.",
                code="nothing-left",
            )
        tx.write("labels", window, values)


def _around(mask: Mask, window: Window) -> Window | None:
    if not mask.any():
        return None
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Window(y, x, y + height, x + width).shift(window.y0, window.x0)


def _placed(mask: Mask, part: Window, window: Window) -> Mask:
    out = np.zeros(window.shape, np.bool_)
    out[part.shift(-window.y0, -window.x0).slices] = mask
    return out
