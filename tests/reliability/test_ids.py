"""Ids at which other programs break go through save, journal, export and import unchanged, or are refused in words."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from reliability.cases import Cases

from segstudio.core.errors import BadInput
from segstudio.export.base import ExportItem, export, exporters
from segstudio.io.labels_file import read_label_tiff, write_label_tiff
from segstudio.io.labels_import import read_labels
from segstudio.io.objects_file import read_objects, write_objects
from segstudio.labels.edits import Polygon
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.project.mask_import import TakeLabels
from segstudio.project.project import Project

# Of pycocotools, whose arrays do not know the newest arguments of numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
_SHAPE = (12, 14)
IDS = (1, 2, 254, 255, 256, 257, 65_534, 65_535, 65_536, 65_537, 2**24 - 1, 2**24, 2**24 + 1, 2**31 - 2, 2**31 - 1)
#: Formats that hold no ids: what they hold instead is counted.
_WITHOUT_IDS = {"binary-mask", "class-mask", "yolo-obb"}
Labels = NDArray[np.int32]


@st.composite
def label_images(draw: st.DrawFn) -> Labels:
    """Blocks of 2 by 2 pixels, so that every object has an area."""
    blocks = draw(arrays(np.int32, (_SHAPE[0] // 2, _SHAPE[1] // 2), elements=st.sampled_from((0, 0, *IDS))))
    return np.kron(blocks, np.ones((2, 2), np.int32)).astype(np.int32)


def the_ids(labels: Labels) -> set[int]:
    return set(np.unique(labels).tolist()) - {0}


def _coco_labels(path: Path) -> Labels:
    content = json.loads(path.read_text("utf-8"))
    size = content["images"][0]["height"], content["images"][0]["width"]
    labels = np.zeros(size, np.int32)
    for entry in content["annotations"]:
        held = entry["segmentation"]
        runs = coco_mask.merge(coco_mask.frPyObjects(held, *size)) if isinstance(held, list) else held
        labels[coco_mask.decode(runs).astype(bool)] = entry["object_id"]
    return labels


def _named(path: Path) -> set[int]:
    """Return the ids that a file names, of a format without pixels."""
    if path.suffix == ".geojson":
        return {int(feature["properties"]["name"]) for feature in json.loads(path.read_text("utf-8"))["features"]}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {int(row.get("label") or row["id"]) for row in csv.DictReader(file)}


def _draw(check: Callable[[Labels], None], seed: int, count: int) -> None:
    """Judge so many label images; a failure names the seed that draws them again."""
    limits = settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    try:
        drawn_from(seed)(limits(given(label_images())(check)))()
    except BaseException as problem:
        problem.add_note(f"seed {seed}")
        raise


def test_saved_and_opened_again_every_id_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    cases: Cases,
    seed: int,
) -> None:

    def check(labels: Labels) -> None:
        folder = tmp_path_factory.mktemp("ids")
        Image.fromarray(np.zeros(_SHAPE, np.uint8)).save(folder / "a.png")
        project, _ = Project.create(folder / "p", folder / "a.png")
        (image_id,) = (entry.id for entry in project.images)
        info = {object_id: ObjectInfo(class_id=1) for object_id in the_ids(labels)}
        document = project.document(image_id)
        document.apply(TakeLabels(LabelMap.from_array(labels), info, complete=False))
        assert np.array_equal(document.planes.labels.to_array(), labels)
        ring = [(3.0, 3.0), (9.0, 3.0), (9.0, 9.0), (3.0, 9.0)]
        if document.apply(Polygon(ring)) is not None:  # with an id of its own, whatever is there
            document.undo()
        project.close()
        with Project.open(folder / "p") as again:
            assert np.array_equal(again.document(image_id).planes.labels.to_array(), labels)
            assert dict(again.document(image_id).planes.objects) == info
            published = again.label_path(image_id)
        if labels.any():
            assert np.array_equal(tifffile.imread(published), labels)

    for number in cases(merge=1, nightly=40, release=200, each=25):
        _draw(check, seed + number, 25)


def test_label_file_and_table_hold_every_id(tmp_path: Path, cases: Cases, seed: int) -> None:

    def check(labels: Labels) -> None:
        write_label_tiff(tmp_path / "a.tif", LabelMap.from_array(labels))
        assert np.array_equal(read_label_tiff(tmp_path / "a.tif").to_array(), labels)
        for read in (tifffile.imread, lambda path: np.asarray(Image.open(path))):
            assert np.array_equal(np.asarray(read(tmp_path / "a.tif"), np.int64), labels)
        table = {object_id: ObjectInfo(class_id=2) for object_id in the_ids(labels)}
        write_objects(tmp_path / "a.json", table, max(table, default=0) + 1)
        assert read_objects(tmp_path / "a.json")[0] == table

    for number in cases(merge=1, nightly=50, release=200, each=100):
        _draw(check, seed + number, 100)


@pytest.mark.parametrize("name", sorted(name for name, _ in exporters))
def test_an_export_holds_every_id_or_is_refused(tmp_path: Path, name: str, cases: Cases, seed: int) -> None:

    def check(labels: Labels) -> None:
        item = ExportItem(name="cells", image_path=Path("cells.png"), labels=lambda: labels)
        try:
            written = export(name, [item], tmp_path, replace=True).written
        except BadInput as refusal:
            largest = max(the_ids(labels))
            assert (name, refusal.code, largest > 65_535) == ("label-png", "export-ids", True)  # noqa: PT017
            assert f"{largest:,}" in str(refusal)  # noqa: PT017
            return
        assert name != "label-png" or max(the_ids(labels), default=0) <= 65_535
        if name == "coco":
            assert np.array_equal(_coco_labels(written[0]), labels)
        elif name in ("label-tiff", "label-png"):
            assert np.array_equal(np.asarray(Image.open(written[0])).astype(np.int64), labels)
            back, words = read_labels(written[0], _SHAPE)
            assert words or np.array_equal(back, labels), "taken in with other ids, and nothing said"
        elif name not in _WITHOUT_IDS:
            assert _named(next(path for path in written if path.suffix in (".geojson", ".csv"))) == the_ids(labels)

    for number in cases(merge=1, nightly=25, release=125, each=40):
        _draw(check, seed + number, 40)


@pytest.mark.parametrize("kind", ["npy", "tif"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint32", "int64"])
def test_an_import_keeps_every_id_or_says_what_became_of_it(tmp_path: Path, kind: str, dtype: str) -> None:
    for top in (*IDS, 2**31, 2**32 - 1):
        labels = np.zeros(_SHAPE, np.int64)
        labels[1:4, 1:4], labels[6:9, 2:8] = top, 7
        stored = labels.astype(dtype)
        if not np.array_equal(stored.astype(np.int64), labels):
            continue  # 2^24 + 1 has no place in a float32: nothing that could be read is wrong
        path = tmp_path / f"{dtype}-{top}.{kind}"
        if kind == "npy":
            np.save(path, stored)
        else:
            tifffile.imwrite(path, stored)
        try:
            found, words = read_labels(path, _SHAPE)
        except BadInput as refusal:
            assert "ids" in str(refusal) or "values" in str(refusal)  # noqa: PT017
        else:
            assert words or np.array_equal(found, labels), (top, np.unique(found))
