"""Objects of a large plane, block by block."""

import numpy as np
import pytest
from factories import cells

from segstudio.core.tiles import Window
from segstudio.labels import object_blocks as module
from segstudio.labels.label_map import LabelMap
from segstudio.labels.object_blocks import object_blocks


def test_each_object_is_in_one_block_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    small = cells((300, 400), seed=2).labels.astype(np.int32)
    labels = np.kron(small, np.ones((9, 9), np.int32))  # objects cross tiles and blocks
    labels[1300:1310, :] = small.max() + 1  # and one reaches from side to side
    plane = LabelMap.from_array(labels)
    monkeypatch.setattr(module, "_WHOLE", 0)
    monkeypatch.setattr(module, "_SIDE", 2)
    seen: dict[int, int] = {}
    for window, values in object_blocks(plane):
        for value in np.unique(values[values > 0]).tolist():
            assert value not in seen
            seen[value] = window.height
            np.testing.assert_array_equal(values == value, labels[window.slices] == value)
            assert (values == value).sum() == (labels == value).sum()
    assert seen.keys() == set(np.unique(labels).tolist()) - {0}


def test_a_plane_that_is_not_large_is_one_block() -> None:
    labels = cells((100, 120), seed=1).labels.astype(np.int32)
    ((window, values),) = object_blocks(LabelMap.from_array(labels))
    assert window.shape == (100, 120)
    np.testing.assert_array_equal(values, labels)


def test_an_object_that_reaches_over_a_huge_plane_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WHOLE", 0)
    monkeypatch.setattr(module, "LARGEST", 8 * 512 * 512)
    plane = LabelMap((20 * 512, 8 * 512))
    plane.write(Window(0, 0, 20 * 512, 1), np.full((20 * 512, 1), 4, np.int32))
    plane.write(Window(0, 5 * 512, 1, 7 * 512), np.full((1, 2 * 512), 4, np.int32))
    plane.write(Window(500, 500, 510, 510), np.full((10, 10), 6, np.int32))
    assert [set(np.unique(values).tolist()) - {0} for _, values in object_blocks(plane)] == [{6}]
