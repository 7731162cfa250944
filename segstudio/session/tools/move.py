"""Move the selected objects by dragging one of them."""

from functools import reduce
from math import floor

import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.moving import MoveObjects
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry, until_release
from segstudio.session.tools.proposed import outlines

#: Of more objects, or of a larger window around them, only the box is shown, and they are moved on a thread.
_FEW, _SMALL = 30, 1024 * 1024


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
        lines, small = _lines(ids, context)
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
            edit = MoveObjects(ids, down, right, context.protects(first))
            if small:
                context.document.apply(edit)
            else:
                context.carry_out(edit)


def _lines(ids: tuple[int, ...], context: ToolContext) -> tuple[tuple[Preview, ...], bool]:
    """Return what is shown of objects, and whether they are few and small."""
    labels = context.document.planes.labels
    windows = {
        object_id: window for object_id in ids[: _FEW + 1] if (window := labels.window_of(object_id)) is not None
    }
    around = reduce(Window.union, windows.values())
    if len(ids) <= _FEW and around.height * around.width <= _SMALL:
        found = (outlines(labels.read(window) == number, window, "shape") for number, window in windows.items())
        return tuple(line for lines in found for line in lines), True
    box = [(around.x0, around.y0), (around.x1, around.y0), (around.x1, around.y1), (around.x0, around.y1)]
    return (Preview(np.array(box, float), True, "shape"),), False
