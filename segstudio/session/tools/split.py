"""Cut an object in two along a drawn line."""

import numpy as np

from segstudio.labels.edits import Split
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.freehand import Points, freehand, pixels_under


@registry.register("split")
class SplitTool(Tool):
    """Cuts the object that the line crosses furthest, a selected one before others."""

    id = "split"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw from press to release, or from click to click."""
        points = yield from freehand(first, "cut", closes=False)
        object_id = _crossed(points, context) if len(points) > 1 else 0
        if object_id and context.document.apply(Split(object_id, np.array(points))) is not None:
            context.select((object_id,))


def _crossed(points: Points, context: ToolContext) -> int:
    """Return the object under most of the line, 0 for none."""
    counts = pixels_under(points, context)
    selected = {object_id: count for object_id, count in counts.items() if object_id in context.view.selected}
    return max(selected or counts, key=lambda object_id: counts[object_id], default=0)
