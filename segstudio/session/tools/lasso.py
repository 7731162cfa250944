"""Draw around objects to select them all."""

import numpy as np

from segstudio.labels.delete_in import objects_in
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand


@registry.register("lasso")
class LassoTool(Tool):
    """Selects what lies in the line or touches it; with Shift besides what is selected already."""

    id = "lasso"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw from press to release, or from click to click."""
        points = np.array((yield from freehand(first, "path", closes=True)))
        if len(points) < 3:
            return
        planes, labels = context.document.planes, context.document.planes.labels.snapshot()
        found: list[set[int]] = []
        context.think(lambda: objects_in(labels, points), found.append)
        while not found:
            event = yield (Preview(points, True, "shape"),)
            if event.kind == "key" and event.key == "Escape":
                return
        if context.document.planes is planes:
            more = context.view.selected if "shift" in first.modifiers else frozenset()
            context.select(sorted(found[0] | more))
            count = len(found[0])
            one, many = "1 object selected.", f"{count:,} objects selected."
            context.say((one if count == 1 else many) if count else "No object lies there.")
