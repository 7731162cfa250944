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
    seen
        Whether it is made of what is shown with the plane in front: then it is done before another plane comes.
    """

    edit: Callable[[], E | None]
    done: Callable[[E, EditRecord | None], object]
    of: Callable[[], object] = lambda: None
    given_up: Callable[[], object] = lambda: None
    seen: bool = False


@dataclass(frozen=True, eq=False)
class _Asked:
    """A wish, for which plane of which image."""

    document: "ImageDocument"
    plane: int
    wish: Wish[Any]


class EditsAhead:
    """Works out edits that would make the window wait.

    Nobody waits for one: who paints meanwhile has it worked out anew, and who turns to another plane has it done on the
    one for which it was asked. An image is not left before the edit is done.

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
        self._asked: list[_Asked] = []
        front.leaving.connect(self._on_leaving)

    @property
    def busy(self) -> bool:
        """Whether one is being worked out."""
        return bool(self._asked)

    def apply(self, document: "ImageDocument", wish: Wish[E]) -> bool:
        """Do an edit soon; return whether it was taken on: there is only one at a time, and none during a gesture."""
        if self.busy or document.editing:
            return False
        self._ask(document, wish)
        return True

    def _ask(self, document: "ImageDocument", wish: Wish[Any]) -> None:
        self._asked.append(_Asked(document, document.plane, wish))
        if wish.seen:
            document.turning.connect(self._on_turning)
        if len(self._asked) == 1:
            self._work_out()
        self.changed.emit()

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
        if many and not (document.read_only or document.editing):
            self._ask(document, Wish(lambda: edit, done))  # after those that are worked out now
        else:
            done(edit, document.apply(edit))

    def cancel(self) -> bool:
        """Give up what is being worked out; return whether there was something."""
        if not self._asked:
            return False
        self._give_up(self._asked[0])
        return True

    def _give_up(self, asked: _Asked) -> None:
        self._end(asked)
        asked.wish.given_up()
        self._go_on()

    def _end(self, asked: _Asked) -> None:
        self._asked.remove(asked)
        if asked.wish.seen:
            asked.document.turning.disconnect(self._on_turning, missing_ok=True)

    def _go_on(self) -> None:
        """Turn to the next one."""
        if self._asked:
            self._work_out()
        self.changed.emit()

    def _work_out(self) -> None:
        if not self._asked:
            return
        asked = self._asked[0]
        document = asked.document
        if document.editing or document.asked:  # what a gesture has painted up to now may be taken back
            self._background.run(_rest, lambda _: self._work_out() if self._is_next(asked) else None, lane=_LANE)
            return
        edit = asked.wish.edit()
        if edit is None:
            self._give_up(asked)
        else:
            self._start(asked, edit)

    def _is_next(self, asked: _Asked) -> bool:
        return self._asked[:1] == [asked]

    def _start(self, asked: _Asked, edit: Edit) -> None:
        document, wish = asked.document, asked.wish
        stack, seq, of = document.stack.snapshot(), document.seq, wish.of()

        def fail() -> None:
            if self._is_next(asked):
                self._give_up(asked)

        def work() -> tuple[Restoration, TableChange] | None:
            try:
                found = worked_out(stack, edit, asked.plane)
                return (found, TableChange.of(found.record, found.then.objects)) if found is not None else None
            except BaseException:
                self._background.post(fail)  # told like any other error; the next one is not kept waiting
                raise

        def take(found: tuple[Restoration, TableChange] | None) -> None:
            if not self._is_next(asked):
                return  # given up, or done when the image was left
            if document.editing or document.asked or seq != document.seq or of is not wish.of():
                self._work_out()
            else:
                self._exchange(asked, edit, found)

        self._background.run(work, take, lane=_LANE)

    def _exchange(self, asked: _Asked, edit: Edit, found: tuple[Restoration, TableChange] | None) -> None:
        document = asked.document
        self._end(asked)
        point = restore_point_of(edit, document.planes.objects.keys())
        record = None
        if found is not None:
            record = document.restore(found[0], document.seq, restore_point=point, table=found[1])
        asked.wish.done(edit, record)
        self._go_on()

    def _on_leaving(self, document: "ImageDocument") -> None:
        """Do it in place: an image that is left is saved and closed, and what was asked for must be in it.

        A stroke that is going on has to be ended before.
        """
        self._do_in_place([asked for asked in self._asked if asked.document is document])

    def _on_turning(self) -> None:
        """Do in place what is shown with the plane that is left."""
        self._do_in_place([asked for asked in self._asked if asked.wish.seen])

    def _do_in_place(self, chosen: list[_Asked]) -> None:
        for asked in chosen:
            self._end(asked)
            edit = asked.wish.edit()
            if edit is None:
                asked.wish.given_up()
            else:
                asked.wish.done(edit, asked.document.apply(edit, asked.plane))
        self._go_on()


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
