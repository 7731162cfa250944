"""An upright ellipse as one object."""

import numpy as np

from segstudio.labels.edits import Polygon
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.spanning import Frame, Ring, span

#: How far the straight pieces of the outline may lie inside of the ellipse, image pixels.
_SAG = 0.02
_FEWEST = 24


@registry.register("ellipse")
class EllipseTool(Tool):
    """From corner to corner of its box; while dragging, Shift makes a circle and Ctrl puts the start in the middle."""

    id = "ellipse"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Drag from press to release, or click two corners."""
        frame = Frame(first)
        ring = yield from span(first, lambda event: ellipse(*frame.corners(event)))
        if ring is not None:
            context.add(Polygon(ring, None, context.view.class_id, context.protects(first)))


def ellipse(x0: float, y0: float, x1: float, y1: float) -> Ring:
    """Return the outline ``(N, 2)`` of the ellipse in a box, with as many points as its size asks for."""
    across, down = (x1 - x0) / 2, (y1 - y0) / 2
    radius = max(abs(across), abs(down), 1.0)
    count = max(_FEWEST, int(np.ceil(np.pi / np.arccos(1 - _SAG / radius))))
    angle = np.arange(count) * (2 * np.pi / count)
    return np.column_stack([x0 + across + across * np.cos(angle), y0 + down + down * np.sin(angle)])
