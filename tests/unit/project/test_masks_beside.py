"""Masks that lie beside their images under a name that says so, as other programs write them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.project.folder_samples import folder_samples
from segstudio.project.image_files import find_images, find_mask, find_mask_in

NAMES = ("a_mask.tif", "a_masks.png", "a_label.tif", "a_labels.tiff", "a_cp_masks.png", "a_cp_masks.tif")


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.zeros((16, 16), np.uint8)
    array[4:9, 5:10] = 1
    if path.suffix == ".png":
        Image.fromarray(array).save(path)
    else:
        tifffile.imwrite(path, array)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_beside_its_image_is_found_and_is_no_image(tmp_path: Path, name: str) -> None:
    image, mask = write(tmp_path / "a.tif"), write(tmp_path / name)
    assert find_mask(image) == find_mask_in(tmp_path, image) == mask
    assert [item.path for item in find_images([tmp_path])] == [image]


def test_the_folder_of_masks_comes_first(tmp_path: Path) -> None:
    image, mask = write(tmp_path / "a.tif"), write(tmp_path / "masks" / "a.tif")
    write(tmp_path / "a_mask.tif")
    assert find_mask(image) == mask


def test_a_folder_of_such_masks_can_be_named(tmp_path: Path) -> None:
    image, mask = write(tmp_path / "images" / "a.tif"), write(tmp_path / "cellpose" / "a_cp_masks.png")
    assert find_mask_in(mask.parent, image) == mask


def test_an_image_that_is_only_called_so_stays_one(tmp_path: Path) -> None:
    image = write(tmp_path / "face_mask.tif")
    assert [item.path for item in find_images([tmp_path])] == [image]
    assert find_mask(image) is None


def test_the_file_of_cellpose_is_a_mask_and_no_image(tmp_path: Path) -> None:
    image = write(tmp_path / "a.tif")
    seg = tmp_path / "a_seg.npy"
    seg.write_bytes(b"\x93NUMPY")
    assert find_mask(image) == seg
    assert [item.path for item in find_images([tmp_path])] == [image]
    plain = write(tmp_path / "a_cp_masks.png")
    assert find_mask(image) == plain, "what needs no process comes first"


def test_a_training_takes_them_without_a_folder_of_masks(tmp_path: Path) -> None:
    images = tmp_path / "images"
    for name in ("a", "b"):
        write(images / f"{name}.tif")
    with pytest.raises(BadInput, match="no folder masks/"):
        folder_samples(tmp_path)
    for name in ("a", "b"):
        write(images / f"{name}_mask.tif")
    found = folder_samples(tmp_path)
    assert {sample.image.name: sample.labels and sample.labels.name for sample in found} == {
        "a.tif": "a_mask.tif",
        "b.tif": "b_mask.tif",
    }
