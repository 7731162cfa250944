"""What a format cannot hold is said, image by image; large images are tiled; no file is written twice."""

import csv
import json
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from segstudio.core.axes import PixelSize
from segstudio.core.errors import BadInput
from segstudio.export.base import ExportItem, Sink, export
from segstudio.io.disk import DiskError
from segstudio.labels.objects import ObjectInfo


def item(labels: NDArray[Any], name: str = "cells", **more: Any) -> ExportItem:
    values = labels.astype(np.int32)
    return ExportItem(name=name, image_path=Path(f"{name}.png"), labels=lambda: values, **more)


def test_a_large_label_image_is_written_in_tiles_with_every_id(tmp_path: Path) -> None:
    labels = np.zeros((40, 2100), np.int32)
    labels[30:, 2090:] = 70_000
    (path,) = export("label-tiff", [item(labels)], tmp_path).written
    with tifffile.TiffFile(path) as tif:
        assert tif.pages.first.is_tiled
    assert np.array_equal(tifffile.imread(path), labels)


def test_png_says_whose_pixel_size_it_leaves_out_and_nothing_where_there_is_none(tmp_path: Path) -> None:
    square = PixelSize(0.5, 0.5)
    items = [item(np.eye(4), "a", pixel_size=square), item(np.eye(4), "b")]
    assert export("label-png", items, tmp_path).losses == ("PNG does not hold the pixel size of a.",)
    assert export("label-png", [item(np.eye(4), "c")], tmp_path).losses == ()
    many = [item(np.eye(4), name, pixel_size=square) for name in "defgh"]
    assert export("label-png", many, tmp_path).losses == ("PNG does not hold the pixel size of d, e, f and 2 more.",)


@pytest.mark.parametrize(("class_id", "bits"), [(255, 8), (256, 16), (65_535, 16)])
def test_a_class_mask_has_as_many_bits_as_its_classes_need(tmp_path: Path, class_id: int, bits: int) -> None:
    export("class-mask", [item(np.eye(4), objects={1: ObjectInfo(class_id)})], tmp_path)
    pixels = imagecodecs.png_decode((tmp_path / "cells.png").read_bytes())
    assert pixels.dtype.itemsize * 8 == bits
    assert np.array_equal(pixels, np.eye(4, dtype=int) * class_id)
    assert json.loads((tmp_path / "classes.json").read_text())[str(class_id)] == f"class {class_id}"


def test_a_class_that_a_png_cannot_hold_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="uses the class id 65,536, a PNG holds ids up to 65,535") as caught:
        export("class-mask", [item(np.eye(4), objects={1: ObjectInfo(65_536)})], tmp_path / "out")
    assert caught.value.hint == "Export COCO instead."
    assert list(tmp_path.iterdir()) == []


def test_rotated_boxes_have_no_micrometres_where_pixels_are_not_square(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[5:9, 10:20] = 1
    items = [
        item(labels, "square", pixel_size=PixelSize(0.5, 0.5)),
        item(labels, "flat", pixel_size=PixelSize(0.5, 0.6)),
        item(labels, "none"),
    ]
    result = export("rotated-boxes", items, tmp_path / "boxes.csv")
    assert result.losses == ("The pixels of flat are not square: lengths in µm were left out.",)
    with result.written[0].open(encoding="utf-8-sig", newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert float(rows["square"]["length_um"]) == 5.0
    assert (rows["flat"]["length_um"], rows["none"]["length_um"]) == ("", "")
    assert rows["flat"]["length_px"] == rows["square"]["length_px"]


def test_yolo_gets_test_images_in_a_folder_of_their_own(tmp_path: Path) -> None:
    items = [item(np.eye(6), name, split=name) for name in ("train", "val", "test")]
    export("yolo-obb", items, tmp_path / "all")
    text = (tmp_path / "all" / "data.yaml").read_text()
    assert "train: images/train\nval: images/val\ntest: images/test\n" in text
    result = export("yolo-obb", items[2:], tmp_path / "one")
    text = (tmp_path / "one" / "data.yaml").read_text()
    assert "train: images/test\nval: images/test\ntest: images/test\n" in text
    assert len([loss for loss in result.losses if "do not trust its scores" in loss]) == 2


def test_the_table_leaves_out_the_intensities_of_another_image(tmp_path: Path) -> None:
    smaller = item(np.eye(4), image=lambda: np.zeros((4, 5), np.uint8))
    result = export("measurements", [smaller], tmp_path / "m.csv")
    assert result.losses == ("cells: intensities were left out, the image has another size than its labels.",)
    with (tmp_path / "m.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["area_px"]) == 4
    assert not any("intensity" in name for name in row)


def test_no_exporter_writes_a_file_twice(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "stage", "")
    sink.write("a/Cells.txt", b"one")
    with pytest.raises(ValueError, match=r"a/cells\.txt was written already"):
        sink.write("a/cells.txt", b"two")  # on many disks these are one file
    with pytest.raises(DiskError, match="a is a folder and is not replaced"):
        sink.write("a", b"two")
    assert sink.names == ["a/Cells.txt"]
    assert (tmp_path / "stage" / "a" / "Cells.txt").read_bytes() == b"one"
