"""Click around an object, corner by corner."""

from math import hypot

import numpy as np

from segstudio.labels.edits import Polygon
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry

_CORNERS = 3


@registry.register("polygon")
class PolygonTool(Tool):
    """Ends at a click on the first point, a double click, Enter or Space; Escape cancels.

    Backspace, Ctrl+Z and the right button drop the last point; without a point left the gesture ends.
    """

    id = "polygon"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Collect corners."""
        points = [first.point]
        protect = context.protects(first)
        event = first
        while points:
            shown = points if event.kind == "key" else [*points, event.point]
            event = yield (Preview(np.array(shown), True, "polygon"),)
            if event.kind == "key" and event.key == "Escape":
                return
            if _ends(event, points):
                break
            if _drops(event):
                points.pop()
            elif event.kind == "press" and event.button == "left":
                points.append(event.point)
        if len(points) >= _CORNERS:
            context.add(Polygon(np.array(points), None, context.view.class_id, protect))


def _ends(event: PointerEvent, points: list[tuple[float, float]]) -> bool:
    if event.kind == "key":
        return event.key in ("Enter", "Return", "Space") and len(points) >= _CORNERS
    if event.button != "left" or len(points) < _CORNERS:
        return False
    near = hypot(event.x - points[0][0], event.y - points[0][1]) <= event.reach
    return event.kind == "double" or (event.kind == "press" and near)


def _drops(event: PointerEvent) -> bool:
    if event.kind == "key":
        return event.key == "Backspace" or (event.key.lower() == "z" and "ctrl" in event.modifiers)
    return event.kind in ("press", "double") and event.button == "right"
