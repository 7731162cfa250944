"""An undo or redo of which the slow part is done already, on another thread than the one that edits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from segstudio.labels.history import EditRecord, Planes, Tiles
from segstudio.project.journal_records import changed_digest

Step = Literal["undo", "redo"]
_NOTHING = bytes(8)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStep:
    """What one undo or redo does, for one state of the annotation.

    Attributes
    ----------
    tiles
        What the tiles become.
    edit
        What changes: for an undo the inverse of the action.
    table
        How the digest of the object table changes: the exclusive or of before and after.
    """

    tiles: Tiles
    edit: EditRecord
    table: bytes


def preparing(planes: Planes, record: EditRecord, step: Step) -> Callable[[], PreparedStep]:
    """Return a function, for one other thread, that prepares to take `record` back or to do it again."""
    unpack = planes.unpacking(record)

    def prepare() -> PreparedStep:
        edit = record.inverse if step == "undo" else record
        return PreparedStep(unpack(), edit, table_change(edit))

    return prepare


def table_change(edit: EditRecord) -> bytes:
    """Return how `edit` changes the digest of the object table, as in `PreparedStep`; on any thread."""
    return changed_digest(_NOTHING, edit.objects)
