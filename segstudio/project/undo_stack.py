"""The actions of an image that can be taken back and done again, each with its number in the journal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from segstudio.labels.history import EditRecord, History, Planes
from segstudio.project.journal_records import JournalRecord
from segstudio.project.prepared_step import PreparedStep, Step, preparing


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was done to the planes.

    Attributes
    ----------
    edit
        The action that was taken back, or done again.
    change
        What that has changed.
    seq
        Number of the record of the action.
    """

    edit: EditRecord
    change: EditRecord
    seq: int


class UndoStack:
    """What can be undone and redone of one annotation, over all sessions.

    Parameters
    ----------
    planes
        The annotation.
    done, undone
        What can be undone, the oldest first, and redone, in the order in which it was undone.

    Attributes
    ----------
    history
        The same without numbers.
    """

    def __init__(self, planes: Planes, done: Iterable[JournalRecord], undone: Iterable[JournalRecord]) -> None:
        self._planes = planes
        self._done, self._undone = list(done), list(undone)
        self.history = History((record.edit for record in self._done), (record.edit for record in self._undone))

    def recorded(self, record: JournalRecord) -> None:
        """Take note of the record of the action that was pushed on the `history` last."""
        self._done.append(record)
        self._undone.clear()

    def preparing(self, step: Step) -> Callable[[], PreparedStep] | None:
        """Return the slow part of a step, for one other thread; ``None`` when there is nothing to do."""
        record = self.history.to_undo if step == "undo" else self.history.to_redo
        return None if record is None else preparing(self._planes, record, step)

    def take(self, step: Step, prepared: PreparedStep | None) -> Taken | None:
        """Do a step, which may be prepared, to the planes; return ``None`` when there is nothing to do."""
        made = prepared.unpacked if prepared is not None else None
        edit = self.history.undo(self._planes, made) if step == "undo" else self.history.redo(self._planes, made)
        if edit is None:
            return None
        source, target = (self._done, self._undone) if step == "undo" else (self._undone, self._done)
        target.append(source.pop())
        if prepared is not None:
            return Taken(edit, prepared.edit, target[-1].seq)
        return Taken(edit, edit.inverse if step == "undo" else edit, target[-1].seq)
