"""A click makes an object of the area of similar intensity around it; dragging takes in more or less."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.mask_edit import AddMask
from segstudio.labels.shapes import Mask
from segstudio.labels.similar import best_tolerance, similar, unlikeness
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry

#: The area reaches so many pixels from the click at most, so that it is found while the pointer moves.
REACH = 256
#: What a drag to the right adds to the tolerance for each reach of the pointer, as a share of the range of intensities.
_PER_REACH = 0.02
#: The rings with the most points are shown: thousands of specks in noise would keep the pointer waiting.
_MOST_RINGS = 100


@registry.register("wand")
class WandTool(Tool):
    """A click takes what has the sharpest outline; a drag to the right more, to the left less; Escape gives up.

    The intensities are read on a thread: who lets go before they are there has the object a moment later.
    """

    id = "wand"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Take the area from press to release."""
        planes = context.document.planes
        shape, row, column = planes.shape, int(np.floor(first.y)), int(np.floor(first.x))
        window = Window(row, column, row + 1, column + 1)
        if window.clip(shape) != window:
            return
        protect = context.protects(first)
        context.warn_protected(first, 0)
        window = window.grow(REACH).clip(shape)
        row, column = row - window.y0, column - window.x0
        labels = planes.labels.read(window)
        free = labels == 0 if protect else np.ones(labels.shape, np.bool_)
        found: list[tuple[NDArray[np.float32], float]] = []

        def work(pixels: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
            unlike = unlikeness(pixels, row, column)
            return unlike, best_tolerance(unlike, row, column, free)

        def taken() -> Mask:
            unlike, tolerance = found[0]
            return similar(unlike, row, column, max(0.0, tolerance + more), free)

        context.look(window, work, found.append)
        more, held = 0.0, True
        while held or not found:
            event = yield _outline(taken(), window) if found else ()
            if event.kind == "key" and event.key == "Escape":
                return
            if held and event.kind in ("move", "release"):
                more = _PER_REACH * (event.x - first.x) / first.reach
                held = event.kind == "move" or event.button != first.button
        if context.document.planes is not planes:
            return  # another plane of the stack has come to the front: this is not its area
        area = taken()
        if area.any():
            context.add(AddMask(area, window, context.view.class_id, protect, "Magic wand"))
        if _is_cut(area, window, shape):
            context.say(f"The area goes on: only what is less than {REACH} pixels away was taken.")


def _outline(area: Mask, window: Window) -> tuple[Preview, ...]:
    found, _ = cv2.findContours(area.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    rings = sorted(found, key=len, reverse=True)[:_MOST_RINGS]
    corner = np.array([window.x0 + 0.5, window.y0 + 0.5])
    return tuple(Preview(np.asarray(ring[:, 0] + corner, np.float64), True, "shape") for ring in rings)


def _is_cut(area: Mask, window: Window, shape: tuple[int, int]) -> bool:
    """Whether an area touches an edge of its window that is none of the image."""
    inside = (window.y0 > 0, window.y1 < shape[0], window.x0 > 0, window.x1 < shape[1])
    edges = (area[0], area[-1], area[:, 0], area[:, -1])
    return any(free and bool(edge.any()) for free, edge in zip(inside, edges, strict=True))
