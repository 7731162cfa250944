"""A mask that is shown as a proposal until the user takes or refuses it."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from math import floor

import cv2
import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.shapes import Mask
from segstudio.session.tools.base import PointerEvent, Preview, until_release

#: The longest outlines are shown: thousands of specks would keep the pointer waiting.
MOST_RINGS = 300
#: What is said while one is shown.
HOW = "Enter or a click takes what is proposed; Esc refuses it."


@dataclass(frozen=True, eq=False)
class Proposal:
    """Pixels of `window` that an edit may take; `shown` is their outline."""

    mask: Mask
    window: Window
    shown: tuple[Preview, ...]

    @classmethod
    def of(cls, mask: Mask, window: Window) -> "Proposal":
        """Draw the outline of a mask."""
        return cls(mask, window, outlines(mask, window, "proposal"))

    def holds(self, event: PointerEvent) -> bool:
        """Whether an event is on a proposed pixel."""
        row, column = floor(event.y) - self.window.y0, floor(event.x) - self.window.x0
        inside = 0 <= row < self.mask.shape[0] and 0 <= column < self.mask.shape[1]
        return inside and bool(self.mask[row, column])


def outlines(mask: Mask, window: Window, kind: str) -> tuple[Preview, ...]:
    """Return lines along the outermost pixels of a mask, the longest ones."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    rings = sorted(found, key=len, reverse=True)[:MOST_RINGS]
    corner = np.array([window.x0 + 0.5, window.y0 + 0.5])
    return tuple(Preview(np.asarray(ring[:, 0] + corner, np.float64), True, kind) for ring in rings)


def judge(
    current: Callable[[], Proposal], on_setting: Callable[[], object] = lambda: None
) -> Generator[tuple[Preview, ...], PointerEvent, tuple[bool, PointerEvent | None]]:
    """Show a proposal until it is taken or refused; return whether it was taken, and the event that was meant for more.

    A click on it takes it, and so does one elsewhere, which then begins the next gesture.
    """
    while True:
        event = yield current().shown
        if event.kind == "setting":
            on_setting()
        elif event.kind == "key" and event.key in ("Escape", "Backspace"):
            return False, None
        elif event.kind == "key" and event.key in ("Enter", "Space"):
            return True, None
        elif event.kind in ("press", "double"):
            if event.button != "left" or not current().holds(event):
                return True, event
            yield from until_release()
            return True, None
