"""Edits of very many objects: they do what they do to few, and are told of as one change."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, Edit, EraseStroke, Merge, PasteLabels
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import TILE
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import FEW_WRITES, Transaction

SIDE = 5 * TILE + 40
PITCH = 90


def _full() -> tuple[Planes, NDArray[np.int32]]:
    """Return planes with a square in each cell of a grid; many lie on the border of tiles."""
    y, x = np.mgrid[:SIDE, :SIDE]
    across = SIDE // PITCH + 1
    inside = (y % PITCH < 60) & (x % PITCH < 60)
    labels = np.where(inside, (y // PITCH) * across + x // PITCH + 1, 0).astype(np.int32)
    planes = Planes.empty((SIDE, SIDE))
    infos = {int(i): ObjectInfo() for i in np.unique(labels) if i}
    _apply(planes, PasteLabels(labels, Window.whole(planes.shape), infos), [])
    return planes, planes.labels.to_array()


def _apply(planes: Planes, edit: Edit, told: list[Window]) -> EditRecord:
    transaction = Transaction(planes, edit.name, told.append)
    edit.apply(transaction)
    record = transaction.commit()
    assert record is not None
    return record


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_thousands_of_objects_are_deleted_and_come_back(share: float) -> None:
    planes, before = _full()
    rows = dict(planes.objects)
    ids = sorted(planes.objects)
    gone = ids[: round(share * len(ids))]
    told: list[Window] = []
    record = _apply(planes, Delete(tuple(gone)), told)
    after = np.where(np.isin(before, gone), 0, before)
    np.testing.assert_array_equal(planes.labels.to_array(), after)
    assert sorted(planes.objects) == ids[len(gone) :] == sorted(planes.labels.values())
    assert all(np.array_equal(planes.labels.digest(delta.key), delta.after) for delta in record.tiles)
    at = np.argwhere(before != after)
    assert record.window == Window(*at.min(axis=0).tolist(), *(at.max(axis=0) + 1).tolist())
    if len(record.tiles) > FEW_WRITES:
        assert len(told) == 1
    assert all(any(_holds(window, y, x) for window in told) for y, x in at[:: len(at) // 500])
    planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert dict(planes.objects) == rows
    planes.apply(record)
    np.testing.assert_array_equal(planes.labels.to_array(), after)


def test_what_came_back_can_be_painted_over_and_goes_again() -> None:
    planes, before = _full()
    record = _apply(planes, Delete(tuple(planes.objects)), [])
    planes.apply(record, back=True)
    assert sorted(planes.objects) == sorted(planes.labels.values())
    stroke = _apply(planes, EraseStroke([(10, 10), (SIDE - 10, SIDE - 10)], 20), [])
    planes.apply(stroke, back=True)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    planes.apply(record)
    assert planes.blank


def test_objects_that_come_and_go_within_one_edit_leave_nothing() -> None:
    planes, before = _full()
    rows = dict(planes.objects)
    told: list[Window] = []
    transaction = Transaction(planes, "Delete object", told.append)
    Delete(tuple(planes.objects)).apply(transaction)
    transaction.write("labels", Window.whole(planes.shape), before)
    for object_id, info in rows.items():
        transaction.set_object(object_id, info)
    assert transaction.commit() is None
    np.testing.assert_array_equal(planes.labels.to_array(), before)


def test_objects_far_apart_are_each_told_of() -> None:
    planes, _ = _full()
    told: list[Window] = []
    _apply(planes, Delete((1, max(planes.objects))), told)
    assert len(told) > 1
    assert sum(window.height * window.width for window in told) < 4 * PITCH**2


def test_merging_thousands_leaves_one_object() -> None:
    planes, before = _full()
    ids = sorted(planes.objects)
    _apply(planes, Merge(tuple(ids)), [])
    np.testing.assert_array_equal(planes.labels.to_array() == ids[0], before > 0)
    assert list(planes.objects) == [ids[0]]


def test_an_edit_of_many_tiles_that_fails_is_told_of_and_taken_back() -> None:
    planes, before = _full()
    told: list[Window] = []
    transaction = Transaction(planes, "Delete object", told.append)
    with pytest.raises(ValueError, match="shape"):
        _clear_twice(transaction)
    assert told == [Window(0, 0, 100, 100)]
    transaction.abort()
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert told[1:] == [Window(0, 0, 100, 100)]


def _clear_twice(transaction: Transaction) -> None:
    with transaction.together():
        for rows in (100, 99):
            transaction.write("labels", Window(0, 0, 100, 100), np.zeros((rows, 100), np.int32))


def _holds(window: Window, y: int, x: int) -> bool:
    return window.y0 <= y < window.y1 and window.x0 <= x < window.x1
