"""Measure a distance."""

import numpy as np

from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.spanning import Ring, span


@registry.register("ruler")
class RulerTool(Tool):
    """Says how far apart two points are: a drag, or two clicks. It changes nothing."""

    id = "ruler"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Measure from the press on; Escape lets go of it."""

        def measured(event: PointerEvent) -> Ring:
            context.view.ruler = (first.point, event.point)
            return np.array([first.point, event.point])

        if (yield from span(first, measured, closed=False)) is None:
            context.view.ruler = None
