"""Which places outside of a project are read: those from which the user has taken images, and no others."""

import json
import ntpath
import os
import posixpath
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.project import linked_folders
from segstudio.project.linked_folders import is_beside, is_linked, link, linked_folders_file, unlinked_folders
from segstudio.project.manifest import MANIFEST, ImageEntry
from segstudio.project.project import Project


@pytest.mark.parametrize(
    ("image", "beside"),
    [
        ("a.tif", True),
        ("images/a.tif", True),
        ("../images/a.tif", True),
        ("../../a.tif", False),
        ("images/../../../a.tif", False),
        ("\\\\evil\\share\\a.tif", False),
        ("//evil/share/a.tif", False),
        ("\\\\?\\UNC\\evil\\share\\a.tif", False),
        ("\\\\.\\pipe\\a", False),
        ("/Windows/a.tif", False),
        ("C:\\Windows\\a.tif", False),
        ("c:\\DATA\\Cells\\a.tif", True),
        ("D:a.tif", False),
        ("..\\cells-of-others\\a.tif", True),
        ("..", False),
    ],
)
def test_names_of_windows_that_lead_out_are_known(image: str, beside: bool) -> None:
    assert is_beside("C:\\data\\cells", image, ntpath) is beside


@pytest.mark.parametrize(
    ("image", "beside"),
    [("a.tif", True), ("../a.tif", True), ("../../a.tif", False), ("/etc/passwd", False), ("//host/a.tif", False),
     ("/data/cells/a.tif", True), ("/data/cellsa.tif", True), ("/database/a.tif", False)],
)  # fmt: skip
def test_names_of_other_systems_that_lead_out_are_known(image: str, beside: bool) -> None:
    assert is_beside("/data/cells", image, posixpath) is beside


def test_a_project_at_the_root_of_a_drive_reaches_no_further_than_itself() -> None:
    assert is_beside("E:\\cells", "a.tif", ntpath)
    assert not is_beside("E:\\cells", "..\\secret.tif", ntpath)
    assert not is_beside("\\\\lab\\data\\cells", "\\\\evil\\data\\a.tif", ntpath)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Write an image far from the folder of a project."""
    (tmp_path / "far" / "away").mkdir(parents=True)
    tifffile.imwrite(tmp_path / "far" / "away" / "a.tif", np.zeros((32, 32), np.uint8))
    return tmp_path / "far" / "away" / "a.tif"


@pytest.fixture
def folder(tmp_path: Path, elsewhere: Path) -> Path:
    (tmp_path / "mine").mkdir()
    Project.create(tmp_path / "mine" / "cells", [elsewhere])[0].close()
    return tmp_path / "mine" / "cells"


def _as_another_user() -> None:
    """Forget what was linked: the project comes from somebody else."""
    linked_folders_file().unlink()
    linked_folders._known.clear()


@contextmanager
def _touched(folder: Path) -> Iterator[list[str]]:
    """Listen to the names below `folder` that are opened or listed."""
    found: list[str] = []
    listening = True

    def hook(event: str, args: tuple[object, ...]) -> None:
        if listening and event in ("open", "os.listdir", "os.scandir") and str(args[0]).startswith(str(folder)):
            found.append(f"{event} {args[0]}")

    sys.addaudithook(hook)
    yield found
    listening = False


def test_images_that_the_user_added_are_read_also_in_a_later_sitting(folder: Path, elsewhere: Path) -> None:
    linked_folders._known.clear()
    with Project.open(folder) as project:
        (entry,) = project.images
        assert project.image_path(entry.id) == elsewhere
        assert project.document(entry.id).source.read().shape == (32, 32)
        assert unlinked_folders(folder, project.images) == {}


def test_images_that_somebody_else_linked_are_not_touched(folder: Path, elsewhere: Path) -> None:
    _as_another_user()
    with Project.open(folder) as project, _touched(elsewhere.parent) as touched:
        (entry,) = project.images
        with pytest.raises(BadInput, match=r"a\.tif lies outside of this project, in .*away, and is not read"):
            project.document(entry.id)
        project.find_moved(folder)
        assert unlinked_folders(folder, project.images) == {elsewhere.parent: 1}
    assert touched == []
    assert json.loads((folder / MANIFEST).read_bytes())["images"][0]["path"] == str(elsewhere), "the link is kept"


def _entries(paths: list[str]) -> list[ImageEntry]:
    return [ImageEntry(str(number), path, "a.tif", "a", 8, 8, 1, "uint8") for number, path in enumerate(paths)]


def test_each_folder_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    look = linked_folders.is_beside

    def counted(folder: str, image: str) -> bool:
        asked.append(image)
        return look(folder, image)

    monkeypatch.setattr(linked_folders, "is_beside", counted)
    paths = [f"../../{far}/{number}.tif" for far in ("b", "c") for number in range(500)]
    places = {(tmp_path / "b").resolve(): 500, (tmp_path / "c").resolve(): 500}
    assert unlinked_folders(tmp_path / "x" / "y", _entries(paths)) == places
    assert len(asked) == 2


def test_folders_are_told_apart_also_by_odd_paths(tmp_path: Path) -> None:
    odd = [
        "a.tif",
        "..",
        "../..",
        "../../..",
        "..//b.tif",
        "../../b/",
        "../../b/.",
        "../../b/a.tif",
        "../../b/../c/a.tif",
    ]
    folder, one_by_one = tmp_path / "x" / "y", dict[Path, int]()
    for entry in _entries(odd):
        for place, count in unlinked_folders(folder, [entry]).items():
            one_by_one[place] = one_by_one.get(place, 0) + count
    assert one_by_one
    assert unlinked_folders(folder, _entries(odd)) == one_by_one


def test_a_link_that_is_confirmed_is_read(folder: Path, elsewhere: Path) -> None:
    _as_another_user()
    link([elsewhere.parent])
    assert is_linked(elsewhere.parent)
    assert not is_linked(elsewhere.parent.parent)
    with Project.open(folder) as project:
        assert project.document(project.images[0].id).source.read().shape == (32, 32)


def test_an_image_that_the_user_finds_is_linked(folder: Path, elsewhere: Path, tmp_path: Path) -> None:
    _as_another_user()
    moved = tmp_path / "other place" / "a.tif"
    moved.parent.mkdir()
    os.replace(elsewhere, moved)  # noqa: PTH105 - as another program would
    with Project.open(folder) as project:
        project.relocate(project.images[0].id, moved)
        assert project.image_path(project.images[0].id) == moved


def test_a_list_that_cannot_be_written_holds_for_this_sitting(elsewhere: Path) -> None:
    linked_folders_file().parent.parent.mkdir(parents=True, exist_ok=True)
    linked_folders_file().parent.write_bytes(b"a file where a folder should be")
    link([elsewhere.parent])
    assert is_linked(elsewhere.parent)
    linked_folders._known.clear()
    assert not is_linked(elsewhere.parent)


def test_a_damaged_list_is_an_empty_one(elsewhere: Path) -> None:
    linked_folders_file().parent.mkdir(parents=True)
    linked_folders_file().write_bytes(b"\xff\xfe\n" * 9)
    assert not is_linked(elsewhere.parent)
