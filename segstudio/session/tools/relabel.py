"""Give objects the chosen class by clicks."""

from segstudio.labels.edits import Relabel
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release


@registry.register("relabel")
class RelabelTool(Tool):
    """Gives the object under a click the class of the view state."""

    id = "relabel"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Change the class at the press."""
        object_id = context.object_at(first)
        if object_id:
            context.document.apply(Relabel((object_id,), context.view.class_id))
            context.select((object_id,))
        yield from until_release()
