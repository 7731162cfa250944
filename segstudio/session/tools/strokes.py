"""A stroke that is painted while the pointer moves, and becomes one action when the button is let go."""

from collections.abc import Callable, Generator

from segstudio.labels.edits import Brush, Painter
from segstudio.labels.history import EditRecord
from segstudio.labels.transaction import Transaction
from segstudio.session.tools.base import PointerEvent, Preview, ToolContext


def stroke(
    first: PointerEvent,
    context: ToolContext,
    name: str,
    brush: Brush,
    at_start: Callable[[Transaction], None] = lambda tx: None,
) -> Generator[tuple[Preview, ...], PointerEvent, EditRecord | None]:
    """Paint from press to release; return the record, ``None`` when nothing changed or Escape was pressed.

    `at_start` may change the transaction first, as put the new object into the table.
    """
    tx = context.document.begin(name)
    try:
        at_start(tx)
        painter = Painter(tx, brush)
        painter.to(*first.point)
        while True:
            event = yield ()
            if event.kind == "key" and event.key == "Escape":
                return None
            if event.kind in ("move", "hover", "release"):
                painter.to(*event.point)
            if event.kind == "release" and event.button == first.button:
                break
        return tx.commit()
    finally:
        if tx.open:
            tx.abort()
