"""A list of images and classes in the rescue store: only what is this project's is taken, and nothing else removed."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.disk import Disk
from segstudio.project.manifest import Manifest, encode_manifest
from segstudio.project.manifest_file import load_manifest
from segstudio.project.project import Project
from segstudio.project.rescue import RescueStore
from segstudio.project.rescue_manifest import ManifestRescue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.full((20, 30), 1, np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"], rescue=tmp_path / "rescue")
    project.set_name("ours")
    assert project.close()
    return tmp_path / "project"


def store_of(folder: Path) -> RescueStore:
    return RescueStore(folder, load_manifest(folder)[0].name, folder.parent / "rescue")


def held(folder: Path) -> Manifest:
    """Keep a later list, as a disk that refuses leaves it; return the one that the project has."""
    manifest, _ = load_manifest(folder)
    ManifestRescue(store_of(folder)).keep(Manifest("later", manifest.images, manifest.classes, origin=manifest.origin))
    return manifest


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder.parent / "rescue").rglob("*.json"))


def test_a_list_that_the_disk_refused_comes_back_and_goes_from_there(folder: Path) -> None:
    held(folder)
    assert names(folder) == ["project.json"]
    with Project.open(folder, rescue=folder.parent / "rescue") as project:
        assert project.name == "later"
        assert any("comes back now" in words for words in project.warnings)
    assert names(folder) == []
    assert load_manifest(folder)[0].name == "later"


@pytest.mark.parametrize("content", ["[]", "{}", "{", '{"content": 7}', "null"])
def test_what_is_no_list_of_this_project_is_passed_by_and_stays(folder: Path, content: str) -> None:
    manifest = held(folder)
    (path,) = (folder.parent / "rescue").rglob("project.json")
    other = path.with_name("project-2.json")
    other.write_text(content)
    newest, words = ManifestRescue(store_of(folder)).bring_back(folder, manifest, Disk())
    assert newest.name == "later"
    assert len(words) == 1
    assert other.read_text() == content


def test_a_list_of_an_owner_that_cannot_be_read_is_passed_by(folder: Path) -> None:
    manifest = held(folder)
    (path,) = (folder.parent / "rescue").rglob("project.json")
    for harm in ({"content": 7}, {"content": "{}"}, {"content": "x" * 99}):
        path.write_text(json.dumps({**json.loads(path.read_text()), **harm}))
        assert ManifestRescue(store_of(folder)).bring_back(folder, manifest, Disk()) == (manifest, [])
        assert path.exists()


def test_a_list_that_the_project_has_already_is_only_remembered(folder: Path) -> None:
    manifest, _ = load_manifest(folder)
    ManifestRescue(store_of(folder)).keep(manifest)
    rescue = ManifestRescue(store_of(folder))
    assert rescue.bring_back(folder, manifest, Disk()) == (manifest, [])
    assert names(folder) == ["project.json"]
    rescue.clear()
    assert names(folder) == []
    assert encode_manifest(load_manifest(folder)[0]) == encode_manifest(manifest)


def test_the_second_of_two_lists_with_one_beginning_is_kept_beside_the_project(folder: Path) -> None:
    manifest = held(folder)
    ManifestRescue(store_of(folder)).keep(Manifest("second", manifest.images, manifest.classes, origin=manifest.origin))
    assert names(folder) == ["project-2.json", "project.json"]
    newest, words = ManifestRescue(store_of(folder)).bring_back(folder, manifest, Disk())
    kept = json.loads((folder / "project.kept-1.json").read_bytes())["name"]
    assert {newest.name, kept} == {"later", "second"}
    assert sorted("Both are kept" in sentence for sentence in words) == [False, True]
