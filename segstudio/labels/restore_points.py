"""Which edits replace so much that the state before them is kept for the history."""

from typing import Any, Final

#: An edit of so many objects at once is preceded by a snapshot.
MANY: Final = 10


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


def restore_point_of(edit: Any) -> str:  # noqa: ANN401 - any edit: few have one
    """Return the attribute `restore_point` of an edit, empty when it has none."""
    return str(getattr(edit, "restore_point", ""))
