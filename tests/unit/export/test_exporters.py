"""What an export holds is read back here with the tools that others would use, and compared pixel by pixel."""

import csv
import errno
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from factories import cells
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from skimage.draw import polygon2mask

from segstudio.core.axes import PixelSize
from segstudio.core.classes import ClassTable
from segstudio.core.errors import BadInput, UserError, WrongUsage
from segstudio.export.base import ExportItem, export, exporters
from segstudio.export.csv_text import cell
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import DISK, DiskError
from segstudio.io.labels_import import read_labels
from segstudio.io.sources import open_image
from segstudio.labels.objects import ObjectInfo

# pycocotools' decoder, which only tests call, is older than NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Labels = NDArray[np.int32]


def item(labels: NDArray[Any], name: str = "cells", **more: Any) -> ExportItem:
    values = labels.astype(np.int32)
    return ExportItem(name=name, image_path=Path(f"{name}.png"), labels=lambda: values, **more)


def ring_with_hole() -> Labels:
    labels = np.zeros((20, 24), np.int32)
    labels[2:12, 3:15] = 7
    labels[5:9, 6:10] = 0
    labels[6:8, 7:9] = 9
    labels[15:18, 2:5] = 7  # a second part
    return labels


label_images = arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 4))


def coco_masks(path: Path) -> dict[int, NDArray[np.bool_]]:
    content = json.loads(path.read_text("utf-8"))
    size = content["images"][0]["height"], content["images"][0]["width"]
    found = {}
    for entry in content["annotations"]:
        held = entry["segmentation"]
        rle = coco_mask.merge(coco_mask.frPyObjects(held, *size)) if isinstance(held, list) else held
        found[entry["object_id"]] = coco_mask.decode(rle).astype(bool)
        assert entry["area"] == found[entry["object_id"]].sum()
        rows, columns = np.nonzero(found[entry["object_id"]])
        x, y, width, height = entry["bbox"]
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return found


