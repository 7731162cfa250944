"""What is known of each object besides its pixels: class, source and review state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Source = Literal["hand", "model", "import"]
ReviewState = Literal["unreviewed", "accepted"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: its class, who made it, and whether somebody has looked at it."""

    class_id: int = 1
    source: Source = "hand"
    state: ReviewState = "unreviewed"


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

    def next_id(self) -> int:
        """Return an id that this table has never seen; it counts as used once it was `set`."""
        return self._next
