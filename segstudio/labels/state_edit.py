"""Marking objects: accepted, unreviewed or suspicious."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from segstudio.labels.objects import ReviewState
from segstudio.labels.transaction import Transaction

_NAMES: Final[dict[ReviewState, str]] = {
    "accepted": "Accept object",
    "unreviewed": "Mark as unreviewed",
    "suspicious": "Mark as suspicious",
}


@dataclass(frozen=True)
class SetState:
    """Another review state for some objects; their pixels stay, and so does who made them."""

    ids: tuple[int, ...]
    state: ReviewState
    #: Objects of other planes of a stack may be among them.
    of_stack: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """What the undo menu calls it."""
        return "Accept objects" if self.state == "accepted" and len(self.ids) > 1 else _NAMES[self.state]

    def apply(self, tx: Transaction) -> None:
        """Change the table."""
        for object_id in self.ids:
            info = tx.planes.objects.get(object_id)
            if info is not None and info.state != self.state:
                tx.set_object(object_id, replace(info, state=self.state))
