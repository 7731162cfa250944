"""Undo and redo of large actions: unpacked on a thread, done on the main thread in the order that was asked for."""

from collections import deque
from typing import TYPE_CHECKING, Final, Literal

from psygnal import Signal

from segstudio.labels.history import EditRecord, Tiles
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.session.front_image import FrontImage

Step = Literal["undo", "redo"]

#: A step of more tiles than these, about half a millisecond each, is unpacked ahead.
MANY_TILES: Final = 8
_LANE = "steps"


class StepsAhead:
    """Takes actions back and does them again; the window waits for none that is large.

    Steps wait for each other. Whatever else is done to the image comes after them: who begins a stroke before a step
    is there has it done in place first, and so has who leaves the image.

    Parameters
    ----------
    front
        The image in front.
    background
        Unpacks tiles.
    """

    changed = Signal()
    """A step was asked for, or the last one is done."""

    def __init__(self, front: "FrontImage", background: Background) -> None:
        self._background = background
        self._document: ImageDocument | None = None
        self._steps: deque[Step] = deque()
        self._unpacking: object = None
        front.leaving.connect(self._on_leaving)

    @property
    def busy(self) -> bool:
        """Whether a step is still to be done."""
        return bool(self._steps)

    def undo(self, document: "ImageDocument") -> None:
        """Take back the last action that is not taken back already, at once or soon."""
        self._ask(document, "undo")

    def redo(self, document: "ImageDocument") -> None:
        """Do again what was taken back last, at once or soon."""
        self._ask(document, "redo")

    def _ask(self, document: "ImageDocument", step: Step) -> None:
        if not self.busy and not _is_large(_record(document, step)):
            _do(document, step)
        elif not document.editing:
            self._document = document
            self._steps.append(step)
            document.asked_first(self._do_all)
            self._go_on(document)
            self.changed.emit()

    def _go_on(self, document: "ImageDocument") -> None:
        """Have the next step unpacked, unless one is being unpacked."""
        if not self._steps or self._unpacking is not None:
            return
        step, mine = self._steps[0], object()
        record = _record(document, step)
        if record is None:  # asked for more often than there were actions
            self._forget(document)
            return
        self._unpacking, unpack = mine, document.planes.unpacking(record)

        def give_up() -> None:
            if mine is self._unpacking:
                self._forget(document)

        def work() -> Tiles:
            try:
                return unpack()
            except BaseException:
                self._background.post(give_up)  # told like any other error; the next one is not kept waiting
                raise

        def take(tiles: Tiles) -> None:
            if mine is self._unpacking:  # else it was done in place
                self._take(document, tiles)

        self._background.run(work, take, lane=_LANE)

    def _take(self, document: "ImageDocument", tiles: Tiles) -> None:
        step, self._unpacking = self._steps.popleft(), None
        if not self.busy:
            self._forget(document)
        try:
            document.step(step, tiles)
        finally:
            self._go_on(document)

    def _forget(self, document: "ImageDocument") -> None:
        self._steps.clear()
        self._unpacking = self._document = None
        document.asked_first(None)
        self.changed.emit()

    def _do_all(self) -> None:
        """Do in place what is still to be done."""
        document, steps = self._document, tuple(self._steps)
        if document is not None:
            self._forget(document)
            for step in steps:
                _do(document, step)

    def _on_leaving(self, document: "ImageDocument") -> None:
        if document is self._document:
            self._do_all()


def _record(document: "ImageDocument", step: Step) -> EditRecord | None:
    return document.history.to_undo if step == "undo" else document.history.to_redo


def _is_large(record: EditRecord | None) -> bool:
    return record is not None and len(record.tiles) > MANY_TILES


def _do(document: "ImageDocument", step: Step) -> None:
    if step == "undo":
        document.undo()
    else:
        document.redo()
