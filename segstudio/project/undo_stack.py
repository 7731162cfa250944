"""The actions of an image that can be taken back and done again, each with its number in the journal."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.undo import LIMIT_BYTES, History, Step
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.journal_records import JournalRecord
from segstudio.project.prepared_step import PreparedStep, preparing
from segstudio.project.replay_chains import TileId

#: So much of the limit is read back at once.
_SHARE: Final = 4


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

    Steps beyond a limit of memory have only their numbers here; when their turn comes they are read from the journal.

    Parameters
    ----------
    planes
        The annotation.
    done, undone
        What can be undone, the oldest first, and redone, in the order in which it was undone.
    place
        The journal.
    waiting
        Returns the records that it need not have yet.

    Attributes
    ----------
    history
        The same without numbers.
    """

    def __init__(
        self,
        planes: Planes,
        done: Iterable[JournalRecord],
        undone: Iterable[JournalRecord],
        place: JournalPlace,
        waiting: Callable[[], Iterable[JournalRecord]],
    ) -> None:
        done, undone = tuple(done), tuple(undone)
        self._planes = planes
        self._place = place
        self._waiting = waiting
        self._seqs: dict[Step, list[int]] = {
            "undo": [record.seq for record in done],
            "redo": [record.seq for record in undone],
        }
        self.history = History((record.edit for record in done), (record.edit for record in undone), LIMIT_BYTES)

    def recorded(self, record: JournalRecord) -> None:
        """Take note of the record of the action that was pushed on the `history` last."""
        self._seqs["undo"].append(record.seq)
        self._seqs["redo"].clear()

    def preparing(self, step: Step) -> Callable[[], PreparedStep | None] | None:
        """Return the slow part of a step, for one other thread; ``None`` when there is nothing to do.

        It returns ``None`` when the action has to be read from the journal and is not there.
        """
        record = self.history.next(step)
        if record is not None:
            return preparing(self._planes, record, step)
        if not self.history.lacks(step):
            return None
        reading, planes = self._reading(step), self._planes.snapshot()

        def prepare() -> PreparedStep | None:
            recalled = reading()
            return replace(preparing(planes, recalled[-1], step)(), recalled=recalled) if recalled else None

        return prepare

    def take(self, step: Step, prepared: PreparedStep | None) -> Taken | None:
        """Do a step to the planes, which must be prepared if `History.lacks` it: nothing is read here.

        Return ``None`` when nothing was done.
        """
        made = prepared.unpacked if prepared is not None else None
        if prepared is not None:
            self.history.recall(step, prepared.recalled)
        edit = self.history.undo(self._planes, made) if step == "undo" else self.history.redo(self._planes, made)
        if edit is None:
            return None
        source, target = (self._seqs[way] for way in (("undo", "redo") if step == "undo" else ("redo", "undo")))
        target.append(source.pop())
        if prepared is not None:
            return Taken(edit, prepared.edit, target[-1])
        return Taken(edit, edit.inverse if step == "undo" else edit, target[-1])

    def _reading(self, step: Step) -> Callable[[], tuple[EditRecord, ...]]:
        """Return a function, for any thread, that finds the next steps; the last one comes next.

        In the journal, unless they wait for the disk.
        """
        seqs, planes = tuple(self._seqs[step]), self._planes.snapshot()
        waiting = tuple(self._waiting())

        def read() -> tuple[EditRecord, ...]:
            found = {record.seq: record.edit for record in waiting}
            if seqs[-1] not in found:
                try:
                    found |= {record.seq: record.edit for record in read_journal(self._place).records}
                except BadInput:  # the disk does not answer: what is asked for again may be there
                    return ()
            chosen: list[EditRecord] = []
            way, size = _Way(planes, step), 0
            for seq in reversed(seqs):
                edit = found.get(seq)
                size += edit.nbytes if edit is not None else 0
                if edit is None or (chosen and size > LIMIT_BYTES // _SHARE) or not way.goes_on_with(edit):
                    break
                chosen.append(edit)
            return tuple(reversed(chosen))

        return read


class _Way:
    """Where steps lead that are done one after the other: what is read may be of another program."""

    def __init__(self, planes: Planes, step: Step) -> None:
        self._planes = planes
        self._back = step == "undo"
        self._digests: dict[TileId, bytes] = {}
        self._rows: dict[int, ObjectInfo | None] = {}

    def goes_on_with(self, edit: EditRecord) -> bool:
        """Whether the next step can be this one; it is done then."""
        planes, back = self._planes, self._back
        for delta in edit.tiles:
            tile = (delta.plane, delta.key)
            is_at = self._digests.get(tile) or planes.plane(delta.plane).digest(delta.key)
            if is_at != (delta.after if back else delta.before):
                return False
            self._digests[tile] = delta.before if back else delta.after
        for change in edit.objects:
            row = self._rows[change.id] if change.id in self._rows else planes.objects.get(change.id)
            if row != (change.after if back else change.before):
                return False
            self._rows[change.id] = change.before if back else change.after
        return True
