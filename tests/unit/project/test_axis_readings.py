"""What the axes of an image mean: told by the user, obeyed by all who read it, remembered, and never under labels."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.data.dataset import Reading, read_sample
from segstudio.io import coarse_cache
from segstudio.io.read_as import meant_axes, open_as
from segstudio.io.sources import open_image
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project
from segstudio.project.samples import labelled_samples

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 999, (2, 3, 20, 30)).astype(np.uint16)
RING = Polygon(np.array([(2, 2), (12, 2), (12, 12), (2, 12)], float))


@pytest.mark.parametrize(
    ("axes", "letters", "expected"),
    [
        ("TZYX", "ZT", np.reshape(PIXELS, (6, 20, 30))),
        ("TZYX", "CZ", np.moveaxis(PIXELS, 0, -1)),
        ("TZYX", "TC", np.moveaxis(PIXELS, 1, -1)),
        ("ZCYX", "ZC", np.moveaxis(PIXELS, 1, -1)),
        ("ZCYX", "CZ", np.moveaxis(PIXELS, 0, -1)),
        ("ZCYX", "ZT", np.reshape(PIXELS, (6, 20, 30))),
    ],
)
def test_each_meaning_of_the_axes_gives_its_planes(
    tmp_path: Path, axes: str, letters: str, expected: np.ndarray
) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, metadata={"axes": axes}, photometric="minisblack")
    with open_as(tmp_path / "a.ome.tif", letters) as source:
        info = source.info
        assert info.planes == len(expected)
        assert info.channels == (expected.shape[-1] if expected.ndim == 4 else 1)
        for plane in range(info.planes):
            np.testing.assert_array_equal(source.read(plane=plane), expected[plane])
        part = Window(3, 4, 9, 30)
        np.testing.assert_array_equal(source.read(part, info.planes - 1), expected[-1][part.slices])
        assert "".join(letter for letter, _ in meant_axes(info)) == letters.replace("C", "") + "C" * ("C" in letters)


@pytest.mark.parametrize("letters", ["ZZ", "Z", "ZS", "CC", "XY"])
def test_what_axes_cannot_mean_is_refused(tmp_path: Path, letters: str) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, metadata={"axes": "TZYX"}, photometric="minisblack")
    with pytest.raises(BadInput, match=r"a\.ome\.tif cannot be read as it was"):
        open_as(tmp_path / "a.ome.tif", letters)


def test_arrays_of_numpy_say_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PIXELS[0].astype(np.uint8))
    np.save(tmp_path / "flat.npy", PIXELS[0, 0])
    with open_image(tmp_path / "a.npy") as source, open_image(tmp_path / "flat.npy") as flat:
        assert (source.info.sure, flat.info.sure) == (False, True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", PIXELS[0] + (name == "b"), photometric="minisblack")
    project, problems = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    assert not problems
    assert [(entry.axes, entry.sizes) for entry in project.images] == [("I", (3,))] * 2
    project.close()
    return tmp_path / "project"


def test_what_was_said_holds_for_all_who_read_the_image_and_for_its_folder(folder: Path, tmp_path: Path) -> None:
    with Project.open(folder) as project:
        first, second = (entry.id for entry in project.images)
        assert project.axes.alike(first) == [second]
        project.read_axes(first, "C", 0.5)
        project.axes.remember(first)
        assert project.axes.alike(first) == []
    assert "read_as" in (folder / "project.json").read_text()
    assert (folder / "project.json").read_text().count("read_as") == 2, "one image, and the folder"
    tifffile.imwrite(tmp_path / "c.tif", PIXELS[1], photometric="minisblack")
    tifffile.imwrite(tmp_path / "other.tif", PIXELS[1, :2], photometric="minisblack")
    with Project.open(folder) as project:
        project.add_images([tmp_path / "c.tif", tmp_path / "other.tif"])
        found = [(entry.read_as, entry.sizes, entry.channels, entry.pixel_size_um) for entry in project.images]
        assert found == [("C", (), 3, 0.5), ("", (3,), 1, None), ("C", (), 3, 0.5), ("", (2,), 1, None)]
        document = project.document(project.images[0].id)
        assert document.source.read().shape == (20, 30, 3)
        document.apply(RING)
        document.close()
        (sample,) = labelled_samples(project)
        reading = Reading(ChannelPlan("channels", 3), 1, 99)
        (part,) = read_sample(sample, reading)
        assert part.image.shape[0] == 3, "the training sees the same channels"


@pytest.mark.parametrize("open_still", [False, True])
def test_labels_keep_the_planes_on_which_they_were_drawn(folder: Path, open_still: bool) -> None:
    with Project.open(folder) as project:
        image = project.images[0].id
        document = project.document(image)
        document.turn_to(2)
        document.apply(RING)
        if not open_still:
            document.close()
        before = project.label_path(image).read_bytes() if not open_still else b""
        with pytest.raises(BadInput, match="keeps its axes: it has labels"):
            project.read_axes(image, "C", None)
        assert project.entry(image).sizes == (3,)
        project.read_axes(image, "Z", 0.25)
        assert (project.entry(image).axes, project.entry(image).read_as) == ("Z", "Z")
        if not open_still:
            assert project.label_path(image).read_bytes() == before
            assert project.document(image).stack.page(2).labels.values() == {1}


def test_what_is_remembered_badly_is_passed_over(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / "project.json").read_text())
    bad = [7, {"folder": "..", "shape": "I3 20x30", "read_as": "?"}, {"folder": ".."}]
    content["settings"]["axes_of_folders"] = bad
    (folder / "project.json").write_text(json.dumps(content))
    tifffile.imwrite(tmp_path / "c.tif", PIXELS[1], photometric="minisblack")
    with Project.open(folder) as project:
        assert project.add_images([tmp_path / "c.tif"]) == []
        assert project.images[2].axes == "I"


@pytest.mark.parametrize("drawn", [False, True])
def test_axes_of_the_same_length_are_not_exchanged_under_labels(tmp_path: Path, drawn: bool) -> None:
    pixels = np.arange(9, dtype=np.uint8).reshape(3, 3, 1, 1) + np.zeros((3, 3, 20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "ZCYX"})
    with open_as(tmp_path / "a.tif", "ZC") as one, open_as(tmp_path / "a.tif", "CZ") as other:
        assert one.info.stack[1] == other.info.stack[1]
        assert one.read(plane=1)[0, 0].tolist() != other.read(plane=1)[0, 0].tolist()
        assert coarse_cache._mark(one, 1) != coarse_cache._mark(other, 1), "one is not shown for the other"
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    with project:
        image = project.images[0].id
        if drawn:
            document = project.document(image)
            document.apply(RING)
            document.close()
            with pytest.raises(BadInput, match="keeps its axes"):
                project.read_axes(image, "CZ", None)
            assert project.entry(image).read_as == ""
        else:
            project.read_axes(image, "CZ", None)
            assert project.entry(image).read_as == "CZ"
