"""Labels that come from a file stay compressed, and are the same labels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.gui.viewer.label_render import sampled
from segstudio.io.labels_file import read_label_tiff, write_label_tiff
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.packed_tile import PackedTile

SHAPE = (2 * TILE + 150, TILE + 150)


def _noisy(seed: int, largest: int = 60_000) -> NDArray[np.int32]:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, largest, (SHAPE[0] // 9 + 1, SHAPE[1] // 9 + 1)), np.ones((9, 9), int))[
        : SHAPE[0], : SHAPE[1]
    ].astype(np.int32)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.tif"
    write_label_tiff(path, LabelMap.from_array(_noisy(0)))
    return path


def _packed(plane: LabelMap) -> int:
    return sum(isinstance(plane.stored(key), PackedTile) for key in plane.keys())  # noqa: SIM118 - no mapping


def test_labels_of_a_file_are_compressed_until_they_are_written(file: Path) -> None:
    plane = read_label_tiff(file)
    assert _packed(plane) == len(plane.keys()) == 6
    np.testing.assert_array_equal(plane.to_array(), _noisy(0))
    before = plane.snapshot()
    plane.write(Window(10, 10, 12, 12), np.full((2, 2), 7, np.int32))
    assert _packed(plane) == 5
    assert plane.value(11, 11) == 7
    np.testing.assert_array_equal(before.to_array(), _noisy(0))


@settings(max_examples=15)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1), st.integers(1, 300), st.integers(0, 9)),
        max_size=5,
    )
)
def test_what_is_drawn_over_a_file_is_as_over_an_array(file: Path, edits: list[tuple[int, int, int, int]]) -> None:
    plane, model = read_label_tiff(file), LabelMap.from_array(_noisy(0))
    for y, x, side, value in edits:
        window = Window(y, x, y + side, x + side).clip(SHAPE)
        for each in (plane, model):
            each.write(window, np.full(window.shape, value, np.int32))
    np.testing.assert_array_equal(plane.to_array(), model.to_array())
    assert plane.values() == model.values()
    assert [plane.digest(key) for key in model.keys()] == [model.digest(key) for key in model.keys()]  # noqa: SIM118
    assert plane.window_of(9) == model.window_of(9)
    assert (plane.blank, plane.is_full()) == (model.blank, model.is_full())
    for key in model.keys():  # noqa: SIM118
        np.testing.assert_array_equal(plane.coarse(key), model.coarse(key))


def test_files_of_compressed_tiles_have_the_bytes_of_those_of_arrays(file: Path, tmp_path: Path) -> None:
    plane = read_label_tiff(file)
    write_label_tiff(tmp_path / "copy.tif", plane)
    assert (tmp_path / "copy.tif").read_bytes() == file.read_bytes()
    plane.write(Window(0, 0, 1, 1), np.full((1, 1), 70_000, np.int32))  # all are written wider now
    write_label_tiff(tmp_path / "wide.tif", plane, dirty=[(0, 0)], previous=file)
    write_label_tiff(tmp_path / "wide-array.tif", LabelMap.from_array(plane.to_array()))
    assert (tmp_path / "wide.tif").read_bytes() == (tmp_path / "wide-array.tif").read_bytes()


def test_tiles_that_are_the_same_are_shared(file: Path, tmp_path: Path) -> None:
    changed = LabelMap.from_array(_noisy(0))
    changed.write(Window(0, 0, 1, 1), np.full((1, 1), 3, np.int32))
    write_label_tiff(tmp_path / "changed.tif", changed)
    first = read_label_tiff(file)
    second = read_label_tiff(tmp_path / "changed.tif", like=first)
    assert [key for key in first.keys() if first.stored(key) is not second.stored(key)] == [(0, 0)]  # noqa: SIM118


@pytest.mark.parametrize("scale", [1 / 8, 1 / 11, 1 / 70])
def test_seen_from_far_each_pixel_shows_one_of_the_labels_under_it(file: Path, scale: float) -> None:
    plane, array = read_label_tiff(file), _noisy(0)
    picture = sampled(plane, Window(0, 0, int(SHAPE[0] * scale), int(SHAPE[1] * scale)), scale)
    for (row, column), value in np.ndenumerate(picture[::5, ::5]):
        y, x = (int((5 * at + 0.5) / scale) for at in (row, column))
        assert value in array[max(0, y - 8) : y + 9, max(0, x - 8) : x + 9]


def test_tiles_of_one_value_are_shared_and_drawn_over_one_by_one(tmp_path: Path) -> None:
    filled = LabelMap((2 * TILE, 2 * TILE))
    filled.fill([(0, 0), (0, 1), (1, 1)], 5)
    write_label_tiff(tmp_path / "filled.tif", filled)
    plane = read_label_tiff(tmp_path / "filled.tif")
    assert plane.stored((0, 0)) is plane.stored((1, 1))
    plane.write(Window(3, 3, 8, 8), np.full((5, 5), 9, np.int32))
    assert (plane.to_array() == 9).sum() == 25
    plane.write(Window(0, TILE, 1, TILE + 1), np.full((1, 1), 8, np.int32))
    assert (plane.to_array() == 8).sum() == 1


def test_the_window_of_an_object_is_that_of_its_pixels() -> None:
    array = np.zeros((4 * TILE, 4 * TILE), np.int32)
    array[700:1900, 30:2000] = 3
    array[100, 1000] = array[1000, 5] = 3
    assert LabelMap.from_array(array).window_of(3) == Window(100, 5, 1900, 2000)
