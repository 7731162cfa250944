"""A line drawn by hand: by dragging, or by a click, moving with no button, and another click."""

from collections.abc import Generator
from itertools import pairwise
from math import hypot

import numpy as np

from segstudio.session.tools.base import PointerEvent, Preview, ToolContext

Points = list[tuple[float, float]]


def freehand(first: PointerEvent, kind: str, *, closes: bool) -> Generator[tuple[Preview, ...], PointerEvent, Points]:
    """Follow the pointer; return the points, none after Escape.

    A drag ends when the button is let go. After a click the line follows the pointer without a button until the
    same button is pressed again or, when it `closes`, the pointer comes back to the start. Leaving the start means
    to go further from it than twice the reach of the first event.
    """
    points = [first.point]
    dragging, left_start = True, False
    while True:
        event = yield (Preview(np.array(points), closes, kind),)
        if event.kind == "key":
            if event.key == "Escape":
                return []
            continue
        away = hypot(event.x - first.x, event.y - first.y)
        left_start |= away > 2 * first.reach
        if event.kind in ("move", "hover") and event.point != points[-1]:
            points.append(event.point)
        if event.kind == "release" and dragging and event.button == first.button:
            if left_start:
                return [*points, event.point]
            dragging = False
        elif event.kind in ("press", "double") and event.button == first.button:
            return [*points, event.point]
        elif closes and not dragging and left_start and away <= first.reach:
            return points


def pixels_under(points: Points, context: ToolContext) -> dict[int, int]:
    """Return the objects that a line crosses, in its order, and how long it is on each, in half pixels."""
    labels = context.document.planes.labels
    counts: dict[int, int] = {}
    for start, end in pairwise(np.asarray(points)):
        steps = max(2, int(np.ceil(2 * np.hypot(*(end - start)))))
        for x, y in np.floor(np.linspace(start, end, steps)).astype(int).tolist():
            value = labels.value(y, x)
            if value > 0:
                counts[value] = counts.get(value, 0) + 1
    return counts
