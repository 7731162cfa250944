"""Circle one cell: one gesture, one object. With the right button this works in every tool."""

import numpy as np

from segstudio.labels.edits import Polygon
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand


def encircle(first: PointerEvent, context: ToolContext) -> Gesture:
    """Follow the pointer around a cell and make an object of it."""
    points = yield from freehand(first, "path", closes=True)
    if len(points) > 2:
        context.add(Polygon(np.array(points), None, context.view.class_id, context.protects(first)))


@registry.register("encircle")
class EncircleTool(Tool):
    """The same with the left button."""

    id = "encircle"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Circle from press to release, or from click to click."""
        yield from encircle(first, context)
