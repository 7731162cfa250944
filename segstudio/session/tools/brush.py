"""Paint an object; Alt erases from it."""

from segstudio.labels.edits import Brush, EraseStroke, Stroke, add_object
from segstudio.labels.transaction import Transaction
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry
from segstudio.session.tools.strokes import like_the_start, stroke


@registry.register("brush")
class BrushTool(Tool):
    """Continues the current object, else the one under the press; on empty ground, or when asked for, a new one.

    With Alt it erases: from the current object only while neighbours are protected, else from all.
    """

    id = "brush"
    paints = True

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Paint from press to release."""
        view, protect = context.view, context.protects(first)
        if "alt" in first.modifiers:
            object_id = context.current() or context.object_at(first)
            context.warn_protected(first, object_id)
            over = (object_id,) if protect and object_id else None
            brush = Brush(0, view.brush_diameter, over, square=view.brush_square)
            yield from stroke(first, context, EraseStroke.name, brush)
            return
        limit, waiting = None, list[PointerEvent]()
        if view.brush_like:
            planes = context.document.planes
            found = yield from like_the_start(first, context)
            if found is None or context.document.planes is not planes:
                return
            limit, waiting = found
        object_id = context.continued(first)
        context.warn_protected(first, object_id)
        object_id = object_id or context.document.planes.objects.free_id()
        class_id, over = view.class_id, (0,) if protect else None
        brush = Brush(object_id, view.brush_diameter, over, square=view.brush_square, limit=limit)

        def make(tx: Transaction) -> None:
            add_object(tx, object_id, class_id)

        record = yield from stroke(first, context, Stroke.name, brush, make, waiting)
        if record is not None:
            view.current_object = object_id
            context.select((object_id,))
