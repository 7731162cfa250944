"""Draw around objects to delete them all."""

import numpy as np

from segstudio.labels.delete_in import DeleteIn
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand


@registry.register("delete_region")
class DeleteRegionTool(Tool):
    """Deletes what lies in the line or touches it, as one step; Escape gives up."""

    id = "delete_region"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw from press to release, or from click to click."""
        points = yield from freehand(first, "path", closes=True)
        if len(points) > 2:
            context.select(())
            context.carry_out(DeleteIn(np.array(points)))
