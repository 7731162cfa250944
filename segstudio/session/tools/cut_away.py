"""Draw a region that is removed from the selected objects."""

import numpy as np

from segstudio.labels.cut_away import CutAway
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand


@registry.register("cut_away")
class CutAwayTool(Tool):
    """Cuts from the selected objects; with none selected, from the one of which most lies in the line."""

    id = "cut_away"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw from press to release, or from click to click."""
        points = yield from freehand(first, "path", closes=True)
        if len(points) > 2:
            here = context.view.selected & context.document.planes.objects.keys()
            context.carry_out(CutAway(np.array(points), frozenset(here)))
