"""Label images of other programs keep their ids, or a sentence says what became of them."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.io.labels_import import read_labels


def two_discs() -> NDArray[np.uint8]:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:15] = mask[20:30, 30:45] = 1
    return mask


def stored(path: Path, values: NDArray[Any]) -> Path:
    tifffile.imwrite(path, values)
    return path


@pytest.mark.parametrize("top", [1, 255, 256, 65_535, 65_536, 2**24 + 1, 2**31 - 1])
@pytest.mark.parametrize("dtype", ["uint16", "int32", "uint32", "int64", "float64"])
def test_ids_are_kept_wherever_they_fit(tmp_path: Path, top: int, dtype: str) -> None:
    if np.dtype(dtype).kind == "u" and top > np.iinfo(dtype).max:
        pytest.skip("the type cannot hold the id")
    labels = np.zeros((20, 30), dtype)
    labels[2:5, 3:9] = top
    labels[10:12, 3:9] = min(3, top)
    path = tmp_path / "a.npy"
    np.save(path, labels)
    found, warnings = read_labels(path, (20, 30))
    assert found.dtype == np.int32
    if top not in (1, 255, 65_535):  # those can be masks
        assert np.array_equal(found, labels)
        assert warnings == []


@given(labels=arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2**31 - 1)))
def test_any_label_image_is_read_as_it_is(labels: NDArray[np.int32], tmp_path_factory: Any) -> None:
    path = stored(tmp_path_factory.mktemp("labels") / "a.tif", labels)
    found, _ = read_labels(path, labels.shape)
    if len(np.unique(labels[labels > 0])) > 1:
        assert np.array_equal(found, labels)
    else:
        assert np.array_equal(found > 0, labels > 0)


@pytest.mark.parametrize("white", [1, 255])
def test_black_and_white_mask_is_cut_into_its_parts(tmp_path: Path, white: int) -> None:
    found, warnings = read_labels(stored(tmp_path / "a.tif", two_discs() * np.uint8(white)))
    assert sorted(np.unique(found)) == [0, 1, 2]
    assert warnings == ["A black and white mask: its 2 connected parts became the objects."]


def test_one_object_of_a_16_bit_label_image_stays_one_object(tmp_path: Path) -> None:
    found, warnings = read_labels(stored(tmp_path / "a.tif", two_discs().astype(np.uint16)))
    assert np.unique(found).tolist() == [0, 1]
    assert warnings == ["1 object lies in several places (id 1)."]


def test_ids_beyond_int32_are_numbered_anew_and_stay_apart(tmp_path: Path) -> None:
    labels = two_discs().astype(np.uint32) * np.uint32(2**32 - 1)
    labels[20:30, 30:45] = 2**31
    found, warnings = read_labels(stored(tmp_path / "a.tif", labels))
    assert (found[7, 7], found[25, 35]) == (2, 1)
    assert "4,294,967,295" in warnings[0]


def test_colours_become_ids_in_reading_order(tmp_path: Path) -> None:
    mask = two_discs()
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[5:15, 5:15] = (255, 0, 10)
    colours[20:30, 30:45] = (0, 200, 0)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(colours))
    found, warnings = read_labels(tmp_path / "a.png")
    assert (found[7, 7], found[25, 35], found[0, 0]) == (1, 2, 0)
    assert np.array_equal(found > 0, mask > 0)
    assert warnings == ["Each of the 2 colours became one object."]


def test_photograph_is_no_mask(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    (tmp_path / "photo.png").write_bytes(imagecodecs.png_encode(noise))
    with pytest.raises(BadInput, match=r"photo\.png has 8,\d+ colours and looks like a picture"):
        read_labels(tmp_path / "photo.png")


def test_gray_stored_as_rgb_is_gray(tmp_path: Path) -> None:
    labels = two_discs() * np.uint8(9)
    labels[5:15, 5:15] = 4
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.repeat(labels[..., None], 3, axis=2)))
    assert np.array_equal(read_labels(tmp_path / "a.png")[0], labels)


def test_negative_values_are_said(tmp_path: Path) -> None:
    labels = two_discs().astype(np.int16) * 5
    labels[labels == 0] = -1
    labels[5:15, 5:15] = 2
    found, warnings = read_labels(stored(tmp_path / "a.tif", labels))
    assert np.unique(found).tolist() == [0, 2, 5]
    assert warnings[0].startswith("−1 was taken as background")


def test_fractions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.tif holds the value 0\.5, which is no id"):
        read_labels(stored(tmp_path / "a.tif", two_discs() * np.float32(0.5)))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_whole_floats_are_ids(tmp_path: Path, dtype: str) -> None:
    labels = two_discs().astype(dtype) * 6
    labels[5:15, 5:15] = 2000
    assert np.array_equal(read_labels(stored(tmp_path / "a.tif", labels))[0], labels)


def test_blurred_jpeg_masks_are_warned_of_or_refused(tmp_path: Path) -> None:
    Image.fromarray(np.kron(two_discs(), np.ones((4, 4), np.uint8)) * np.uint8(255)).save(tmp_path / "mask.jpg")
    found, warnings = read_labels(tmp_path / "mask.jpg")
    assert found.max() == 2
    assert "JPEG blurs" in warnings[0]
    Image.fromarray(two_discs() * np.uint8(120)).save(tmp_path / "ids.jpg")
    with pytest.raises(BadInput, match=r"ids\.jpg was saved as JPEG"):
        read_labels(tmp_path / "ids.jpg")


def test_other_size_and_stack_are_refused(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.tif", two_discs())
    with pytest.raises(BadInput, match=r"40 × 60 pixels, its image has 60 × 40") as caught:
        read_labels(path, (60, 40))
    assert "transposed" in caught.value.hint
    stack = stored(tmp_path / "b.tif", np.stack([two_discs()] * 5))
    with pytest.raises(BadInput, match=r"b\.tif is a stack of 5"):
        read_labels(stack, (40, 60))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((20, 30, 2), np.uint16), "has 2 channels, a label image has one"),
        (np.zeros((20, 30, 4), np.float32), "has 4 channels, a label image has one"),
        (np.stack([np.eye(20, 30), 2 * np.eye(20, 30), np.eye(20, 30)], 2), "has three channels"),
        (np.stack([np.eye(20, 30), 2 * np.eye(20, 30), np.eye(20, 30)], 2).astype(np.uint32), "has three channels"),
    ],
    ids=["two", "four", "three fractions", "three of 32 bits"],
)
def test_channels_are_refused_unless_they_are_colours(tmp_path: Path, values: NDArray[Any], said: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(BadInput, match=said) as caught:
        read_labels(tmp_path / "a.npy", (20, 30))
    assert caught.value.hint == "Save the channel with the labels alone."


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 255), ("uint16", 65_535)])
def test_a_mask_of_one_part_whose_id_becomes_1_says_so(tmp_path: Path, dtype: str, white: int) -> None:
    labels = np.zeros((20, 30), dtype)
    labels[2:9, 3:12] = white
    found, warnings = read_labels(stored(tmp_path / "a.tif", labels), (20, 30))
    assert np.unique(found).tolist() == [0, 1]
    assert warnings == [f"A black and white mask of one part: the id {white:,} became 1."]
