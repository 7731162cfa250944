"""Move the selected objects by dragging one of them."""

from math import floor

import numpy as np

from segstudio.labels.moving import MoveObjects
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry, until_release
from segstudio.session.tools.proposed import outlines

#: Of more objects, or more pixels, only one outline is shown while they are dragged.
_FEW, _MANY_PIXELS = 30, 512 * 512


@registry.register("move")
class MoveTool(Tool):
    """Dragging an object that is not selected selects it first; Escape gives up."""

    id = "move"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Drag from press to release."""
        under = context.object_at(first)
        if not under:
            yield from until_release()
            return
        if under not in context.view.selected:
            context.select((under,))
        planes, ids = context.document.planes, tuple(sorted(context.view.selected))
        lines = _lines(ids, under, context)
        down = right = 0
        while True:
            event = yield tuple(Preview(np.add(line.points, (right, down)), True, "shape") for line in lines)
            if event.kind == "key" and event.key == "Escape":
                return
            if event.kind in ("move", "release"):
                down, right = floor(event.y) - floor(first.y), floor(event.x) - floor(first.x)
            if event.kind == "release" and event.button == first.button:
                break
        if (down or right) and context.document.planes is planes:
            context.carry_out(MoveObjects(ids, down, right, context.protects(first)))


def _lines(ids: tuple[int, ...], under: int, context: ToolContext) -> tuple[Preview, ...]:
    """Return the outlines of objects; of many, or of large ones, only that of the one under the pointer."""
    labels = context.document.planes.labels
    shown = ids if len(ids) <= _FEW else (under,)
    windows = {number: window for number in shown if (window := labels.window_of(number)) is not None}
    if sum(window.height * window.width for window in windows.values()) > _MANY_PIXELS:
        windows = {under: windows[under]}
    found = (outlines(labels.read(window) == number, window, "shape") for number, window in windows.items())
    return tuple(line for lines in found for line in lines)
