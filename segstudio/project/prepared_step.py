"""Actions of which the slow part is done already, on another thread than the one that edits."""

from collections.abc import Callable
from dataclasses import dataclass

from segstudio.labels.history import EditRecord, Planes, Unpacked
from segstudio.labels.objects import ObjectTable
from segstudio.labels.undo import Step
from segstudio.project.changes import ids_far_and_wide
from segstudio.project.journal_records import changed_digest

_NOTHING = bytes(8)


@dataclass(frozen=True, slots=True, eq=False)
class TableChange:
    """What an action does to the object table.

    Attributes
    ----------
    digest
        How the digest of the table changes: the exclusive or of before and after.
    ids
        Objects whose row has changed, and all others of a large window in which pixels have (`ids_far_and_wide`).
    """

    digest: bytes
    ids: frozenset[int]

    @classmethod
    def of(cls, edit: EditRecord, after: ObjectTable) -> "TableChange":
        """Work it out, on any thread; `after` is the table after `edit`."""
        return cls(changed_digest(_NOTHING, edit.objects), ids_far_and_wide(edit, after))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStep:
    """What one undo or redo does, for one state of the annotation.

    Attributes
    ----------
    unpacked
        What the planes become.
    edit
        What changes: for an undo the inverse of the action.
    table
        What that does to the object table.
    recalled
        What `History.recall` needs first; the last of it is the action.
    """

    unpacked: Unpacked
    edit: EditRecord
    table: TableChange
    recalled: tuple[EditRecord, ...] = ()


def preparing(planes: Planes, record: EditRecord, step: Step) -> Callable[[], PreparedStep]:
    """Return a function, for one other thread, that prepares to take `record` back or to do it again."""
    unpack = planes.unpacking(record, back=step == "undo")

    def prepare() -> PreparedStep:
        edit, unpacked = record.inverse if step == "undo" else record, unpack()
        return PreparedStep(unpacked, edit, TableChange.of(edit, unpacked.objects))

    return prepare
