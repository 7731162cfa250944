"""Join objects: to the selected one by clicks, or all that a drawn line crosses."""

import numpy as np

from segstudio.labels.edits import Edit, Merge
from segstudio.labels.history import EditRecord
from segstudio.labels.merge_touching import MergeTouching
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry, until_release
from segstudio.session.tools.freehand import pixels_under


def merge(first: PointerEvent, context: ToolContext) -> Gesture:
    """Merge at the press, see `join_clicked`."""
    join_clicked(first, context)
    yield from until_release()


def join_clicked(first: PointerEvent, context: ToolContext) -> None:
    """Merge the object under a press into the selected one; select it when none is, or when they do not touch."""
    clicked = context.object_at(first)
    if not clicked:
        return
    chosen = [i for i in sorted(context.view.selected) if i in context.document.planes.objects]
    target = context.current() if context.current() in chosen or not chosen else chosen[0]
    if target in (0, clicked):
        context.select((clicked,))
        return
    before = context.view.selected

    def done(_edit: Edit, record: EditRecord | None) -> None:
        if context.view.selected == before:  # or the user has gone on meanwhile
            context.select((clicked if record is None else target,))

    context.carry_out(MergeTouching.of(context.document.planes.labels, target, clicked), done)


@registry.register("merge")
class MergeTool(Tool):
    """A click joins what is clicked to the selected object, or selects when nothing is; a drag joins what it crosses.

    Of the objects that a drag crosses the first one stays, or a selected one.
    """

    id = "merge"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Merge when the button is let go."""
        points, event = [first.point], first
        while event.kind != "release" or event.button != first.button:
            event = yield (Preview(np.array(points), False, "cut"),) if len(points) > 1 else ()
            if event.kind == "key" and event.key == "Escape":
                return
            if event.kind in ("move", "release") and event.point != points[-1]:
                points.append(event.point)
        if np.ptp(np.array(points), axis=0).max() <= first.reach / 2:
            join_clicked(first, context)
            return
        crossed = sorted(pixels_under(points, context), key=lambda object_id: object_id not in context.view.selected)
        if len(crossed) > 1:
            context.carry_out(Merge(tuple(crossed)))
        context.select(crossed[:1])
