"""The label TIFF of a stack: a page a plane, read by every program."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import StackShape, shape_of
from segstudio.core.tiles import plane_window
from segstudio.io.labels_file import read_label_tiff, write_label_tiff
from segstudio.labels.label_map import LabelMap

SIDES = st.integers(1, 1_100)


def stack(shape: tuple[int, int], planes: int, seed: int, largest: int = 300) -> tuple[LabelMap, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    pixels = [
        np.where(rng.random(shape) < 0.1, rng.integers(1, largest, shape), 0).astype(np.int32) * (plane % 3 != 1)
        for plane in range(planes)
    ]
    plane_of = LabelMap(shape_of(*shape, planes))
    for number, values in enumerate(pixels):
        plane_of.write(plane_window(plane_of.shape, number), values)
    return plane_of, pixels


@given(SIDES, SIDES, st.integers(2, 6), st.sampled_from([300, 1 << 20]), st.integers(0, 99))
def test_every_program_finds_a_page_for_each_plane(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, planes: int, largest: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("labels") / "a.tif"
    made, pixels = stack((height, width), planes, seed, largest)
    write_label_tiff(path, made)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == planes
        for page, values in zip(file.pages, pixels, strict=True):
            np.testing.assert_array_equal(page.asarray(), values)
    found = read_label_tiff(path, expected_size=StackShape(height, width, planes))
    assert found.shape == made.shape
    np.testing.assert_array_equal(found.to_array(), made.to_array())


def test_only_touched_tiles_are_compressed_again(tmp_path: Path) -> None:
    made, _ = stack((700, 600), 4, 1)
    write_label_tiff(tmp_path / "a.tif", made)
    made.write(plane_window(made.shape, 2), np.full((700, 600), 7, np.int32))
    write_label_tiff(tmp_path / "b.tif", made, dirty=[(4, 0), (4, 1), (5, 0), (5, 1)], previous=tmp_path / "a.tif")
    write_label_tiff(tmp_path / "c.tif", made)
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "c.tif").read_bytes()


def test_a_stack_of_another_program_is_read_plane_by_plane(tmp_path: Path) -> None:
    made, pixels = stack((300, 200), 3, 2)
    tifffile.imwrite(tmp_path / "a.tif", np.stack(pixels).astype(np.uint16), imagej=True, metadata={"axes": "ZYX"})
    found = read_label_tiff(tmp_path / "a.tif", expected_size=made.shape)
    np.testing.assert_array_equal(found.to_array(), made.to_array())


@pytest.mark.parametrize("expected", [(300, 200), (1324, 200), StackShape(300, 200, 2), StackShape(812, 200, 2)])
def test_labels_of_other_planes_are_refused(tmp_path: Path, expected: tuple[int, int]) -> None:
    made, _ = stack((300, 200), 3, 2)
    assert tuple(made.shape) == (1324, 200)
    write_label_tiff(tmp_path / "a.tif", made)
    with pytest.raises(BadInput, match="3 planes of 300 × 200 pixels"):
        read_label_tiff(tmp_path / "a.tif", expected_size=expected)
