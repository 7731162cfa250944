"""Erase pixels of objects."""

from segstudio.labels.edits import Brush, EraseStroke
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.strokes import stroke


@registry.register("erase")
class EraseTool(Tool):
    """Clears all objects under the brush; with Shift only the one on which the stroke begins."""

    id = "erase"
    paints = True

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Erase from press to release."""
        only = context.object_at(first) if "shift" in first.modifiers else 0
        view = context.view
        brush = Brush(0, view.brush_diameter, (only,) if only else None, square=view.brush_square)
        yield from stroke(first, context, EraseStroke.name, brush)
