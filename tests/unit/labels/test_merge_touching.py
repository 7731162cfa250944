"""Whether two objects touch, looked up tile by tile."""

import numpy as np
import pytest

from segstudio.core.tiles import Window
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.merge_touching import MergeTouching, touch


@pytest.mark.parametrize(("down", "right"), [(0, 3), (3, 0), (3, 3), (-3, 3), (-3, -3), (3, -3)])
def test_objects_touch_up_to_two_pixels_apart_also_from_tile_to_tile(down: int, right: int) -> None:
    middle = TILE - (down > 0), TILE - (right > 0)  # the last pixel of a tile, or the first of the next
    for steps, touches in ((1, True), (4 / 3, False)):
        labels = LabelMap((2 * TILE, 2 * TILE))
        other = middle[0] + round(down * steps), middle[1] + round(right * steps)
        for number, (row, column) in ((1, middle), (2, other)):
            labels.write(Window(row, column, row + 1, column + 1), np.full((1, 1), number, np.int32))
        assert touch(labels, 1, 2) is touch(labels, 2, 1) is touches


def test_only_an_object_in_many_tiles_is_slow() -> None:
    labels = LabelMap((20, 6 * TILE))
    for width, slow in ((4, False), (5, True)):
        labels.write(Window(3, 0, 4, width * TILE), np.ones((1, width * TILE), np.int32))
        assert MergeTouching.of(labels, 2, 1).slow is slow
