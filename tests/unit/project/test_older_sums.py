"""Sums of last week that a sync program has put back: the journal knows that the label files are our own."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.labels.edits import RegionFill, RegionStroke, Relabel, Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SHAPE = (600, 700)


def draw(document: ImageDocument, *ids: int) -> None:
    for number in ids:
        document.apply(Stroke(np.array([[40.0 * number, 30.0 * number]]), 12, number))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project with the sums of an earlier session, in which a mask lies under what was drawn."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    with project:
        document = project.document(project.images[0].id)
        draw(document, 1, 14)
        document.apply(RegionFill(None, 1))
    shutil.copytree(tmp_path / "project" / ".segstudio" / "sums", tmp_path / "sums")
    shutil.copy(tmp_path / "project" / "labels" / "img.tif", tmp_path / "older.tif")
    with Project.open(tmp_path / "project") as project:
        document = project.document(project.images[0].id)
        draw(document, 2, 3)
        document.undo()
        document.apply(Relabel((1,), 3))
        document.apply(RegionStroke(np.array([[100.0, 100.0]]), 20, 2))
    return tmp_path / "project"


def put_back(folder: Path) -> None:
    sums = folder / ".segstudio" / "sums"
    manifest = (sums / "_project.json").read_bytes()
    shutil.copytree(folder.parent / "sums", sums, dirs_exist_ok=True)
    (sums / "_project.json").write_bytes(manifest)


def kept(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.foreign-*")]


def test_older_sums_call_nothing_changed(folder: Path) -> None:
    labels = tifffile.imread(folder / "labels" / "img.tif")
    put_back(folder)
    assert verify_project(folder).findings == ()
    with Project.open(folder, read_only=True) as project:
        assert project.document(project.images[0].id).notices == []
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert document.notices == []
        assert np.array_equal(document.planes.labels.to_array(), labels)
        while document.undo() is not None:
            pass
        assert document.planes.blank
        draw(document, 5)
    assert kept(folder) == []
    assert verify_project(folder).whole


def test_they_are_learnt_anew_before_anything_is_saved(folder: Path) -> None:
    put_back(folder)
    with Project.open(folder) as project:
        assert project.document(project.images[0].id).notices == []
    assert verify_project(folder).whole


@pytest.mark.parametrize("place", [(0, 0), (30, 40), (599, 699)], ids=["beside", "in an object", "nobody was there"])
def test_what_another_program_has_changed_is_noticed_beside_older_sums(folder: Path, place: tuple[int, int]) -> None:
    put_back(folder)
    path = folder / "labels" / "img.tif"
    labels = tifffile.imread(path)
    ours = labels.copy()
    labels[place] = 77
    tifffile.imwrite(path, labels)
    assert [finding.file for finding in verify_project(folder).damage] == ["labels/img.tif"]
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert any("img.tif was changed" in notice for notice in document.notices)
        assert np.array_equal(document.planes.labels.to_array(), ours)
    assert kept(folder) == ["img.foreign-1.tif"]


def test_an_older_label_file_is_noticed_beside_newer_sums(folder: Path) -> None:
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        draw(document, 7)
        newest = document.planes.labels.to_array()
    shutil.copyfile(folder.parent / "older.tif", folder / "labels" / "img.tif")
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert any("img.tif was changed" in notice for notice in document.notices)
        assert np.array_equal(document.planes.labels.to_array(), newest)
    assert kept(folder) == ["img.foreign-1.tif"]
