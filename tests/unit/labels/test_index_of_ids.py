"""Which tiles hold an object, found out on another thread."""

import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.digest import tile_digest
from segstudio.labels.label_map import LabelMap


def test_an_index_made_on_a_snapshot_is_taken_over_but_for_tiles_written_since() -> None:
    plane = LabelMap((600, 1100))
    plane.write(Window(10, 10, 20, 20), np.full((10, 10), 1, np.int32))
    plane.write(Window(10, 600, 20, 610), np.full((10, 10), 2, np.int32))
    snapshot = plane.snapshot()
    snapshot.index()
    digests = [snapshot.digest(key) for key in snapshot.keys()]  # noqa: SIM118 - a method of the map, no mapping
    plane.write(Window(10, 600, 20, 610), np.full((10, 10), 3, np.int32))
    plane.take_index(snapshot)
    assert plane._digests == {(0, 0): digests[0]}
    assert plane._stale == {(0, 1)}
    assert plane.tiles_with(1) == [(0, 0)]
    assert plane.tiles_with(2) == []
    assert plane.tiles_with(3) == [(0, 1)]
    assert plane.digest((0, 1)) == tile_digest(plane.tile((0, 1)))
    plane.write(Window(10, 10, 20, 20), np.zeros((10, 10), np.int32))
    plane.take_index(snapshot)
    assert plane.tiles_with(1) == []
