"""Join objects to the selected one by clicks."""

from segstudio.labels.edits import Merge
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release


def merge(first: PointerEvent, context: ToolContext) -> Gesture:
    """Merge the object under a press into the selected one; select it when none is."""
    clicked = context.object_at(first)
    if clicked:
        chosen = [i for i in sorted(context.view.selected) if i in context.document.planes.objects]
        target = context.current() if context.current() in chosen or not chosen else chosen[0]
        if target and target != clicked:
            context.document.apply(Merge((target, clicked)))
        context.select((target or clicked,))
    yield from until_release()


@registry.register("merge")
class MergeTool(Tool):
    """Joins what is clicked to the selected object; the first click selects when nothing is."""

    id = "merge"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Merge at the press."""
        yield from merge(first, context)
