"""What is known of each object besides its pixels: class, source and review state."""

from collections.abc import Iterable, Iterator, KeysView, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from segstudio.core.errors import UserError

#: Pixels are int32.
LARGEST_ID: Final = 2**31 - 1

Source = Literal["hand", "model", "import"]
#: ``"unreviewed"``: nobody has looked at it yet; ``"suspicious"``: somebody has, and it is to be looked at again.
ReviewState = Literal["unreviewed", "accepted", "suspicious"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: its class, who made it, and whether somebody has looked at it.

    What a hand draws counts as accepted: whoever drew it has looked at it.
    """

    class_id: int = 1
    source: Source = "hand"
    state: ReviewState = "accepted"

    @property
    def to_review(self) -> bool:
        """Whether somebody has to look at it."""
        return self.state != "accepted"


class ObjectTable(Mapping[int, ObjectInfo]):
    """The objects of one image by id.

    Parameters
    ----------
    objects
        What it starts with.
    next_id
        Smallest id to hand out; ids below it count as used, as those of a session before.
    """

    def __init__(self, objects: Mapping[int, ObjectInfo] | None = None, next_id: int = 1) -> None:
        self._objects = dict(objects or {})
        self._next = max(next_id, 1 + max(self._objects, default=0))

    def __getitem__(self, object_id: int) -> ObjectInfo:
        return self._objects[object_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, object_id: object) -> bool:
        return object_id in self._objects

    def keys(self) -> KeysView[int]:
        """Return the ids; sets of thousands of them are compared fast."""
        return self._objects.keys()

    def set(self, object_id: int, info: ObjectInfo | None) -> None:
        """Add or replace an object; ``None`` removes it, and its id stays used.

        Raises
        ------
        ValueError
            `object_id` is not positive.
        """
        if object_id <= 0:
            raise ValueError(f"An object id counts from 1, not {object_id}.")
        self._next = max(self._next, object_id + 1)
        if info is None:
            self._objects.pop(object_id, None)
        else:
            self._objects[object_id] = info

    def copy(self) -> "ObjectTable":
        """Return the table as it is now, for another thread."""
        other = ObjectTable()
        other._objects, other._next = self._objects.copy(), self._next
        return other

    def become(self, other: "ObjectTable") -> None:
        """Take over all rows of `other`, at once; it may not be changed later. Ids that either has seen stay used."""
        self._objects, self._next = other._objects, max(self._next, other._next)

    def classes_of(self, ids: Iterable[int]) -> frozenset[int]:
        """Return the classes of those of `ids` that are in the table."""
        return frozenset(info.class_id for info in map(self._objects.get, ids) if info is not None)

    def next_id(self) -> int:
        """Return the smallest id above all that this table has ever seen, be it too large to be used."""
        return self._next

    def free_id(self, count: int = 1) -> int:
        """Return the first of so many ids in a row for new objects; they count as used once they were `set`.

        They were never seen before, except where another program has used up the largest: then they lie in the
        first gap that is wide enough.

        Raises
        ------
        UserError
            There is no such gap.
        """
        if self._next + count - 1 <= LARGEST_ID:
            return self._next
        before = 0
        for object_id in (*sorted(self._objects), LARGEST_ID + 1):
            if object_id - before > count:
                return before + 1
            before = object_id
        raise UserError(
            f"There is no room for {count:,} more objects in this image: ids go up to {LARGEST_ID:,}.",
            hint="Number its objects anew in the program that they come from.",
            code="ids-used-up",
        )
