"""A drawn region is cut into objects by a threshold, shown at once and taken or refused."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.mask_edit import AddObjects
from segstudio.labels.raster import polygon
from segstudio.labels.shapes import Mask
from segstudio.labels.thresholding import Threshold, objects_by_threshold
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.freehand import freehand
from segstudio.session.tools.proposed import HOW, MOST_RINGS, Proposal, judge

#: Pixels of the region, at most: they are read from the file.
_LARGEST: Final = 4096 * 4096
_CORNERS: Final = 3


@registry.register("threshold")
class ThresholdTool(Tool):
    """The settings can be changed while the objects are proposed; Enter or a click takes them, Escape refuses."""

    id = "threshold"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Draw the region, then judge what is found in it."""
        line = np.array((yield from freehand(first, "path", closes=True)))
        if len(line) < _CORNERS:
            return None
        (x0, y0), (x1, y1) = np.floor(line.min(axis=0)), np.ceil(line.max(axis=0))
        window = Window(int(y0), int(x0), int(y1), int(x1)).clip(context.document.planes.shape)
        if window.height * window.width > _LARGEST:
            context.say(f"The region is too large: at most {_LARGEST**0.5:,.0f} pixels a side.")
        elif not window.empty:
            return (yield from _propose(line, window, context.protects(first), context))
        return None


def _inside(line: NDArray[np.float64], window: Window, labels: LabelMap | None) -> Mask:
    """Return the pixels of a window inside of a line, of `labels` only the empty ones."""
    out = np.zeros(window.shape, np.bool_)
    part, mask = polygon([line], (window.y1, window.x1))
    out[part.shift(-window.y0, -window.x0).slices] = mask
    return out if labels is None else out & (labels.read(window) == 0)


def _propose(line: NDArray[np.float64], window: Window, protect: bool, context: ToolContext) -> Gesture:
    """Show what is found in a region, anew with each setting, until it is taken or refused."""
    planes = context.document.planes
    before = planes.labels.snapshot() if protect else None
    found: list[tuple[NDArray[np.int32], Proposal]] = []

    def work(pixels: NDArray[Any], settings: Threshold) -> tuple[NDArray[np.int32], Proposal] | None:
        if settings is not context.view.threshold:
            return None  # newer ones wait behind it
        numbered = objects_by_threshold(pixels, _inside(line, window, before), settings)
        return numbered, Proposal.of(numbered > 0, window)

    def look() -> None:
        settings = context.view.threshold

        def take(got: tuple[NDArray[np.int32], Proposal] | None) -> None:
            if got is not None and settings is context.view.threshold:
                found[:] = [got]
                count = int(got[0].max())
                shown = f", the {MOST_RINGS} longest outlines shown" if count > MOST_RINGS else ""
                words = "1 object" if count == 1 else f"{count:,} objects"
                context.guide(f"{words}{shown}. {HOW}" if count else "No objects: move the threshold.")

        context.look(window, lambda pixels: work(pixels, settings), take)

    look()
    while not found:
        event = yield (Preview(line, True, "shape"),)
        if event.kind == "key" and event.key == "Escape":
            return None
        if event.kind == "setting":
            look()
    taken, untouched = yield from judge(lambda: found[0][1], look)
    numbered = found[0][0]
    if taken and context.document.planes is planes and numbered.any():
        context.carry_out(AddObjects(numbered, window, context.view.class_id, protect, "Threshold"))
    return untouched
