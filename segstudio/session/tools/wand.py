"""A click makes an object of the area of similar intensity around it; dragging takes in more or less."""

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.mask_edit import AddMask
from segstudio.labels.shapes import Mask
from segstudio.labels.similar import best_tolerance, similar, unlikeness
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.proposed import outlines

#: The area reaches so many pixels from the click at most, so that it is found while the pointer moves.
REACH = 256
#: What a drag to the right adds to the tolerance for each reach of the pointer, as a share of the range of intensities.
_PER_REACH = 0.02


@registry.register("wand")
class WandTool(Tool):
    """A click takes what has the sharpest outline; a drag to the right more, to the left less; Escape gives up.

    The intensities are read on a thread: who lets go before they are there has the object a moment later. What is done
    meanwhile, as a click on the next cell, is done after it; Escape gives that up as well.
    """

    id = "wand"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Take the area from press to release."""
        planes = context.document.planes
        shape, row, column = planes.shape, int(np.floor(first.y)), int(np.floor(first.x))
        window = Window(row, column, row + 1, column + 1)
        if window.clip(shape) != window:
            return None
        protect = context.protects(first)
        context.warn_protected(first, 0)
        window = window.grow(REACH).clip(shape)
        row, column = row - window.y0, column - window.x0
        labels = planes.labels.read(window)
        free = labels == 0 if protect else np.ones(labels.shape, np.bool_)
        found: list[_Areas] = []
        context.look(window, lambda pixels: _Areas(pixels, row, column, free), found.append)
        decided = yield from _decided(first, found, window, context)
        if decided is None:
            return None
        more, later = decided
        if context.document.planes is not planes:
            context.say(_lost(later))
            return None  # another plane of the stack has come to the front: this is not its area
        area = found[0].area(more)
        if area.any():
            context.add(AddMask(area, window, context.view.class_id, protect, "Magic wand"))
        if _is_cut(area, window, shape):
            context.say(f"The area goes on: only what is less than {REACH} pixels away was taken.")
        return later


class _Areas:
    """The areas around a pixel by tolerance; the last one is remembered."""

    def __init__(self, pixels: NDArray[Any], row: int, column: int, free: Mask) -> None:
        self._at, self._free = (row, column), free
        self._unlike = unlikeness(pixels, row, column)
        self._best = best_tolerance(self._unlike, row, column, free)
        self._last = 0.0, self._similar(0.0)

    def area(self, more: float) -> Mask:
        """Return the area with so much more tolerance than the best."""
        if self._last[0] != more:
            self._last = more, self._similar(more)
        return self._last[1]

    def _similar(self, more: float) -> Mask:
        return similar(self._unlike, *self._at, max(0.0, self._best + more), self._free)


def _decided(
    first: PointerEvent, found: list[_Areas], window: Window, context: ToolContext
) -> Generator[tuple[Preview, ...], PointerEvent, tuple[float, list[PointerEvent]] | None]:
    """Wait until the button is let go and the areas are there.

    Returns how much more tolerance is wanted, and the events since the next press; ``None`` after Escape.
    """
    more, held = 0.0, True
    later: list[PointerEvent] = []
    while held or not found:
        try:
            event = yield outlines(found[0].area(more), window, "shape") if found else ()
        except GeneratorExit:
            if not held:
                context.say(_lost(later))
            raise
        if event.kind == "key" and event.key == "Escape":
            return None
        if held and event.kind in ("move", "release"):
            more = _PER_REACH * (event.x - first.x) / first.reach
            held = event.kind == "move" or event.button != first.button
        elif not held and event.kind not in ("ready", "setting") and (later or event.kind in ("press", "double")):
            later.append(event)
    return more, later


def _lost(later: list[PointerEvent]) -> str:
    clicks = 1 + sum(event.kind in ("press", "double") for event in later)
    what = "1 click was" if clicks == 1 else f"{clicks} clicks were"
    return f"{what} given up: the area was not found yet."


def _is_cut(area: Mask, window: Window, shape: tuple[int, int]) -> bool:
    """Whether an area touches an edge of its window that is none of the image."""
    inside = (window.y0 > 0, window.y1 < shape[0], window.x0 > 0, window.x1 < shape[1])
    edges = (area[0], area[-1], area[:, 0], area[:, -1])
    return any(free and bool(edge.any()) for free, edge in zip(inside, edges, strict=True))
