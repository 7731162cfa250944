"""`segstudio info` and `segstudio export`, as a user types them."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.cli.main import main
from segstudio.core.tiles import Window
from segstudio.labels.edits import PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of two images, the first labelled."""
    folder = tmp_path / "images"
    folder.mkdir()
    known = cells((64, 80), count=4)
    for name, image in (("a", known.image), ("b", cells((64, 80), seed=1).image)):
        tifffile.imwrite(folder / f"{name}.tif", image, resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
    made, _ = Project.create(tmp_path / "project", folder, "cells")
    with made:
        document = made.document(made.images[0].id)
        infos = {object_id: ObjectInfo() for object_id in range(1, int(known.labels.max()) + 1)}
        document.apply(PasteLabels(known.labels, Window.whole((64, 80)), infos))
    return tmp_path / "project"


def test_export_writes_what_was_labelled(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(project), "--format", "label-tiff", "--out", str(tmp_path / "out")]) == 0
    written = capsys.readouterr().out.split()
    assert [Path(name).name for name in written] == ["a.tif"]
    assert np.array_equal(tifffile.imread(written[0]) > 0, cells((64, 80), count=4).labels > 0)


def test_export_measures_in_micrometres(project: Path, tmp_path: Path) -> None:
    assert main(["export", str(project), "--format", "measurements", "--out", str(tmp_path / "m.csv"), "--quiet"]) == 0
    header, *rows = (tmp_path / "m.csv").read_text("utf-8-sig").splitlines()
    assert {"area_um2", "mean_intensity", "pixel_size_um"} <= set(header.split(","))
    assert len(rows) == 4


def test_export_takes_settings_and_single_images(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.json"
    words = ["export", str(project), "--format", "coco", "--out", str(out), "--images", "b.tif"]
    assert main([*words, "--export.segmentation", "rle", "--quiet"]) == 0
    assert json.loads(out.read_text())["images"][0]["file_name"] == "b.tif"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--format", "nope"], 2, "no exporter called 'nope'"),
        (["--format", "coco", "--images", "zebra"], 3, "zebra"),
    ],
)
def test_export_says_what_is_wrong(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(["export", str(project), *words, "--out", str(tmp_path / "x")]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_info_describes_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(tmp_path / "good.tif", np.zeros((5, 30, 40), np.uint16))
    (tmp_path / "bad.tif").write_bytes(b"")
    assert main(["info", str(tmp_path / "good.tif"), str(tmp_path / "bad.tif"), "--json"]) == 3
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["axes"], good["shape"], good["dtype"], good["kind"]) == ("IYX", [5, 30, 40], "uint16", "gray")
    assert good["planes"] == 5
    assert bad["error"] == "bad.tif is empty (0 bytes)."
    assert bad["hint"]
    assert main(["info", str(tmp_path / "good.tif")]) == 0
    assert "axes IYX, 5 × 30 × 40" in capsys.readouterr().out


def test_info_names_what_a_file_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"], file["more/b"] = np.zeros((5, 6), np.uint8), np.zeros((7, 8), np.uint8)
    assert main(["info", str(tmp_path / "a.h5"), str(tmp_path / "a.h5" / "more" / "b")]) == 0
    said = capsys.readouterr().out
    assert "holds raw (5 × 6, uint8), more/b (7 × 8, uint8)" in said
    assert "axes YX, 7 × 8" in said


def test_info_notices_broken_pixels_behind_a_good_header(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8), compression="zlib")
    data = bytearray(path.read_bytes())
    data[-2000:] = bytes(2000)
    path.write_bytes(data)
    assert main(["info", str(path)]) == 3


@pytest.mark.parametrize("name", ["label-tiff", "geojson", "measurements"])
def test_an_image_that_is_gone_keeps_no_labels_back(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ["export", str(project), "--format", name, "--out"]
    assert main([*words, str(tmp_path / "before")]) == 0
    with Project.open(project, read_only=True) as opened:
        opened.image_path(opened.images[0].id).unlink()
    capsys.readouterr()
    assert main([*words, str(tmp_path / "after")]) == 0
    before, after = (sorted(path.name for path in (tmp_path / part).iterdir()) for part in ("before", "after"))
    assert after == before
    if name == "measurements":
        assert "intensities" in capsys.readouterr().err


def test_an_image_whose_labels_are_damaged_is_left_out_and_named(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(project) as opened:
        document = opened.document(opened.images[1].id)
        document.apply(PasteLabels(np.full((9, 9), 1, np.int32), Window(3, 3, 12, 12), {1: ObjectInfo()}))
        document.close()
        for entry in opened.images:
            shutil.rmtree(opened.files(entry.id).journal)
        first, second = (opened.files(entry.id).labels for entry in opened.images)
    first.write_bytes(first.read_bytes()[:-40])
    words = ["export", str(project), "--format", "label-tiff", "--out"]
    assert main([*words, str(tmp_path / "one")]) == 3
    told = capsys.readouterr()
    assert [Path(name).name for name in told.out.split()] == ["b.tif"]
    (last,) = told.err.splitlines()
    assert last.startswith("a.tif was left out: The labels of a.tif cannot be opened: labels/a.tif is damaged")
    assert np.array_equal(tifffile.imread(tmp_path / "one" / "b.tif"), tifffile.imread(second))
    assert main([*words, str(tmp_path / "named"), "--images", "a", "b"]) == 3
    assert [path.name for path in (tmp_path / "named").iterdir()] == ["b.tif"]
    capsys.readouterr()
    second.write_bytes(second.read_bytes()[:-40])
    assert main([*words, str(tmp_path / "none")]) == 3
    assert "labels/a.tif is damaged" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
