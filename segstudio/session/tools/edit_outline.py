"""The outline of an object as vertices that are dragged, added and removed."""

from collections.abc import Generator
from math import hypot

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.labels.label_map import LabelMap
from segstudio.labels.shape_edits import LARGEST
from segstudio.labels.vertices import Reshape, Ring, vertices
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry, until_release

_CORNERS = 3


@registry.register("edit_outline")
class EditOutlineTool(Tool):
    """A click on an object shows its vertices.

    Dragging a vertex moves it, dragging a line adds one; a right click, or Alt and a click, removes one. Backspace and
    Ctrl+Z take the last change back. Enter or a press elsewhere applies all changes as one step, Escape gives them up.
    """

    id = "edit_outline"

    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Take an object, then change its outline."""
        object_id, planes = context.object_at(first), context.document.planes
        if not object_id:
            yield from until_release()
            return None
        context.select((object_id,))
        labels = planes.labels.snapshot()
        found: list[list[Ring]] = []
        context.think(lambda: _outline(labels, object_id), found.append)
        held = True
        while held or not found:
            event = yield ()
            held &= event.kind != "release"
            if event.kind == "key" and event.key == "Escape":
                return None
        context.guide("Drag vertices and lines; right-click removes a vertex. Enter applies, Esc refuses it.")
        before, outline = found[0], _Outline(found[0])
        untouched = yield from _changed(outline)
        if untouched is not _GIVEN_UP and outline.rings is not before and context.document.planes is planes:
            context.carry_out(Reshape(object_id, before, outline.rings, context.view.protect))
        return untouched


#: What `_changed` returns after Escape.
_GIVEN_UP = object()


def _outline(labels: LabelMap, object_id: int) -> list[Ring]:
    window = labels.window_of(object_id)
    if window is None:
        return []
    if window.height * window.width > LARGEST:
        raise UserError(
            f"Object {object_id} reaches over {window.width:,} × {window.height:,} pixels: too far for this.",
            hint="Change it with brush and eraser.",
            code="object-too-large",
        )
    return vertices(labels.read(window) == object_id, (window.x0, window.y0))


class _Outline:
    """Rings that are changed one after the other, and the way back."""

    def __init__(self, rings: list[Ring]) -> None:
        self.rings = rings
        self._before: list[list[Ring]] = []

    def keep(self) -> None:
        """Remember the rings as they are, for `back`."""
        self._before.append(self.rings)

    def back(self) -> None:
        """Take the last change back."""
        if self._before:
            self.rings = self._before.pop()

    def change(self, number: int, ring: Ring) -> None:
        """Replace one ring."""
        self.rings = [ring if index == number else other for index, other in enumerate(self.rings)]

    def add(self, number: int, index: int, point: tuple[float, float]) -> tuple[int, int]:
        """Add a vertex after the one of an index; return ring and index of the new one."""
        self.change(number, np.insert(self.rings[number], index + 1, point, axis=0))
        return number, index + 1

    def vertex_at(self, event: PointerEvent) -> tuple[int, int] | None:
        """Return ring and index of the vertex under the pointer."""
        near = [
            (float(away.min()), number, int(away.argmin()))
            for number, ring in enumerate(self.rings)
            if (away := np.hypot(*(ring - event.point).T)).min() <= event.reach
        ]
        return min(near)[1:] if near else None

    def line_at(self, event: PointerEvent) -> tuple[int, int] | None:
        """Return ring and index of the vertex before the line under the pointer."""
        near = [
            (float(away.min()), number, int(away.argmin()))
            for number, ring in enumerate(self.rings)
            if (away := _distances(ring, event.point)).min() <= event.reach
        ]
        return min(near)[1:] if near else None

    def shown(self) -> tuple[Preview, ...]:
        """Return the lines to draw."""
        return tuple(Preview(ring, True, "vertices") for ring in self.rings)


def _changed(outline: _Outline) -> Gesture:
    """Change an outline until Enter, Escape or a press elsewhere; return that press, or `_GIVEN_UP`."""
    while True:
        event = yield outline.shown()
        if event.kind == "key" and event.key == "Escape":
            return _GIVEN_UP
        if event.kind == "key" and event.key in ("Enter", "Space"):
            return None
        if event.kind == "key" and event.key == "Backspace":
            outline.back()
        elif event.kind in ("press", "double") and not (yield from _taken(outline, event)):
            return event


def _taken(outline: _Outline, event: PointerEvent) -> Generator[tuple[Preview, ...], PointerEvent, bool]:
    """Remove or drag what is under a press; return whether there was something."""
    vertex = outline.vertex_at(event)
    if vertex is not None and (event.button == "right" or "alt" in event.modifiers):
        _remove(outline, *vertex)
        yield from _released(outline)
        return True
    line = outline.line_at(event) if vertex is None else None
    if event.button != "left" or (vertex is None and line is None):
        return False
    outline.keep()
    if line is not None:
        vertex = outline.add(*line, event.point)
    if vertex is not None:
        yield from _dragged(outline, event, *vertex, added=line is not None)
    return True


def _released(outline: _Outline) -> Gesture:
    event = yield outline.shown()
    while event.kind != "release":
        event = yield outline.shown()


def _remove(outline: _Outline, number: int, index: int) -> None:
    ring = outline.rings[number]
    if len(ring) > _CORNERS:
        outline.keep()
        outline.change(number, np.delete(ring, index, axis=0))


def _dragged(outline: _Outline, first: PointerEvent, number: int, index: int, *, added: bool) -> Gesture:
    """Move a vertex until the button is let go; Escape puts it back."""
    start, moved = outline.rings[number][index], added
    while True:
        event = yield outline.shown()
        if event.kind == "key" and event.key == "Escape":
            outline.back()
            yield from _released(outline)
            return
        if event.kind in ("move", "release"):
            way = event.x - first.x, event.y - first.y
            moved |= hypot(*way) > 0
            ring: NDArray[np.float64] = outline.rings[number].copy()
            ring[index] = start + way
            outline.change(number, ring)
        if event.kind == "release" and event.button == first.button:
            break
    if not moved:
        outline.back()


def _distances(ring: Ring, point: tuple[float, float]) -> NDArray[np.float64]:
    """Return how far a point is from each line of a closed ring."""
    way = np.roll(ring, -1, axis=0) - ring
    length = np.maximum((way**2).sum(axis=1), np.finfo(float).tiny)
    along = np.clip(((point - ring) * way).sum(axis=1) / length, 0, 1)
    found: NDArray[np.float64] = np.hypot(*(ring + along[:, None] * way - point).T)
    return found
