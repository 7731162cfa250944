"""Objects in the order of one of their properties, those in some state alone."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np

from segstudio.labels.objects import ReviewState
from segstudio.session.object_rows import Row

#: Measurements of a `Row`.
FIGURES: Final = (
    "area",
    "length",
    "width",
    "diameter",
    "perimeter",
    "circularity",
    "solidity",
    "eccentricity",
    "angle",
    "intensity",
)
#: What is to be looked at comes first.
_URGENT: Final[tuple[ReviewState, ...]] = ("suspicious", "unreviewed", "accepted")
Shown = Literal["all", "review", "suspicious", "unreviewed", "accepted"]


def ordered(
    rows: Sequence[Row], by: str, *, descending: bool, shown: Shown = "all", classes: Mapping[int, int] | None = None
) -> list[int]:
    """Return the ids of objects, sorted; those not measured yet come last, equal ones by id.

    Parameters
    ----------
    by
        ``"id"``, ``"state"``, ``"class"``, ``"source"`` or one of `FIGURES`.
    shown
        Which states; ``"review"`` are all but the accepted.
    classes
        Place of each class, by its id.

    Examples
    --------
    >>> rows = [Row(1, 1, "hand", "accepted", 30.0, 9, 5, 0, 50), Row(2, 1, "model", "suspicious", 20.0, 9, 5, 0, 50)]
    >>> ordered(rows, "area", descending=False), ordered(rows, "id", descending=False, shown="review")
    ([2, 1], [2])
    """
    places = classes or {}
    chosen = [row for row in rows if _is_shown(row.state, shown)]
    ids = np.array([row.id for row in chosen], np.int64)
    if by == "state":
        keys = np.array([_URGENT.index(row.state) for row in chosen], np.float64)
    elif by == "class":
        keys = np.array([places.get(row.class_id, row.class_id) for row in chosen], np.float64)
    elif by == "source":
        keys = np.array([("hand", "model", "import").index(row.source) for row in chosen], np.float64)
    elif by in ("id", *FIGURES):
        keys = np.array([getattr(row, by) for row in chosen], np.float64)
    else:
        raise ValueError(f"objects have no {by!r} to sort by")
    order = np.lexsort((ids, -keys if descending else keys, np.isnan(keys)))
    found: list[int] = ids[order].tolist()
    return found


def _is_shown(state: ReviewState, shown: Shown) -> bool:
    return shown in ("all", state) or (shown == "review" and state != "accepted")
