"""An upright rectangle as one object."""

import numpy as np

from segstudio.labels.edits import Polygon
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.spanning import Frame, Ring, span


@registry.register("rectangle")
class RectangleTool(Tool):
    """From corner to corner; while dragging, Shift makes a square and Ctrl puts the start in the middle."""

    id = "rectangle"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Drag from press to release, or click two corners."""
        frame = Frame(first)

        def outline(event: PointerEvent) -> Ring:
            x0, y0, x1, y1 = frame.corners(event)
            return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])

        ring = yield from span(first, outline)
        if ring is not None:
            context.add(Polygon(ring, None, context.view.class_id, context.protects(first)))
