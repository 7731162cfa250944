"""A rough box around an object, or a click on it: its outline is proposed, and taken or refused.

Where a model has found an object that fits, that is proposed; else what the intensities tell.
"""

from collections.abc import Generator
from math import ceil, floor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.mask_edit import AddMask
from segstudio.labels.object_in_box import LEAST_MARGIN, MARGIN, fitting, object_in_box
from segstudio.labels.shapes import Mask
from segstudio.labels.similar import best_tolerance, similar, unlikeness
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.proposed import HOW, Proposal, judge
from segstudio.session.tools.wand import REACH

#: Longest side of a box, pixels: its pixels are read from the file.
_LONGEST: Final = 2048


@registry.register("outline_in_box")
class OutlineInBoxTool(Tool):
    """A drag gives the box; a click takes what the magic wand would take.

    The outline is worked out on a thread. Enter or a click takes it, and a press elsewhere begins the next box at once;
    Escape refuses.
    """

    id = "outline_in_box"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw the box, wait for the proposal, and judge it."""
        planes, protect = context.document.planes, context.protects(first)
        last = yield from _dragged(first)
        if last is None:
            return None
        asked = _Click.at(first, planes.shape) if _is_click(first, last) else _Box.of(first, last, planes.shape)
        if asked.window.empty:
            return None
        if max(asked.window.shape) > _LONGEST * (1 + 2 * MARGIN):
            context.say(f"The box is too large: at most {_LONGEST:,} pixels a side.")
            return None
        labels = planes.labels.read(asked.window)
        free = labels == 0 if protect else np.ones(labels.shape, np.bool_)
        found: list[Proposal] = []
        predicted = context.predicted()

        def work(pixels: NDArray[Any]) -> Proposal:
            known = asked.among(predicted.read(asked.window)) & free if predicted is not None else free & False
            return Proposal.of(known if known.any() else asked.find(pixels, free) & free, asked.window)

        context.look(asked.window, work, found.append)
        while not found:
            event = yield _frame(first, last)
            if event.kind == "key" and event.key == "Escape":
                return None
        if not found[0].mask.any():
            context.say("No object was found here. Draw the box closer around it, or outline it by hand.")
            return None
        context.guide(HOW)
        taken, untouched = yield from judge(lambda: found[0])
        if taken and context.document.planes is planes:  # else another plane of the stack has come to the front
            context.add(AddMask(found[0].mask, asked.window, context.view.class_id, protect, "Outline in a box"))
        return untouched


class _Box:
    """A box, and the window of it with what is around."""

    def __init__(self, box: Window, shape: tuple[int, int]) -> None:
        margin = max(LEAST_MARGIN, round(MARGIN * max(box.shape)))
        self.window = box.grow(margin).clip(shape) if not box.empty else box
        self._box = box.shift(-self.window.y0, -self.window.x0)

    @classmethod
    def of(cls, first: PointerEvent, last: PointerEvent, shape: tuple[int, int]) -> "_Box":
        (x0, x1), (y0, y1) = sorted((first.x, last.x)), sorted((first.y, last.y))
        return cls(Window(floor(y0), floor(x0), ceil(y1), ceil(x1)).clip(shape), shape)

    def among(self, numbered: NDArray[Any]) -> Mask:
        return fitting(numbered, self._box)

    def find(self, pixels: NDArray[Any], free: Mask) -> Mask:
        return object_in_box(pixels, self._box)


class _Click:
    """A pixel, and the window that the wand reaches."""

    def __init__(self, row: int, column: int, shape: tuple[int, int]) -> None:
        at = Window(row, column, row + 1, column + 1).clip(shape)
        self.window = at if at.empty else at.grow(REACH).clip(shape)
        self._at = row - self.window.y0, column - self.window.x0

    @classmethod
    def at(cls, event: PointerEvent, shape: tuple[int, int]) -> "_Click":
        return cls(floor(event.y), floor(event.x), shape)

    def among(self, numbered: NDArray[Any]) -> Mask:
        return np.asarray((numbered == numbered[self._at]) & (numbered > 0))

    def find(self, pixels: NDArray[Any], free: Mask) -> Mask:
        unlike = unlikeness(pixels, *self._at)
        return similar(unlike, *self._at, best_tolerance(unlike, *self._at, free), free)


def _dragged(first: PointerEvent) -> Generator[tuple[Preview, ...], PointerEvent, PointerEvent | None]:
    """Show a box until the button is let go; return where, ``None`` after Escape."""
    last = first
    while True:
        event = yield _frame(first, last)
        if event.kind == "key" and event.key == "Escape":
            return None
        if event.kind in ("move", "release"):
            last = event
        if event.kind == "release" and event.button == first.button:
            return last


def _is_click(first: PointerEvent, last: PointerEvent) -> bool:
    return max(abs(last.x - first.x), abs(last.y - first.y)) <= first.reach / 2


def _frame(first: PointerEvent, last: PointerEvent) -> tuple[Preview, ...]:
    corners = [(first.x, first.y), (last.x, first.y), (last.x, last.y), (first.x, last.y)]
    return (Preview(np.array(corners), True, "shape"),)
