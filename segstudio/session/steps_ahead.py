"""Undo and redo of large actions: prepared on a thread, done on the main thread in the order that was asked for."""

from collections import deque
from typing import TYPE_CHECKING, Final

from psygnal import Signal

from segstudio.labels.undo import Step
from segstudio.project.prepared_step import PreparedStep
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.session.front_image import FrontImage

#: A step of more tiles than these, about half a millisecond each, is prepared ahead, and so is one of more rows.
MANY_TILES: Final = 8
MANY_ROWS: Final = 1000
_LANE = "steps"


class StepsAhead:
    """Takes actions back and does them again; the window waits for none that is large.

    Steps wait for each other. Whatever else is done to the image comes after them: who begins a stroke before a step
    is there has it done in place first, and so has who leaves the image. A step that has to be read from the journal
    is given up then, with those behind it: the window waits for no drive.

    Parameters
    ----------
    front
        The image in front.
    background
        Prepares them.
    """

    changed = Signal()
    """A step was asked for, or the last one is done."""

    def __init__(self, front: "FrontImage", background: Background) -> None:
        self._background = background
        self._document: ImageDocument | None = None
        self._steps: deque[Step] = deque()
        self._preparing: object = None
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
        if not self.busy and not _is_large(document, step):
            _do(document, step)
        elif not document.editing:
            self._document = document
            self._steps.append(step)
            document.asked_first(self._do_all)
            self._go_on(document)
            self.changed.emit()

    def _go_on(self, document: "ImageDocument") -> None:
        """Have the next step prepared, unless one is being prepared."""
        if not self._steps or self._preparing is not None:
            return
        step, mine = self._steps[0], object()
        prepare = document.preparing(step)
        if prepare is None:  # asked for more often than there were actions
            self._forget(document)
            return
        self._preparing = mine

        def give_up() -> None:
            if mine is self._preparing:
                self._forget(document)

        def work() -> PreparedStep | None:
            try:
                return prepare()
            except BaseException:
                self._background.post(give_up)  # told like any other error; the next one is not kept waiting
                raise

        def take(prepared: PreparedStep | None) -> None:
            if mine is not self._preparing:
                return  # it was done in place
            if prepared is None:
                self._forget(document)
                document.tell_unread(step)
            else:
                self._take(document, prepared)

        self._background.run(work, take, lane=_LANE)

    def _take(self, document: "ImageDocument", prepared: PreparedStep) -> None:
        step, self._preparing = self._steps.popleft(), None
        if not self.busy:
            self._forget(document)
        try:
            document.step(step, prepared)
        finally:
            self._go_on(document)

    def _forget(self, document: "ImageDocument") -> None:
        self._steps.clear()
        self._preparing = self._document = None
        document.asked_first(None)
        self.changed.emit()

    def _do_all(self) -> None:
        """Do in place what is still to be done."""
        document, steps = self._document, tuple(self._steps)
        if document is not None:
            self._forget(document)
            for step in steps:
                if document.history.lacks(step):
                    document.tell_unread(step, still_reading=True)
                    return
                _do(document, step)

    def _on_leaving(self, document: "ImageDocument") -> None:
        if document is self._document:
            self._do_all()


def _is_large(document: "ImageDocument", step: Step) -> bool:
    record = document.history.next(step)
    large = record is not None and (len(record.tiles) > MANY_TILES or len(record.objects) > MANY_ROWS)
    return large or document.history.lacks(step)


def _do(document: "ImageDocument", step: Step) -> None:
    if step == "undo":
        document.undo()
    else:
        document.redo()
