"""Fill an enclosed area."""

from segstudio.labels.edits import Fill
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release


@registry.register("fill")
class FillTool(Tool):
    """Gives the enclosed area under a click to the current object, or to a new one."""

    id = "fill"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Fill at the press."""
        object_id = context.current() or context.document.planes.objects.free_id()
        context.warn_protected(first, object_id)
        edit = Fill(first.point, object_id, context.view.class_id, context.protects(first))
        if context.document.apply(edit) is not None:
            context.view.current_object = object_id
            context.select((object_id,))
        yield from until_release()
