"""The picture of an object: whole, in the middle, its outline drawn, black beyond the image."""

import numpy as np

from segstudio.core.tiles import Window
from segstudio.session.crop_picture import Light, crop_picture, surroundings


def test_surroundings_are_a_square_with_room_and_bounded() -> None:
    assert surroundings(Window(10, 10, 110, 30)) == Window(-5, -45, 125, 85)
    assert surroundings(Window(10, 10, 12, 12)).shape == (24, 24)
    assert surroundings(Window(0, 0, 40_000, 9)).shape == (2048, 2048)


def test_light_is_the_same_for_all_objects_and_nothing_is_black() -> None:
    overview = np.linspace(100, 300, 10_000).reshape(100, 100)
    light = Light.of(overview)
    assert light(np.array([[0.0, np.nan, 200.0, 1e9]]))[0, :, 0].tolist()[::3] == [0, 255]
    assert 120 < light(np.array([[200.0]]))[0, 0, 0] < 135
    assert Light.of(np.zeros((4, 4, 3), np.uint8))(np.full((1, 1, 3), 77, np.uint8)).ravel().tolist() == [77] * 3


def test_the_outline_lies_around_the_object_and_what_is_outside_is_darker() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    picture = crop_picture(np.full((20, 20, 3), 100, np.uint8), mask, 40)
    assert picture.shape == (40, 40, 3)
    assert picture[20, 20].tolist() == [100] * 3
    assert picture[2, 2].tolist() == [60] * 3
    assert picture[9, 20].tolist() == [255] * 3
