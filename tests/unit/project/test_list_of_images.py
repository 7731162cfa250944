"""The list of images and classes: saves that end in the middle, folders that were there before, who else has it."""

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk, DiskError
from segstudio.project.layout import Layout
from segstudio.project.manifest import BACKUP, MANIFEST, Manifest
from segstudio.project.manifest_file import sums_of_manifest
from segstudio.project.manifest_saving import ManifestSaving
from segstudio.project.project import Project
from segstudio.project.verify import verify_project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a closed project of one image."""
    tifffile.imwrite(tmp_path / "a.tif", np.full((20, 30), 1, np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.set_name("ours")
    assert project.close()
    return tmp_path / "project"


def left_open(folder: Path, **owner: object) -> Path:
    """Let the lock name an owner who has not closed the project; return the lock."""
    lock = Layout(folder).lock
    lock.write_text(json.dumps({"pid": 12, "user": "anna", **owner}))
    return lock


def renamed(folder: Path, name: str) -> None:
    with Project.open(folder) as project:
        project.set_name(name)


def test_a_kill_between_the_two_files_leaves_the_newer_list_and_no_accusation(folder: Path) -> None:
    older = folder.parent / "older.json"
    shutil.copy2(folder / MANIFEST, older)
    renamed(folder, "newer")
    shutil.copy2(older, folder / MANIFEST)
    left_open(folder)
    with Project.open(folder) as project:
        assert project.name == "newer"
        assert project.warnings == []
        project.set_name("newest")
    assert list(folder.glob("project.foreign*")) == []
    assert json.loads((folder / MANIFEST).read_bytes())["name"] == "newest"
    assert json.loads((folder / BACKUP).read_bytes())["name"] == "newest"


def test_an_older_list_in_a_project_that_was_closed_was_put_there(folder: Path) -> None:
    older = folder.parent / "older.json"
    shutil.copy2(folder / MANIFEST, older)
    renamed(folder, "newer")
    shutil.copy2(older, folder / MANIFEST)
    with Project.open(folder) as project:
        assert project.name == "newer"
        assert [words for words in project.warnings if "An older project.json was put in the place" in words]


@pytest.mark.parametrize("put_back", ["the list", "its sums"])
def test_another_state_of_our_own_that_was_put_back_is_not_called_a_change_of_a_stranger(
    folder: Path, put_back: str
) -> None:
    paths = [folder / MANIFEST, folder / BACKUP] if put_back == "the list" else [sums_of_manifest(folder)]
    older = [path.read_bytes() for path in paths]
    for number in range(5):
        renamed(folder, f"newer {number}")
    for path, data in zip(paths, older, strict=True):
        path.write_bytes(data)
    found = [(finding.file, finding.wrong) for finding in verify_project(folder).findings]
    assert [name for name, _ in found] == [MANIFEST]
    assert "a sync program or a backup has put back" in found[0][1]
    with Project.open(folder) as project:
        (words,) = project.warnings
        assert "a sync program or a backup has put back another state" in words
        assert "look whether all images and classes are there" in words


class LateRefusal(Disk):
    """Refuses to make names durable in the folder of a project, after the renames, as long as it is `failing`."""

    failing = False

    def sync_folder(self, folder: Path) -> None:
        if self.failing and (folder / MANIFEST).exists():
            raise OSError(5, os.strerror(5))
        super().sync_folder(folder)


def test_a_save_that_was_refused_late_is_not_taken_for_one_of_another_program(folder: Path) -> None:
    disk = LateRefusal()
    with Project.open(folder, disk=disk) as project:
        disk.failing = True
        project.set_name("newer")
        with pytest.raises(DiskError, match=r"could not be saved"):
            project.save()
        disk.failing = False
        project.set_name("newest")
        project.save()
        assert project.warnings == []
    assert json.loads((folder / MANIFEST).read_bytes())["name"] == "newest"
    assert list(folder.glob("project.foreign*")) == []


class Full(Disk):
    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        raise OSError(28, os.strerror(28))


@pytest.mark.parametrize("before", [True, False])
def test_a_project_that_cannot_be_made_leaves_what_was_there_before(tmp_path: Path, before: bool) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((20, 30), 1, np.uint8))
    internal = Layout(tmp_path / "project").internal
    if before:
        internal.mkdir(parents=True)
        (internal / "of another program").write_text("a")
    with pytest.raises(DiskError, match="the disk is full"):
        Project.create(tmp_path / "project", [tmp_path / "a.tif"], disk=Full())
    assert (tmp_path / "project").exists() is before
    assert not (tmp_path / "project" / MANIFEST).exists()
    if before:
        assert (internal / "of another program").read_text() == "a"
    Project.create(tmp_path / "project", [tmp_path / "a.tif"])[0].close()


@pytest.mark.parametrize("owner", [{"host": "lab-7", "computer": "0123456789abcdef"}, {"host": "lab-7"}])
def test_a_project_that_another_computer_has_not_closed_is_the_users_to_take(
    folder: Path, owner: dict[str, object]
) -> None:
    lock = left_open(folder, **owner)
    with pytest.raises(UserError, match=r"was not closed on another computer \(anna, lab-7, process 12\)") as caught:
        Project.open(folder)
    assert "take the project over" in caught.value.hint
    assert json.loads(lock.read_text())["host"] == "lab-7"
    with Project.open(folder, read_only=True) as project:
        assert project.name == "ours"
    lock.unlink()
    with Project.open(folder) as project:
        assert project.name == "ours"


def test_in_a_project_of_a_newer_program_the_newer_program_is_what_lacks(folder: Path) -> None:
    content = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps({**content, "schema_version": 99}))
    with (
        Project.open(folder, read_only=True) as project,
        pytest.raises(UserError, match="a newer SegStudio wrote the project") as caught,
    ):
        project.set_split(project.images[0].id, "train")
    assert caught.value.hint == "Update SegStudio to change something."


class Store:
    """Stands in for the rescue store of a list."""

    place = None

    def __init__(self) -> None:
        self.kept: list[Manifest] = []

    @property
    def held(self) -> list[Manifest]:
        return self.kept

    def keep(self, manifest: Manifest) -> None:
        self.kept.append(manifest)

    def clear(self) -> None:
        self.kept.clear()

    def tell(self) -> None:
        pass


def test_nothing_is_saved_after_closing_nor_rescued_that_the_disk_has_taken(folder: Path) -> None:
    store, saved = Store(), list[Manifest]()
    saving = ManifestSaving(folder, lambda: Manifest("later", ()), saved.append, Disk())
    saving.rescue = store  # type: ignore[assignment]
    saving.save()
    saving._look()  # its time was over when the disk answered
    assert store.kept == []
    assert saving.rescued_because() is saving.unsaved is None
    assert [manifest.name for manifest in saved] == ["later"]
    saving.close()
    before = (folder / MANIFEST).read_bytes()
    saving.save()
    saving.save_soon()
    assert len(saved) == 1
    assert (folder / MANIFEST).read_bytes() == before


class Synced(Disk):
    """Notes what is synced: the content of files that can be read, and folders."""

    def __init__(self) -> None:
        self.synced: list[bytes | Path] = []

    def sync(self, descriptor: int) -> None:
        with suppress(OSError):
            self.synced.append(os.pread(descriptor, 4096, 0))
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        self.synced.append(folder)
        super().sync_folder(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows reads no file at a place")
@pytest.mark.parametrize("killed", [True, False])
def test_a_power_cut_leaves_no_lock_without_an_owner(
    folder: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    if killed:
        left_open(folder)
    cut, sizes = os.ftruncate, list[int]()
    monkeypatch.setattr(os, "ftruncate", lambda descriptor, size: (sizes.append(size), cut(descriptor, size)))
    disk = Synced()
    project = Project.open(folder, disk=disk)
    content, place = disk.synced[:2]
    assert isinstance(content, bytes)
    assert json.loads(content)["pid"] == os.getpid()
    assert place == Layout(folder).internal
    assert sizes == [len(content)], "on the way it is never empty, which would say that the project was closed"
    assert project.close()
    assert Layout(folder).lock.read_bytes() == b""
