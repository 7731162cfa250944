"""Delete objects by a click."""

from segstudio.labels.edits import Delete
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release


def delete(first: PointerEvent, context: ToolContext) -> Gesture:
    """Delete the object under a press."""
    object_id = context.object_at(first)
    if object_id:
        context.document.apply(Delete((object_id,)))
        context.select(tuple(sorted(context.view.selected - {object_id})))
    yield from until_release()


@registry.register("delete")
class DeleteTool(Tool):
    """Deletes what is clicked; in other tools Ctrl and a click does."""

    id = "delete"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Delete at the press."""
        yield from delete(first, context)