def filled(polygon: list[list[list[float]]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill rings of pixel-corner coordinates by the rule that pixel centres decide."""
    mask = np.zeros(shape, bool)
    for ring in polygon:
        assert ring[0] == ring[-1]
        corners = np.array(ring[:-1])[:, ::-1] - 0.5  # rows and columns of pixel centres
        mask ^= polygon2mask(shape, corners)
    return mask


def geojson_masks(path: Path, shape: tuple[int, int]) -> dict[int, NDArray[np.bool_]]:
    found = {}
    for feature in json.loads(path.read_text("utf-8"))["features"]:
        geometry = feature["geometry"]
        parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        mask = np.zeros(shape, bool)
        for part in parts:
            mask |= filled(part, shape)
        found[int(feature["properties"]["name"])] = mask
    return found


def assert_masks(masks: dict[int, NDArray[np.bool_]], labels: Labels) -> None:
    assert sorted(masks) == sorted(set(np.unique(labels).tolist()) - {0})
    for object_id, mask in masks.items():
        assert np.array_equal(mask, labels == object_id), f"object {object_id}"


@pytest.mark.parametrize("top", [0, 1, 255, 256, 65_535, 65_536, 2**24 + 1, 2**31 - 1])
def test_label_tiff_keeps_every_id(tmp_path: Path, top: int) -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[3:9, 4:12] = top
    labels[12:20, 4:12] = min(top, 3)
    written = export("label-tiff", [item(labels, pixel_size=PixelSize(0.25, 0.325))], tmp_path).written
    stored = tifffile.imread(written[0])
    assert stored.dtype == (np.uint16 if top <= 65_535 else np.uint32)
    assert np.array_equal(stored, labels)
    with open_image(written[0]) as source:
        assert source.info.pixel_size is not None
        assert (source.info.pixel_size.y, source.info.pixel_size.x) == pytest.approx((0.25, 0.325), rel=1e-6)


def test_label_tiff_is_the_same_file_every_time(tmp_path: Path) -> None:
    labels = cells((64, 80)).labels
    first = export("label-tiff", [item(labels)], tmp_path / "a").written[0].read_bytes()
    assert export("label-tiff", [item(labels)], tmp_path / "b").written[0].read_bytes() == first


@pytest.mark.parametrize("top", [0, 255, 256, 65_535])
def test_label_png_keeps_every_id_it_can_hold(tmp_path: Path, top: int) -> None:
    labels = np.zeros((10, 12), np.int32)
    labels[2:4, 2:4] = top
    written = export("label-png", [item(labels)], tmp_path).written
    assert np.array_equal(imagecodecs.png_decode(written[0].read_bytes()), labels)


@pytest.mark.parametrize("top", [65_536, 2**24 + 1])
def test_label_png_refuses_larger_ids_and_leaves_everything_as_it_was(tmp_path: Path, top: int) -> None:
    (tmp_path / "good.png").write_bytes(b"old")
    good, bad = np.ones((4, 4), np.int32), np.full((4, 4), top, np.int32)
    with pytest.raises(BadInput, match=r"bad .*65,535"):
        export("label-png", [item(good, "good"), item(bad, "bad")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["good.png"]
    assert (tmp_path / "good.png").read_bytes() == b"old"


def test_two_images_of_one_name_get_two_files(tmp_path: Path) -> None:
    written = export("label-tiff", [item(np.eye(3), "a"), item(np.eye(4), "A")], tmp_path).written
    assert [path.name for path in written] == ["a.tif", "A_2.tif"]


def test_binary_mask_reads_back_and_says_that_touching_objects_flow_together(tmp_path: Path) -> None:
    labels = np.zeros((12, 12), np.int32)
    labels[2:6, 2:6], labels[2:6, 6:10], labels[8:10, 2:4] = 1, 2, 3
    result = export("binary-mask", [item(labels)], tmp_path)
    assert np.array_equal(imagecodecs.png_decode(result.written[0].read_bytes()), (labels > 0) * np.uint8(255))
    assert "3 objects make 2 connected parts" in result.losses[0]


@given(labels=label_images)
def test_separated_binary_mask_has_no_two_objects_in_one_part(labels: Labels, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("masks")
    path = export("binary-mask", [item(labels)], folder, {"separate": True}).written[0]
    mask = imagecodecs.png_decode(path.read_bytes()) > 0
    parts, _ = read_labels(path) if mask.any() else (np.zeros_like(labels), [])
    for part in range(1, int(parts.max(initial=0)) + 1):
        assert len(np.unique(labels[parts == part])) == 1


def test_separated_binary_mask_tells_of_objects_that_vanish(tmp_path: Path) -> None:
    labels = np.zeros((8, 8), np.int32)
    labels[1:7, 2], labels[1:7, 3] = 1, 2
    losses = export("binary-mask", [item(labels)], tmp_path, {"separate": True}).losses
    assert any("1 object was so thin that nothing is left" in sentence for sentence in losses)


def test_class_mask_holds_class_ids(tmp_path: Path) -> None:
    classes = ClassTable().add("dead")
    labels = np.array([[1, 1, 0], [0, 2, 300]], np.int32)
    objects = {1: ObjectInfo(2), 2: ObjectInfo(1)}
    result = export("class-mask", [item(labels, objects=objects, classes=classes)], tmp_path)
    assert imagecodecs.png_decode(result.written[0].read_bytes()).tolist() == [[2, 2, 0], [0, 1, 1]]
    assert json.loads((tmp_path / "classes.json").read_text()) == {"1": "cell", "2": "dead"}


@pytest.mark.parametrize("segmentation", ["polygons", "rle"])
def test_coco_refills_to_the_same_pixels(tmp_path: Path, segmentation: str) -> None:
    for name, labels in (("cells", cells((96, 128)).labels), ("holes", ring_with_hole())):
        path = export("coco", [item(labels)], tmp_path / f"{name}.json", {"segmentation": segmentation}).written[0]
        assert_masks(coco_masks(path), labels)


def test_coco_says_that_holes_became_run_lengths(tmp_path: Path) -> None:
    result = export("coco", [item(ring_with_hole())], tmp_path / "out.json")
    assert result.losses == (
        "1 object has holes, which COCO polygons cannot hold: run lengths (RLE) were written instead.",
    )
    kinds = {
        entry["object_id"]: type(entry["segmentation"])
        for entry in json.loads(result.written[0].read_text())["annotations"]
    }
    assert kinds == {7: dict, 9: list}


@given(labels=label_images)
def test_coco_run_lengths_are_exact(labels: Labels, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("coco") / "out.json"
    export("coco", [item(labels)], path, {"segmentation": "rle"})
    assert_masks(coco_masks(path), labels)


def test_coco_keeps_large_ids_and_numbers_annotations_over_images(tmp_path: Path) -> None:
    first, second = np.zeros((5, 5), np.int32), np.zeros((6, 7), np.int32)
    first[1:3, 1:3], second[2:4, 2:4] = 2**24 + 1, 65_536
    content = json.loads(
        export("coco", [item(first, "a"), item(second, "b")], tmp_path / "o.json").written[0].read_text()
    )
    assert [(entry["id"], entry["image_id"], entry["object_id"]) for entry in content["annotations"]] == [
        (1, 1, 2**24 + 1),
        (2, 2, 65_536),
    ]


@given(labels=label_images)
def test_geojson_refills_to_the_same_pixels(labels: Labels, tmp_path_factory: Any) -> None:
    path = export("geojson", [item(labels)], tmp_path_factory.mktemp("geo")).written[0]
    assert_masks(geojson_masks(path, labels.shape), labels)


def test_geojson_speaks_as_qupath_does(tmp_path: Path) -> None:
    path = export("geojson", [item(ring_with_hole())], tmp_path).written[0]
    content = json.loads(path.read_text())
    assert content["type"] == "FeatureCollection"
    first = content["features"][0]
    assert first["geometry"]["type"] == "MultiPolygon"
    assert first["properties"]["objectType"] == "annotation"
    assert first["properties"]["classification"] == {"name": "cell", "color": [0x56, 0xB4, 0xE9]}
    assert_masks(geojson_masks(path, (20, 24)), ring_with_hole())


def test_island_in_a_hole_belongs_to_its_own_polygon(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[1:19, 1:19] = 5
    labels[4:16, 4:16] = 0
    labels[7:13, 7:13] = 5
    labels[9:11, 9:11] = 0
    path = export("geojson", [item(labels)], tmp_path).written[0]
    assert_masks(geojson_masks(path, labels.shape), labels)
    parts = json.loads(path.read_text())["features"][0]["geometry"]["coordinates"]
    assert [len(part) for part in parts] == [2, 2]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_rotated_box_of_a_known_rectangle_is_exact(tmp_path: Path) -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[5:9, 10:20] = 65_536
    path = export("rotated-boxes", [item(labels, pixel_size=PixelSize(0.5, 0.5))], tmp_path / "b.csv").written[0]
    (row,) = rows_of(path)
    named = ("label", "length_px", "width_px", "angle_deg", "cx_px", "cy_px", "length_um", "width_um")
    assert [float(row[key]) for key in named] == pytest.approx([65_536, 10, 4, 0, 15, 7, 5, 2])
    corners = {(float(row[f"x{n}_px"]), float(row[f"y{n}_px"])) for n in range(1, 5)}
    assert {(round(x, 6), round(y, 6)) for x, y in corners} == {(10, 5), (20, 5), (20, 9), (10, 9)}


def test_yolo_boxes_are_parts_of_the_image(tmp_path: Path) -> None:
    labels = np.zeros((20, 40), np.int32)
    labels[5:10, 10:20] = 3
    result = export("yolo-obb", [item(labels, objects={3: ObjectInfo(4)})], tmp_path)
    line = (tmp_path / "labels" / "train" / "cells.txt").read_text().split()
    assert line[0] == "1"
    points = np.array(line[1:], float).reshape(4, 2) * (40, 20)
    assert {tuple(np.round(point, 5)) for point in points} == {(10, 5), (20, 5), (20, 10), (10, 10)}
    assert 'names:\n  0: "cell"\n  1: "class 4"\n' in (tmp_path / "data.yaml").read_text()
    assert len(result.written) == 2


def test_yolo_gets_training_and_validation_in_folders_of_their_own(tmp_path: Path) -> None:
    items = [item(np.eye(6), name, split=split) for name, split in (("a", "train"), ("b", "val"))]
    result = export("yolo-obb", items, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in result.written} == {
        "labels/train/a.txt",
        "labels/val/b.txt",
        "data.yaml",
    }
    assert "train: images/train\nval: images/val\n" in (tmp_path / "data.yaml").read_text()
    assert result.folder == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.yaml", "labels"]


def test_yolo_without_validation_images_says_so(tmp_path: Path) -> None:
    result = export("yolo-obb", [item(np.eye(6), split="train")], tmp_path)
    assert "train: images/train\nval: images/train\n" in (tmp_path / "data.yaml").read_text()
    assert any("for validation" in loss for loss in result.losses)


@pytest.mark.parametrize("name", exporters.names())
def test_every_exporter_takes_an_image_without_objects(tmp_path: Path, name: str) -> None:
    result = export(name, [item(np.zeros((8, 9)))], tmp_path / "out")
    assert result.written
    assert all(path.is_file() for path in result.written)


@pytest.mark.parametrize("name", exporters.names())
def test_nothing_is_left_behind_when_an_export_fails(tmp_path: Path, name: str) -> None:
    def broken() -> Labels:
        raise BadInput("second is damaged.")

    bad = ExportItem(name="second", image_path=Path("second.png"), labels=broken)
    with pytest.raises(BadInput):
        export(name, [item(np.eye(5)), bad], tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", exporters.names())
def test_a_full_disk_leaves_nothing_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(DISK, "write", refuse)
    with pytest.raises(DiskError, match="the disk is full") as caught:
        export(name, [item(np.eye(5))], tmp_path / "new" / "out")
    assert TEMP_MARK not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_named_as_the_user_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(DISK, "make_folder", refuse)
    with pytest.raises(DiskError) as caught:
        export("coco", [item(np.eye(5))], tmp_path)
    assert TEMP_MARK not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path.name} could not be written to")


def test_no_images_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no labelled image"):
        export("coco", [], tmp_path / "a.json")


def test_wrong_names_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="no exporter called 'nope'"):
        export("nope", [item(np.eye(3))], tmp_path)
    with pytest.raises(WrongUsage, match="setting 'segmentation'"):
        export("coco", [item(np.eye(3))], tmp_path / "a.json", {"segmentation": "voxels"})


def test_unwritable_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="file"):
        export("label-tiff", [item(np.eye(3))], tmp_path / "file")


def text_cells() -> list[tuple[object, str]]:
    return [
        ("=1+1", "'=1+1"),
        ("@a", "'@a"),
        ("+b", "'+b"),
        ("-c", "'-c"),
        ("plain", "plain"),
        (-1.5, "-1.5"),
        (-3, "-3"),
        (None, ""),
        (float("nan"), ""),
    ]


@pytest.mark.parametrize(("value", "text"), text_cells())
def test_cells_never_start_a_formula(value: object, text: str) -> None:
    assert cell(value) == text


def test_class_names_that_look_like_formulas_are_escaped(tmp_path: Path) -> None:
    classes = ClassTable().add("=HYPERLINK(1)")
    labels = np.zeros((9, 9), np.int32)
    labels[2:5, 2:6] = 1
    more: dict[str, Any] = {"classes": classes, "objects": {1: ObjectInfo(2)}}
    path = export("rotated-boxes", [item(labels, **more)], tmp_path / "b.csv").written[0]
    assert rows_of(path)[0]["class"] == "'=HYPERLINK(1)"


def test_states_of_objects_are_in_tables_coco_and_geojson(tmp_path: Path) -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[5:9, 10:20] = 3
    objects = {3: ObjectInfo(source="model", state="suspicious")}
    table, coco, outlines = (
        export(name, [item(labels, objects=objects)], tmp_path / name).written[0]
        for name in ("measurements", "coco", "geojson")
    )
    assert rows_of(table)[0]["state"] == "suspicious"
    assert json.loads(coco.read_text())["annotations"][0]["state"] == "suspicious"
    assert json.loads(outlines.read_text())["features"][0]["properties"]["metadata"]["state"] == "suspicious"


def test_table_measures_and_names_its_units(tmp_path: Path) -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[5:9, 10:20] = 300
    pixels = np.zeros((30, 40, 2), np.uint16)
    pixels[5:9, 10:20] = (7, 1000)
    more: dict[str, Any] = {
        "pixel_size": PixelSize(0.5, 0.5),
        "image": lambda: pixels,
        "channel_names": ("DAPI", "GFP"),
        "objects": {300: ObjectInfo(source="model")},
    }
    written = export("measurements", [item(labels, **more)], tmp_path / "m.csv").written
    (row,) = rows_of(written[0])
    assert (row["image"], row["label"], row["class"], row["source"]) == ("cells", "300", "cell", "model")
    named = ("area_px", "area_um2", "obb_length_px", "obb_width_um", "obb_angle_deg", "centroid_x", "obb_cy")
    assert [float(row[key]) for key in named] == pytest.approx([40, 10, 10, 2, 0, 15, 7])
    assert [float(row[f"mean_intensity_{name}"]) for name in ("DAPI", "GFP")] == [7, 1000]
    explained = {entry["column"]: entry for entry in rows_of(written[1])}
    assert list(explained) == list(row)
    assert explained["area_um2"]["unit"] == "µm²"
    assert all(entry["meaning"] for entry in explained.values())


def test_table_holds_images_with_and_without_pixel_size_together(tmp_path: Path) -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[2:5, 2:6] = 1
    items = [item(labels, "a"), item(labels, "b", pixel_size=PixelSize(2.0, 2.0))]
    first, second = rows_of(export("measurements", items, tmp_path / "m.csv").written[0])
    assert (first["area_um2"], float(second["area_um2"])) == ("", 48.0)


def test_table_says_which_intensities_are_missing(tmp_path: Path) -> None:
    def gone() -> NDArray[Any]:
        raise BadInput("cells.png was not found.")

    result = export("measurements", [item(np.eye(4), image=gone)], tmp_path / "m.csv")
    assert result.losses == ("cells: intensities were left out. cells.png was not found.",)


@pytest.mark.parametrize("name", ["label-png", "label-tiff", "binary-mask"])
def test_an_export_replaces_neither_the_image_nor_its_labels(tmp_path: Path, name: str) -> None:
    image, labels = tmp_path / "a.png", tmp_path / "a.tif"
    for path in (image, labels):
        path.write_bytes(b"precious")
    item = ExportItem(name="a", image_path=image, labels=lambda: np.ones((4, 4), np.int32), sources=(labels,))
    with suppress(WrongUsage):  # a format whose files are called otherwise may be written
        export(name, [item], tmp_path)
    assert image.read_bytes() == labels.read_bytes() == b"precious"
    assert export(name, [item], tmp_path / "elsewhere").written


def test_label_images_are_not_put_among_the_images(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    tables = export("geojson", [replace(item(np.eye(4)), image_path=images / "cells.png")], images).written
    with pytest.raises(WrongUsage, match="holds the images themselves"):
        export("label-tiff", [replace(item(np.eye(4)), image_path=images / "cells.png")], images, replace=True)
    assert sorted(images.iterdir()) == sorted(tables)


def test_a_folder_in_the_place_of_one_file_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    labels = np.eye(6, dtype=np.int32)
    first, second = (item(labels, name=name) for name in ("a", "b"))
    (kept,) = export("label-tiff", [first], tmp_path).written
    before = kept.read_bytes()
    (tmp_path / kept.name.replace("a", "b", 1)).mkdir()
    with pytest.raises(DiskError, match="is a folder"):
        export("label-tiff", [item(2 * labels, name="a"), second], tmp_path, replace=True)
    assert kept.read_bytes() == before


def test_files_of_an_earlier_export_are_replaced_only_when_asked_for(tmp_path: Path) -> None:
    labels = np.eye(6, dtype=np.int32)
    masks = export("binary-mask", [item(labels)], tmp_path).written
    before = {path: path.read_bytes() for path in masks}
    with pytest.raises(WrongUsage, match=f"would replace {masks[0].name}") as refused:
        export("label-png", [item(labels)], tmp_path)
    assert refused.value.code == "would-replace"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    export("label-png", [item(labels)], tmp_path, replace=True)
    assert masks[0].read_bytes() != before[masks[0]]
