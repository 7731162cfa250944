"""Which edits replace so much that the state before them is kept for the history."""

from collections.abc import Collection
from typing import Any, Final

#: An edit of so many objects at once is preceded by a snapshot.
MANY: Final = 10
#: One that empties an image of so many is, too.
CLEARED: Final = 2


def restore_point(name: str, objects: int) -> str:
    """Return what the history calls an edit of so many objects; empty for one too small to be kept for.

    Examples
    --------
    >>> restore_point("Delete 57 objects", 57)
    'Delete 57 objects'
    >>> restore_point("Delete object", 1)
    ''
    """
    return name if objects >= MANY else ""


def restore_point_of(edit: Any, objects: Collection[int]) -> str:  # noqa: ANN401 - any edit: few have one
    """Return what the history calls an edit of an image with these objects; empty for one too small to be kept for.

    Examples
    --------
    >>> from segstudio.labels.edits import Delete
    >>> restore_point_of(Delete((1, 2, 3)), {1, 2, 3})
    'Delete all 3 objects'
    >>> restore_point_of(Delete((1, 2)), {1, 2, 3})
    ''
    """
    point = str(getattr(edit, "restore_point", ""))
    gone = set(getattr(edit, "removed", ()))
    if not point and len(objects) >= CLEARED and gone.issuperset(objects):
        return f"Delete all {len(objects)} objects"
    return point
