"""A stroke that is painted while the pointer moves, and becomes one action when the button is let go."""

from collections.abc import Callable, Generator, Sequence
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.edits import Brush, Painter
from segstudio.labels.history import EditRecord
from segstudio.labels.painting import Limit
from segstudio.labels.similar import unlikeness
from segstudio.labels.transaction import Transaction
from segstudio.session.tools.base import PointerEvent, Preview, ToolContext

#: A brush that paints only what is like the start reaches so many pixels from there: what it looks at is read first.
REACH = 384


def stroke(
    first: PointerEvent,
    context: ToolContext,
    name: str,
    brush: Brush,
    at_start: Callable[[Transaction], None] = lambda tx: None,
    waiting: Sequence[PointerEvent] = (),
) -> Generator[tuple[Preview, ...], PointerEvent, EditRecord | None]:
    """Paint from press to release; return the record, ``None`` when nothing changed or Escape was pressed.

    `at_start` may change the transaction first, as put the new object into the table. What is `waiting` has come
    since the press.
    """
    late = iter(waiting)
    tx = context.document.begin(name)
    try:
        at_start(tx)
        painter = Painter(tx, brush)
        painter.to(*first.point, _pressure(first, context))
        while True:
            event = next(late, None) or (yield ())
            if event.kind == "key" and event.key == "Escape":
                return None
            if event.kind in ("move", "hover", "release"):
                painter.to(*event.point, _pressure(event, context))
            if event.kind == "release" and event.button == first.button:
                break
        return tx.commit()
    finally:
        if tx.open:
            tx.abort()


def like_the_start(
    first: PointerEvent, context: ToolContext
) -> Generator[tuple[Preview, ...], PointerEvent, tuple[Limit, list[PointerEvent]] | None]:
    """Find where the intensity is like that under a press, up to `REACH` pixels away.

    Returns that and the events that have come meanwhile, ``None`` after Escape and beside the image.
    """
    shape, row, column = context.document.planes.shape, floor(first.y), floor(first.x)
    at = Window(row, column, row + 1, column + 1)
    if at.clip(shape) != at:
        return None
    window, tolerance = at.grow(REACH).clip(shape), context.view.brush_tolerance
    found: list[Limit] = []

    def work(pixels: NDArray[Any]) -> Limit:
        return Limit(window, unlikeness(pixels, row - window.y0, column - window.x0) <= tolerance)

    context.look(window, work, found.append)
    waiting: list[PointerEvent] = []
    while not found:
        try:
            event = yield (Preview(np.array([first.point, *(other.point for other in waiting)]), False, "shape"),)
        except GeneratorExit:
            context.say("This stroke was not painted: the image was still being read.")
            raise
        if event.kind == "key" and event.key == "Escape":
            return None
        if event.kind in ("move", "hover", "release"):
            waiting.append(event)
    return found[0], waiting


def _pressure(event: PointerEvent, context: ToolContext) -> float:
    return event.pressure if context.view.pen_pressure else 1.0
