"""Join objects to the selected one by clicks."""

import cv2
import numpy as np

from segstudio.labels.edits import Merge
from segstudio.labels.label_map import LabelMap
from segstudio.session.tools.base import Gesture, PointerEvent, Tool, ToolContext, registry, until_release

#: Pixels between two parts of one cell, at most.
_GAP = 2


def merge(first: PointerEvent, context: ToolContext) -> Gesture:
    """Merge the object under a press into the selected one; select it when none is, or when they do not touch."""
    clicked = context.object_at(first)
    if clicked:
        chosen = [i for i in sorted(context.view.selected) if i in context.document.planes.objects]
        target = context.current() if context.current() in chosen or not chosen else chosen[0]
        if target and target != clicked and _touch(context.document.planes.labels, target, clicked):
            context.document.apply(Merge((target, clicked)))
            clicked = target
        context.select((clicked,))
    yield from until_release()


def _touch(labels: LabelMap, one: int, other: int) -> bool:
    """Return whether at most `_GAP` pixels lie between two objects: nobody means to join cells that are apart."""
    window = labels.window_of(other)
    if window is None:
        return False
    pixels = labels.read(window.grow(_GAP + 1).clip(labels.shape))
    reach = np.ones((2 * _GAP + 3,) * 2, np.uint8)
    return bool((pixels[cv2.dilate((pixels == other).astype(np.uint8), reach) > 0] == one).any())


@registry.register("merge")
class MergeTool(Tool):
    """Joins what is clicked to the selected object; the first click selects when nothing is."""

    id = "merge"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Merge at the press."""
        yield from merge(first, context)
