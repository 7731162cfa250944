"""Objects made of proposals: the edit, and what became of the proposals."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from segstudio.labels.restore_points import restore_point
from segstudio.session.proposals import Proposals

if TYPE_CHECKING:
    from segstudio.labels.transaction import Transaction

#: What notices about proposals that were left are about.
LEFT = "proposals left"


@dataclass(frozen=True)
class Accepted:
    """What became of proposals that were to be accepted.

    Attributes
    ----------
    objects
        Ids of the new objects, by proposal.
    left
        Proposals left as they are, because they lie on objects that exist already.
    """

    objects: dict[int, int]
    left: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Acceptance:
    """Makes objects of proposals; can be done once.

    Parameters
    ----------
    wanted
        Which, in the order in which they get their ids.
    covered
        See `Proposals.write`.
    made
        Ids of the new objects by proposal, afterwards.
    """

    proposals: Proposals
    wanted: list[int]
    covered: float
    made: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the undo menu calls it."""
        return "Accept proposal" if len(self.wanted) == 1 else f"Accept {len(self.wanted)} proposals"

    @property
    def restore_point(self) -> str:
        """What the history calls it, when it makes many."""
        return restore_point(self.name, len(self.wanted))

    def apply(self, tx: "Transaction") -> None:
        """Write the objects."""
        self.made.update(self.proposals.write(tx, self.wanted, self.covered))

    @property
    def accepted(self) -> Accepted:
        """What became of the proposals."""
        return Accepted(self.made, tuple(item for item in self.wanted if item not in self.made))
