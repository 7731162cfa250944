"""A rectangle in any direction as one object: one side first, then how wide it is."""

from dataclasses import replace

import numpy as np

from segstudio.labels.edits import Polygon
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.spanning import Ring, span


@registry.register("oriented_rectangle")
class OrientedRectangleTool(Tool):
    """The first side by a drag or two clicks, then the width: the pointer moves away from it, and a click ends."""

    id = "oriented_rectangle"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw a side, then the width."""
        start = np.array(first.point)
        side = yield from span(first, lambda event: np.array([start, event.point]), closed=False)
        if side is None or not (side[1] - side[0]).any():
            return
        second = replace(first, x=float(side[1, 0]), y=float(side[1, 1]))
        ring = yield from span(second, lambda event: widened(side, event))
        if ring is not None:
            context.add(Polygon(ring, None, context.view.class_id, context.protects(first)))


def widened(side: Ring, event: PointerEvent) -> Ring:
    """Return the rectangle on a side ``(2, 2)`` that reaches to the pointer."""
    along = (side[1] - side[0]) / np.hypot(*(side[1] - side[0]))
    across = np.array([-along[1], along[0]])
    width = across * float(across @ (np.array(event.point) - side[0]))
    return np.array([side[0], side[1], side[1] + width, side[0] + width])
