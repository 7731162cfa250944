"""What waits to be published: the tiles and rows that actions left behind, and the states to keep in between."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from segstudio.labels.objects import ObjectInfo
from segstudio.project.replay_chains import TileId

Tiles = dict[TileId, NDArray[Any] | None]
Rows = dict[int, ObjectInfo | None]


@dataclass
class Step:
    """What some actions left behind, newest last.

    Attributes
    ----------
    seq
        Sequence number of the last of them.
    tiles
        Shared tiles; ``None``: all 0.
    objects
        Rows of the object table; ``None``: gone.
    before
        Name of the large change that follows, before which the state is to be kept; empty for none.
    """

    seq: int
    tiles: Tiles = field(default_factory=dict)
    objects: Rows = field(default_factory=dict)
    before: str = ""


class Waiting:
    """Collects the actions since the last checkpoint; whoever uses it holds a lock.

    Parameters
    ----------
    seq
        Sequence number of the last action before.
    next_id
        Smallest object id that was never used.
    """

    def __init__(self, seq: int, next_id: int) -> None:
        self._steps: list[Step] = []
        self._now = Step(seq)
        self.next_id = next_id

    def __bool__(self) -> bool:
        return bool(self._steps or self._now.tiles or self._now.objects)

    @property
    def has_states(self) -> bool:
        """Whether a state is to be kept."""
        return bool(self._steps)

    def note(self, seq: int, tiles: Tiles, objects: Rows, next_id: int) -> None:
        """Add what the action `seq` left behind."""
        self._now.seq = seq
        self._now.tiles.update(tiles)
        self._now.objects.update(objects)
        self.next_id = next_id

    def keep_before(self, name: str) -> None:
        """Have the state as it is now kept; the change called `name` is noted after this."""
        self._now.before = name
        self._steps.append(self._now)
        self._now = Step(self._now.seq)

    def take(self) -> list[Step]:
        """Return all that waits, in order; after the last step no state is to be kept. Nothing waits then."""
        steps, self._steps = [*self._steps, self._now], []
        self._now = Step(self._now.seq)
        return steps

    def put_back(self, steps: list[Step]) -> None:
        """Let what was taken wait again, before what has come since."""
        first = self._steps[0] if self._steps else self._now
        first.tiles = {**steps[-1].tiles, **first.tiles}
        first.objects = {**steps[-1].objects, **first.objects}
        self._steps = [*steps[:-1], *self._steps]
