"""A drawn region is cut into objects by a threshold, shown at once and taken or refused."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.mask_edit import AddObjects
from segstudio.labels.raster import polygon
from segstudio.labels.shapes import Mask
from segstudio.labels.thresholding import Threshold, objects_by_threshold
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand
from segstudio.session.tools.proposed import HOW, Proposal, judge

#: Pixels of the region, at most: they are read from the file.
_LARGEST: Final = 4096 * 4096


@registry.register("threshold")
class ThresholdTool(Tool):
    """The settings can be changed while the objects are proposed; Enter or a click takes them, Escape refuses."""

    id = "threshold"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw the region, then judge what is found in it."""
        points = yield from freehand(first, "path", closes=True)
        planes, protect = context.document.planes, context.protects(first)
        window, inside = polygon([np.array(points)], planes.shape)
        if inside.size > _LARGEST:
            context.say(f"The region is too large: at most {_LARGEST**0.5:,.0f} pixels a side.")
        elif inside.any():
            free = inside & (planes.labels.read(window) == 0) if protect else inside
            return (yield from _propose(_Region(np.array(points), window, free), protect, context))
        return None


@dataclass(frozen=True, eq=False)
class _Region:
    line: NDArray[np.float64]
    window: Window
    inside: Mask


def _propose(region: _Region, protect: bool, context: ToolContext) -> Gesture:
    """Show what is found in a region, anew with each setting, until it is taken or refused."""
    planes = context.document.planes
    found: list[tuple[NDArray[np.int32], Proposal]] = []

    def work(pixels: NDArray[Any], settings: Threshold) -> tuple[NDArray[np.int32], Proposal]:
        numbered = objects_by_threshold(pixels, region.inside, settings)
        return numbered, Proposal.of(numbered > 0, region.window)

    def look() -> None:
        settings = context.view.threshold

        def take(got: tuple[NDArray[np.int32], Proposal]) -> None:
            if settings is context.view.threshold:  # else newer ones are on their way
                found[:] = [got]
                count = int(got[0].max())
                context.say(f"{count:,} objects. {HOW}" if count else "No objects: move the threshold.")

        context.look(region.window, lambda pixels: work(pixels, settings), take)

    look()
    while not found:
        event = yield (Preview(region.line, True, "shape"),)
        if event.kind == "key" and event.key == "Escape":
            return None
        if event.kind == "setting":
            look()
    taken, untouched = yield from judge(lambda: found[0][1], look)
    numbered = found[0][0]
    if taken and context.document.planes is planes and numbered.any():
        context.carry_out(AddObjects(numbered, region.window, context.view.class_id, protect, "Threshold"))
    return untouched
