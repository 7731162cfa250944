"""Two points by a drag, or by a click, moving with no button, and another click."""

from collections.abc import Callable, Generator
from math import hypot

import numpy as np
from numpy.typing import NDArray

from segstudio.session.tools.base import PointerEvent, Preview

Ring = NDArray[np.float64]


def span(
    first: PointerEvent, shape: Callable[[PointerEvent], Ring], *, closed: bool = True
) -> Generator[tuple[Preview, ...], PointerEvent, Ring | None]:
    """Show `shape` of each event from a press on; return that of the last one, ``None`` after Escape.

    A press that is let go where it was is the first of two clicks.
    """
    event, dragging = first, True
    while True:
        taken = yield (Preview(shape(event), closed, "shape"),)
        if taken.kind == "key":
            if taken.key == "Escape":
                return None
            continue
        if taken.kind in ("press", "double"):
            if taken.button == first.button:
                return shape(taken)
            continue
        event = taken
        if event.kind == "release" and dragging and event.button == first.button:
            if hypot(event.x - first.x, event.y - first.y) > first.reach / 2:
                return shape(event)
            dragging = False


class Frame:
    """The upright box between a press and where the pointer is.

    Shift makes it a square, Ctrl puts the press in its middle. Shift that is held at the press says what happens to
    neighbours, as with every tool, and makes a square only after it was let go.
    """

    def __init__(self, first: PointerEvent) -> None:
        self._first = first
        self._shift_taken = "shift" in first.modifiers

    def corners(self, event: PointerEvent) -> tuple[float, float, float, float]:
        """Return ``(x0, y0, x1, y1)``, the press first."""
        shift = "shift" in event.modifiers
        self._shift_taken &= shift
        across, down = event.x - self._first.x, event.y - self._first.y
        if shift and not self._shift_taken:
            side = max(abs(across), abs(down))
            across, down = float(np.copysign(side, across)), float(np.copysign(side, down))
        x, y = self._first.point
        if "ctrl" in event.modifiers:
            return x - across, y - down, x + across, y + down
        return x, y, x + across, y + down
