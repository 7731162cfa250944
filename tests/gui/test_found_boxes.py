"""Rotated boxes as arrays: which are in sight, and the picture of a crowd of them."""

import numpy as np
from factories import cells
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.gui.viewer.boxes_in_view import _boxes_in
from segstudio.gui.viewer.colouring import ObjectColours
from segstudio.gui.viewer.found_boxes import BoxStyle, FoundBoxes, draw_boxes
from segstudio.labels.boxes import rotated_boxes
from segstudio.labels.label_map import LabelMap

WHITE = (255, 255, 255)
RED = ((255, 0, 0),) * 12


def _found(labels: NDArray[np.int32], scale: float = 1.0, window: Window | None = None) -> FoundBoxes:
    plane = LabelMap.from_array(labels)
    return _boxes_in(plane, window or Window.whole(plane.shape), scale, ObjectColours(), RED)


def test_boxes_of_arrays_are_those_of_each_object() -> None:
    labels = cells((160, 200), seed=3).labels.astype(np.int32)
    found, single = _found(labels), rotated_boxes(labels)
    assert found.ids.tolist() == list(single)
    np.testing.assert_allclose(found.corners(np.arange(len(found))).mean(axis=1), [b.centre for b in single.values()])
    middle = found.ids[len(found) // 2]
    assert found.ids[found.numbers([int(middle), 10**6])].tolist() == [middle]


def test_objects_cut_by_the_window_have_no_box_and_others_lie_where_they_are() -> None:
    labels = np.zeros((300, 300), np.int32)
    labels[100:120, 110:160], labels[0:60, 10:30] = 5, 6
    found = _found(labels, window=Window(40, 60, 200, 240))
    assert found.ids.tolist() == [5]
    np.testing.assert_allclose(found.centre[0], (135, 110))


def test_boxes_of_what_the_screen_shows_are_near_the_true_ones_and_give_no_sizes() -> None:
    labels = np.zeros((2000, 2000), np.int32)
    labels[400:800, 1000:1100], labels[1500:1510, 200:210] = 5, 6
    found = _found(labels, scale=0.1)
    assert found.ids.tolist() == [5], "one that is a dot on the screen is left out"
    assert not found.exact
    np.testing.assert_allclose(found.centre[0], (1050, 600), atol=10)
    assert abs(found.length[0] - 400) <= 10


def test_a_picture_in_pieces_is_the_picture_as_a_whole() -> None:
    found = _found(cells((160, 200), seed=5).labels.astype(np.int32))
    style = BoxStyle(frozenset(found.ids[:2].tolist()), WHITE, (0, 0, 0))
    whole = draw_boxes(found, Window(0, 0, 320, 400), 2.0, style)
    pieces = [[draw_boxes(found, Window(y, x, y + 160, x + 200), 2.0, style) for x in (0, 200)] for y in (0, 160)]
    joined, drawn = (
        picture.view(np.uint8).reshape(320, 400, 4)[..., 3].astype(int) for picture in (np.block(pieces), whole)
    )
    apart = np.abs(joined - drawn) > 90  # where a line is cut it is rounded otherwise
    assert apart.sum() < 0.01 * (drawn > 0).sum()
    _, green, red, alpha = np.moveaxis(whole.view(np.uint8).reshape(320, 400, 4).astype(int), -1, 0)
    assert ((green < 40) & (red > 200)).any(), "in their colour"
    assert ((green > 200) & (red > 200)).any(), "and the chosen ones bright"
    assert (alpha == 0).mean() > 0.5
