"""Deleting what lies in a drawn line."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import User

from segstudio.core.tiles import Window
from segstudio.labels.delete_in import DeleteIn, objects_in
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.raster import polygon
from segstudio.labels.restore_points import restore_point_of


def test_what_lies_in_the_line_or_touches_it_goes_in_one_step() -> None:
    user = User("delete_region")
    user.draw_squares((10, 10), (30, 10), (70, 60))
    user.view.selected = frozenset({1, 3})
    before = user.array
    user.drag((5, 5), (35, 5), (35, 30), (5, 30))
    assert set(user.objects) == {3}
    assert set(np.unique(user.array)) == {0, 3}
    assert user.view.selected == frozenset()
    assert user.actions == ["Add objects", "Delete in a region"]
    user.sheet.history.undo(user.sheet.planes)
    np.testing.assert_array_equal(user.array, before)
    assert user.objects == dict.fromkeys((1, 2, 3), ObjectInfo())


def test_escape_and_an_empty_place_change_nothing() -> None:
    user = User("delete_region")
    user.draw_squares((10, 10))
    user.send("press", 5, 5)
    user.send("move", 40, 40)
    user.key("Escape")
    user.drag((50, 50), (70, 50), (70, 70), (50, 70))
    assert user.actions == ["Add objects"]


def test_a_state_is_kept_before_many_objects_go() -> None:
    edit = DeleteIn([(0, 0), (1, 0), (1, 1)])
    edit.found.update(range(1, 31))
    assert restore_point_of(edit, set(range(1, 60))) == "Delete 30 objects"


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**16),
    st.lists(st.tuples(st.floats(-50, 2 * TILE), st.floats(-50, 2 * TILE)), min_size=3, max_size=6),
)
def test_objects_are_found_over_tiles_as_in_one_piece(seed: int, ring: list[tuple[float, float]]) -> None:
    shape, rng = (TILE + 60, TILE + 90), np.random.default_rng(seed)
    labels = LabelMap(shape)
    for number in range(1, 40):
        y, x = (int(rng.integers(0, side - 20)) for side in shape)
        window = Window(y, x, y + 20, x + 20)
        labels.write(window, np.full(window.shape, number, np.int32))
    window, mask = polygon([ring], shape)
    assert objects_in(labels, ring) == set(np.unique(labels.read(window)[mask]).tolist()) - {0}
