"""The picture of an object: whole, in the middle, its outline drawn, black beyond the image."""

import numpy as np

from segstudio.core.tiles import Window
from segstudio.session.crop_picture import crop_picture, surroundings


def test_surroundings_are_a_square_with_room_and_bounded() -> None:
    assert surroundings(Window(10, 10, 110, 30)) == Window(-5, -45, 125, 85)
    assert surroundings(Window(10, 10, 12, 12)).shape == (24, 24)
    assert surroundings(Window(0, 0, 40_000, 9)).shape == (2048, 2048)


def test_the_outline_lies_around_the_object_and_what_is_outside_is_darker() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    picture = crop_picture(np.full((20, 20, 3), 100, np.uint8), mask, 40)
    assert picture.shape == (40, 40, 3)
    assert picture[20, 20].tolist() == [100] * 3
    assert picture[2, 2].tolist() == [60] * 3
    assert picture[9, 20].tolist() == [255] * 3
