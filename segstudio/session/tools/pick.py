"""Take an object, to go on painting it."""

from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release
from segstudio.session.view_state import NEW_OBJECT


@registry.register("pick")
class PickTool(Tool):
    """Makes the object under a click the current one; empty ground means that the next stroke starts a new one."""

    id = "pick"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Pick at the press."""
        object_id = context.object_at(first)
        context.view.current_object = object_id or NEW_OBJECT
        info = context.document.planes.objects.get(object_id)
        if info is not None:
            context.view.class_id = info.class_id
        context.select((object_id,) if object_id else ())
        yield from until_release()
