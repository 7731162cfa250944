"""Select objects."""

from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release


@registry.register("select")
class SelectTool(Tool):
    """Selects the object under a click, none on empty ground; Shift adds to the selection or takes away."""

    id = "select"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Select at the press."""
        clicked = {object_id} if (object_id := context.object_at(first)) else set()
        if "shift" in first.modifiers:
            clicked ^= context.view.selected
        context.select(tuple(sorted(clicked)))
        yield from until_release()
