"""Work that is shared out among threads comes back in order, and is the same work."""

import threading

import numpy as np
import pytest

from segstudio.labels import history
from segstudio.labels.edits import Delete, RegionFill
from segstudio.labels.history import Planes
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.over_threads import over_threads
from segstudio.labels.transaction import Transaction

SIDE = 5 * TILE + 40


@pytest.mark.parametrize("count", [0, 1, 15, 16, 500])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    assert over_threads(lambda item: item * item, range(count)) == [item * item for item in range(count)]


def test_an_error_in_a_thread_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        over_threads(lambda item: 1 // (item - 20), range(30))


def _full() -> Planes:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.int32)
    labels = LabelMap.from_array(np.where((y % 90 < 60) & (x % 90 < 60), (y // 90) * 40 + x // 90 + 1, 0))
    rows = {item: ObjectInfo() for item in labels.values()}
    return Planes(labels, LabelMap((SIDE, SIDE), np.uint8), ObjectTable(rows))


def test_the_window_lets_threads_take_back_what_changed_many_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    planes = _full()
    before = planes.labels.to_array()
    transaction = Transaction(planes, "Delete")
    Delete(tuple(planes.objects)).apply(transaction)
    record = transaction.commit()
    assert record is not None
    real, threads = history.apply_delta, set[int]()

    def noted(*words: object) -> object:
        threads.add(threading.get_ident())
        return real(*words)

    monkeypatch.setattr(history, "apply_delta", noted)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    planes.apply(record, back=True)
    assert threads
    assert threading.get_ident() not in threads
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert all(planes.labels.digest(delta.key) == delta.before for delta in record.tiles)


def test_tiles_that_shared_an_array_share_one_again() -> None:
    planes = Planes.empty((SIDE, SIDE))
    for value in (1, 2):
        transaction = Transaction(planes, "Mark region")
        RegionFill(None, value).apply(transaction)
        record = transaction.commit()
    assert record is not None
    planes.apply(record, back=True)
    tiles = [planes.regions.tile(key) for key in planes.regions.keys()]  # noqa: SIM118 - a method of the map
    assert len(tiles) == 36
    assert len({id(tile) for tile in tiles}) == len({tile.shape for tile in tiles if tile is not None}) == 4
