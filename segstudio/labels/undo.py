"""Undo and redo of one image."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Final, Literal

from segstudio.labels.history import EditRecord, Planes, Unpacked
from segstudio.labels.restoring import NAME as RESTORE

Step = Literal["undo", "redo"]
#: So much memory the steps of one image take: a quarter of a million strokes, or fifty actions on a large image.
LIMIT_BYTES: Final = 256 << 20


class History:
    """Undo and redo of one image, without a limit on their number.

    Those that take more memory than there is for them are let go, the farthest first; whoever has them elsewhere
    gives them back by `recall`.

    Parameters
    ----------
    done
        Records of earlier, oldest first, that can be undone; as read from a journal.
    undone
        Records that can be redone, in the order in which they were undone.
    limit
        Bytes that the records take together. The next one to undo, and the next one to redo, are held in any case.

    Attributes
    ----------
    let_go
        Number of the steps that are not held any more, which come before those that are.
    """

    def __init__(
        self, done: Iterable[EditRecord] = (), undone: Iterable[EditRecord] = (), limit: int = LIMIT_BYTES
    ) -> None:
        self._steps: dict[Step, deque[EditRecord]] = {"undo": deque(done), "redo": deque(undone)}
        self._bytes: dict[Step, int] = {step: _nbytes(records) for step, records in self._steps.items()}
        self._limit = limit
        self.let_go: dict[Step, int] = {"undo": 0, "redo": 0}
        #: Of the steps that were let go: objects that those to undo took away, and that those to redo would make. A
        #: bit for each such step after a leading one, the farthest first: whether it was a restore.
        self._far: dict[Step, dict[int, int]] = {"undo": {}, "redo": {}}
        self._keep_limit()

    def push(self, record: EditRecord) -> None:
        """Add what was just done; what was undone before can no longer be redone."""
        self._steps["redo"].clear()
        self._bytes["redo"] = self.let_go["redo"] = 0
        self._far["redo"].clear()
        self._add("undo", record)

    def undo(self, planes: Planes, unpacked: Unpacked | None = None) -> EditRecord | None:
        """Take the last record back; return it, or ``None`` when none is held. `unpacked` as in `Planes.apply`."""
        return self._move("undo", planes, unpacked)

    def redo(self, planes: Planes, unpacked: Unpacked | None = None) -> EditRecord | None:
        """Do again what was undone last; return its record, or ``None`` as in `undo`. `unpacked` as there."""
        return self._move("redo", planes, unpacked)

    def lacks(self, step: Step) -> bool:
        """Whether there is a next step, but it is not held: `recall` has to come first."""
        return bool(not self._steps[step] and self.let_go[step])

    def recall(self, step: Step, records: Sequence[EditRecord]) -> None:
        """Hold steps again that were let go; the last of `records` is the one that comes next."""
        self._steps[step].extendleft(reversed(records))
        self._bytes[step] += _nbytes(records)
        self.let_go[step] -= len(records)
        for record in records:
            self._near_again(step, record)
        self._keep_limit()

    def next(self, step: Step) -> EditRecord | None:
        """Return what `undo` would take back, or `redo` would do again; ``None`` when nothing, or it is not held."""
        return self._steps[step][-1] if self._steps[step] else None

    def can(self, step: Step) -> bool:
        """Whether there is something to undo, or to redo."""
        return bool(self._steps[step] or self.let_go[step])

    def name(self, step: Step) -> str:
        """Name of what `undo` would take back, or `redo` would do again; empty when there is nothing."""
        record = self.next(step)
        return record.name if record is not None else "earlier action" if self.let_go[step] else ""

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self.can("undo")

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self.can("redo")

    @property
    def undo_name(self) -> str:
        """See `name`."""
        return self.name("undo")

    @property
    def redo_name(self) -> str:
        """See `name`."""
        return self.name("redo")

    def entries(self) -> tuple[EditRecord, ...]:
        """Return the records that can be undone and are held, oldest first."""
        return tuple(self._steps["undo"])

    def undone(self) -> tuple[EditRecord, ...]:
        """Return the records that can be redone and are held, in the order in which they were undone."""
        return tuple(self._steps["redo"])

    def to_come_back(self) -> set[int]:
        """Return the ids of the objects that redoing would make, now or later."""
        return {item for record in self._steps["redo"] for item in _ended(record, "redo")} | self._far["redo"].keys()

    def restored_away(self, ids: Set[int]) -> set[int]:
        """Return those of the ids, of objects that are gone, that a restore of an earlier state has taken away."""
        left, found = set(ids), set[int]()
        for record in reversed(self._steps["undo"]):
            if not left:
                break
            here = left.intersection(_ended(record, "undo"))
            left -= here
            found |= here if record.name == RESTORE else set()
        return found | {item for item in left if self._far["undo"].get(item, 0) & 1}

    @property
    def nbytes(self) -> int:
        """About how much memory the records take."""
        return sum(self._bytes.values())

    def _move(self, step: Step, planes: Planes, unpacked: Unpacked | None) -> EditRecord | None:
        if not self._steps[step]:
            return None
        record = self._steps[step].pop()
        self._bytes[step] -= record.nbytes
        planes.apply(record, unpacked, back=step == "undo")
        self._add("redo" if step == "undo" else "undo", record)
        return record

    def _add(self, step: Step, record: EditRecord) -> None:
        self._steps[step].append(record)
        self._bytes[step] += record.nbytes
        self._keep_limit()

    def _keep_limit(self) -> None:
        while self.nbytes > self._limit:
            many = [step for step, records in self._steps.items() if len(records) > 1]
            if not many:
                return
            more = max(many, key=self._bytes.__getitem__)
            record = self._steps[more].popleft()
            self._bytes[more] -= record.nbytes
            self.let_go[more] += 1
            for item in _ended(record, more):
                self._far[more][item] = self._far[more].get(item, 1) << 1 | (record.name == RESTORE)

    def _near_again(self, step: Step, record: EditRecord) -> None:
        far = self._far[step]
        for item in _ended(record, step):
            far[item] = far.get(item, 1) >> 1
            if far[item] <= 1:
                del far[item]


def _ended(record: EditRecord, step: Step) -> Iterator[int]:
    """Yield the ids of the objects that are not there after an action, or before it when it is to be redone."""
    return (change.id for change in record.objects if (change.after if step == "undo" else change.before) is None)


def _nbytes(records: Iterable[EditRecord]) -> int:
    return sum(record.nbytes for record in records)
