"""Thousands of proposals come and go as a few do."""

import numpy as np
import pytest

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.transaction import Transaction
from segstudio.session.predictions import Decisions, Proposal
from segstudio.session.proposals import Proposals

SIDE = 1100
PITCH = 50


def _made() -> tuple[Proposals, np.ndarray]:
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = (y % PITCH < 30) & (x % PITCH < 30)
    array = np.where(inside, (y // PITCH) * (SIDE // PITCH) + x // PITCH + 1, 0).astype(np.int32)
    labels = LabelMap.from_array(array)
    return Proposals(labels, {item: Proposal(item, 1, 0.5) for item in labels.values()}, Decisions()), array


@pytest.mark.parametrize("share", [0.4, 0.8, 1.0])
def test_what_is_shown_follows_decisions_about_many(share: float) -> None:
    proposals, array = _made()
    ids = sorted(proposals.table)
    gone = ids[: round(share * len(ids))]
    proposals.decisions.rejected.update(gone)
    touched = proposals.settle()
    assert proposals.shown is not None
    assert touched is not None
    rest = np.where(np.isin(array, gone), 0, array)
    np.testing.assert_array_equal(proposals.shown.to_array(), rest)
    at = np.argwhere(rest != array)
    assert touched.union(Window(*at.min(axis=0).tolist(), *(at.max(axis=0) + 1).tolist())) == touched
    proposals.decisions.rejected.discard(gone[0])
    assert proposals.settle() == Window(0, 0, 30, 30)
    proposals.decisions.rejected.clear()
    proposals.settle()
    np.testing.assert_array_equal(proposals.shown.to_array(), array)
    assert proposals.labels is not None
    np.testing.assert_array_equal(proposals.labels.to_array(), array)


def test_many_that_are_accepted_become_objects_as_they_are() -> None:
    proposals, array = _made()
    planes = Planes.empty((SIDE, SIDE))
    transaction = Transaction(planes, "Accept")
    made = proposals.write(transaction, sorted(proposals.table), 0.5)
    transaction.commit()
    assert set(made) == set(proposals.table)
    assert set(made.values()) == set(planes.objects) == planes.labels.values()
    np.testing.assert_array_equal(planes.labels.to_array() > 0, array > 0)
