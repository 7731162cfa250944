"""Images of files that hold several: none is taken twice, none leads out of its file, and each is found again."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.sources import BaseSource, ImagePart, open_image
from segstudio.labels.edits import Polygon
from segstudio.project.intake import Intake
from segstudio.project.project import Project
from segstudio.session.file_parts import files_with_parts


def _series(path: Path, images: int = 2) -> Path:
    with tifffile.TiffWriter(path, ome=True) as file:
        for number in range(images):
            pixels = np.full((2, 20, 30), number, np.uint8)
            file.write(pixels, metadata={"axes": "ZYX"}, photometric="minisblack")
    return path


@pytest.mark.parametrize("name", ["../secret.tif", "/secret.tif", "C:secret.tif", ""])
def test_no_image_that_a_file_names_leads_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = _series(tmp_path / "a.ome.tif")

    def opened(path: Path) -> BaseSource:
        source = open_image(path)
        source.parts, source.part = (ImagePart("1", ""), ImagePart(name, "")), name
        return source

    monkeypatch.setattr("segstudio.session.file_parts.open_image", opened)
    monkeypatch.setattr("segstudio.project.intake.open_image", opened)
    assert files_with_parts([path]) == []
    with pytest.raises(BadInput, match="does not lie in it"):
        Intake(tmp_path / "project", ()).look(path)


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return the project of a version that knew no parts: it holds ``a.ome.tif``."""
    with monkeypatch.context() as before:
        before.setattr("segstudio.io.tiff.ome_images", lambda *_: ())
        project, problems = Project.create(tmp_path / "project", [_series(tmp_path / "a.ome.tif")])
    assert not problems
    assert [entry.path for entry in project.images] == ["../a.ome.tif"]
    return project


@pytest.mark.parametrize("chosen", ["a.ome.tif", "a.ome.tif/1", "copy.ome.tif", "copy.ome.tif/1"])
def test_the_first_image_of_a_file_is_not_added_again_beside_the_file(
    tmp_path: Path, earlier: Project, chosen: str
) -> None:
    shutil.copy(tmp_path / "a.ome.tif", tmp_path / "copy.ome.tif")
    (problem,) = earlier.add_images([tmp_path / chosen])
    assert "in the project already" in problem
    assert earlier.add_images([tmp_path / "a.ome.tif" / "2"]) == []
    assert [entry.name for entry in earlier.images] == ["a.ome.tif", "a.ome.tif › 2"]
    assert earlier.close()


def test_the_same_image_in_a_copy_of_a_file_is_noticed(tmp_path: Path) -> None:
    project, problems = Project.create(tmp_path / "project", [_series(tmp_path / "a.ome.tif")])
    assert not problems
    shutil.copy(tmp_path / "a.ome.tif", tmp_path / "copy.ome.tif")
    (problem,) = project.add_images([tmp_path / "copy.ome.tif"])
    assert problem == "copy.ome.tif › 1 is the same image as a.ome.tif › 1, which is in the project already."
    assert project.close()


def test_labels_that_an_earlier_version_left_come_back_with_the_first_image(tmp_path: Path, earlier: Project) -> None:
    (entry,) = earlier.images
    document = earlier.document(entry.id)
    turn = np.array([[3.0, 3.0], [12.0, 3.0], [12.0, 12.0], [3.0, 12.0]])
    document.apply(Polygon(turn))
    assert document.close()
    earlier.remove_images([entry.id])
    assert earlier.add_images([tmp_path / "a.ome.tif"]) == []
    (again,) = earlier.images
    assert (again.id, again.stem, again.objects, again.path) == (entry.id, entry.stem, 1, "../a.ome.tif/1")
    assert earlier.close()


@pytest.mark.parametrize("name", ["a › b.ome.tif", "a.ome.tif"])
def test_images_are_found_again_whatever_signs_their_names_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "moved").mkdir()
    _series(tmp_path / "images" / name)
    tifffile.imwrite(tmp_path / "images" / "c › d.tif", np.ones((20, 30), np.uint8))
    paths = [tmp_path / "images" / name / "1", tmp_path / "images" / name / "2", tmp_path / "images" / "c › d.tif"]
    project, problems = Project.create(tmp_path / "project", paths)
    assert not problems
    for file in (tmp_path / "images").iterdir():
        file.rename(tmp_path / "moved" / file.name)
    single = project.images[-1]
    assert single.name == "c › d.tif"
    project.relocate(single.id, tmp_path / "moved" / "c › d.tif")
    assert project.find_moved(tmp_path / "moved") == 2
    assert [entry.path for entry in project.images] == [
        f"../moved/{name}/1",
        f"../moved/{name}/2",
        "../moved/c › d.tif",
    ]
    assert project.close()
