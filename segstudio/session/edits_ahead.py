"""Edits of thousands of objects: worked out on a thread, and done on the main thread at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from psygnal import Signal

from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.restore_points import restore_point_of
from segstudio.labels.restoring import Restoration
from segstudio.labels.transaction import Transaction
from segstudio.project.prepared_step import TableChange
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.session.front_image import FrontImage

E = TypeVar("E", bound=Edit)

#: An edit of more objects than these is worked out ahead.
MANY: Final = 1000
_LANE = "edits"
#: Seconds until it is looked again whether a gesture has ended.
_REST_S = 0.05


@dataclass(frozen=True, eq=False)
class Wish(Generic[E]):
    """What is to be done to the image in front.

    Attributes
    ----------
    edit
        Returns the edit for the image as it is now; ``None`` when there is nothing to do any more.
    done
        Called with it and its record, which is ``None`` when nothing changed.
    of
        Returns what the edit is made of besides the image: when that is another object, it is made anew.
    given_up
        Called when it will not be done.
    """

    edit: Callable[[], E | None]
    done: Callable[[E, EditRecord | None], object]
    of: Callable[[], object] = lambda: None
    given_up: Callable[[], object] = lambda: None


class EditsAhead:
    """Works out edits that would make the window wait.

    Nobody waits for one: who paints meanwhile has it worked out anew. An image is not left before the edit is done.

    Parameters
    ----------
    front
        The image in front.
    background
        Works them out.
    """

    changed = Signal()
    """One is being worked out now, or none any more."""

    def __init__(self, front: "FrontImage", background: Background) -> None:
        self._front = front
        self._background = background
        self._document: ImageDocument | None = None
        self._wish: Wish[Any] | None = None
        front.leaving.connect(self._on_leaving)

    @property
    def busy(self) -> bool:
        """Whether one is being worked out."""
        return self._wish is not None

    def apply(self, document: "ImageDocument", wish: Wish[E]) -> bool:
        """Do an edit soon; return whether it was taken on: there is only one at a time, and none during a gesture."""
        if self.busy or document.editing:
            return False
        self._document, self._wish = document, wish
        self._work_out()
        self.changed.emit()
        return True

    def do(
        self,
        document: "ImageDocument",
        edit: Edit,
        done: Callable[[Any, EditRecord | None], object] = lambda edit, record: None,
    ) -> None:
        """Do an edit at once, or soon when it is slow, or about so many objects that the window would wait.

        `done` is called with it and its record, which is ``None`` when nothing changed.
        """
        many = getattr(edit, "slow", False) or len(getattr(edit, "ids", ())) > MANY
        if not many or document.read_only or not self.apply(document, Wish(lambda: edit, done)):
            done(edit, document.apply(edit))

    def cancel(self) -> bool:
        """Give up what is being worked out; return whether there was something."""
        wish = self._take()
        if wish is None:
            return False
        wish.given_up()
        self.changed.emit()
        return True

    def _take(self) -> Wish[Any] | None:
        wish, self._wish, self._document = self._wish, None, None
        return wish

    def _work_out(self) -> None:
        document, wish = self._document, self._wish
        if document is None or wish is None:
            return
        if document.editing or document.asked:  # what a gesture has painted up to now may be taken back
            self._background.run(_rest, lambda _: self._work_out(), lane=_LANE)
            return
        edit = wish.edit()
        if edit is None:
            self.cancel()
        else:
            self._start(document, wish, edit)

    def _start(self, document: "ImageDocument", wish: Wish[E], edit: E) -> None:
        stack, plane, seq, of = document.stack.snapshot(), document.plane, document.seq, wish.of()

        def fail() -> None:
            if wish is self._wish:
                self.cancel()

        def work() -> tuple[Restoration, TableChange] | None:
            try:
                found = worked_out(stack, edit, plane)
                return (found, TableChange.of(found.record, found.then.objects)) if found is not None else None
            except BaseException:
                self._background.post(fail)  # told like any other error; the next one is not kept waiting
                raise

        def take(found: tuple[Restoration, TableChange] | None) -> None:
            if wish is not self._wish:
                return  # given up, or done when the image was left
            changed = (plane, seq) != (document.plane, document.seq)
            if document.editing or document.asked or changed or of is not wish.of():
                self._work_out()
            else:
                self._exchange(document, wish, edit, found)

        self._background.run(work, take, lane=_LANE)

    def _exchange(
        self, document: "ImageDocument", wish: Wish[E], edit: E, found: tuple[Restoration, TableChange] | None
    ) -> None:
        self._take()
        point = restore_point_of(edit, document.planes.objects.keys())
        record = None
        if found is not None:
            record = document.restore(found[0], document.seq, restore_point=point, table=found[1])
        wish.done(edit, record)
        self.changed.emit()

    def _on_leaving(self, document: "ImageDocument") -> None:
        """Do it in place: an image that is left is saved and closed, and what was asked for must be in it.

        A stroke that is going on has to be ended before.
        """
        if document is not self._document:
            return
        wish = self._take()
        edit = wish.edit() if wish is not None else None
        if wish is not None and edit is not None:
            wish.done(edit, document.apply(edit))
        elif wish is not None:
            wish.given_up()
        self.changed.emit()


def _rest() -> None:
    time.sleep(_REST_S)


def worked_out(stack: Planes, edit: Edit, plane: int = 0) -> Restoration | None:
    """Do `edit` on a plane of `stack`; return the way there, ``None`` when it changes nothing."""
    transaction = Transaction(stack, edit.name, plane=None if getattr(edit, "of_stack", False) else plane)
    edit.apply(transaction)
    record = transaction.commit()
    if record is None:
        return None
    stack.labels.index()  # not by who exchanges the tiles
    return Restoration(record, stack)
