"""Paint where everything is labelled, or what training is to ignore."""

from segstudio.labels.edits import Brush, RegionStroke
from segstudio.labels.regions import NOT_STATED
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.strokes import stroke


@registry.register("region")
class RegionTool(Tool):
    """Paints the region value of the view state; with Alt it takes statements back."""

    id = "region"
    paints = True

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Mark from press to release."""
        value = NOT_STATED if "alt" in first.modifiers else context.view.region_value
        brush = Brush(value, context.view.brush_diameter, None, "regions", context.view.brush_square)
        yield from stroke(first, context, RegionStroke.name, brush)
