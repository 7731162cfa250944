"""A mask is imported whole or not at all."""

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dying_disk import DyingDisk

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.labels.edits import RegionFill
from segstudio.project import mask_import
from segstudio.project.manifest_file import load_manifest
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.mask_import import read_mask, take_mask
from segstudio.project.project import Project
from segstudio.project.samples import project_samples

_STEPS = ("create", "write", "replace", "sync_folder", "make_folder", "unlink", "remove_folder")


class FullAfter(Disk):
    """Lets so many files appear, then is full: the journal, labels, object table, regions."""

    def __init__(self) -> None:
        self.room = 99

    def replace(self, source: Path, target: Path) -> None:
        self.room -= target.parent.name != "sums"  # written before each file, and no part of the annotation
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().replace(source, target)


class KilledAfter(FullAfter):
    """Does nothing more from then on, as after a kill."""

    def unlink(self, path: Path) -> None:
        if self.room < 0:
            raise OSError(errno.EIO, "Killed")
        super().unlink(path)


def _write_pair(folder: Path) -> None:
    """Write an image of one object, and its mask."""
    labels = np.zeros((40, 50), np.uint16)
    labels[8:20, 8:20] = 1
    for place, pixels in (("images", labels.astype(np.uint8)), ("masks", labels)):
        (folder / place).mkdir()
        tifffile.imwrite(folder / place / "a.tif", pixels)


@contextmanager
def _nothing_saved(project: Project) -> Iterator[None]:
    """Let the project not be written after the last mask, as when the program is killed before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "save", lambda: None)
        yield


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_a_mask_that_the_disk_refuses_leaves_the_image_without_labels(tmp_path: Path, room: int) -> None:
    _write_pair(tmp_path)
    disk = FullAfter()
    project, _ = Project.create(tmp_path / "project", tmp_path / "images", disk=disk)
    disk.room = room
    with _nothing_saved(project):
        (problem,) = project.import_masks()
    assert "full" in problem or "space" in problem
    assert not project.files(project.images[0].id).any_exists()
    assert [sample.complete for sample in project_samples(project)] in ([], [False])
    disk.room = 99
    assert project.import_masks() == []
    assert project.state(project.images[0].id) == "labelled"
    project.close()


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_a_kill_leaves_a_mask_whole_or_not_at_all(tmp_path: Path, room: int) -> None:
    _write_pair(tmp_path)
    disk = KilledAfter()
    project, _ = Project.create(tmp_path / "project", tmp_path / "images", disk=disk)
    disk.room = room
    with _nothing_saved(project):
        project.import_masks()
    disk.room = 99
    document = project.document(project.images[0].id)
    if room:
        assert set(document.planes.objects) == document.planes.labels.values() == {1}
        assert document.planes.regions.is_full()
        assert document.history.undo_name == "Import mask"
        document.undo()
    assert document.planes.blank
    assert document.notices == []
    project.close()


@pytest.mark.parametrize("refusals", [1, None], ids=["once", "for ever"])
def test_at_whichever_step_it_ends_the_mask_is_whole_or_not_there(tmp_path: Path, refusals: int | None) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    entry, files = project.images[0], project.files(project.images[0].id)
    assert project.close()
    shutil.copytree(tmp_path / "project", tmp_path / "blank")
    taken, _ = read_mask(tmp_path / "masks" / "a.tif", entry, complete=True)
    found = set()
    for number in range(100):
        shutil.rmtree(tmp_path / "project")
        shutil.copytree(tmp_path / "blank", tmp_path / "project")
        try:
            take_mask(tmp_path / "masks" / "a.tif", taken, entry, files, DyingDisk(number, _STEPS, refusals))
        except UserError:
            ended = False
        else:
            ended = True
        with Project.open(tmp_path / "project") as again:
            document = again.document(entry.id)
            assert document.notices == []
            whole = set(document.planes.objects) == {1} and document.planes.regions.is_full()
            assert whole or document.planes.blank, number
            found.add(whole)
        with Project.open(tmp_path / "project") as again:
            assert files.labels.exists() == files.regions.exists() == files.objects.exists() == whole
        if ended:
            assert found == {True, False}
            return
    raise AssertionError("it never ended")


def test_a_mask_is_told_of_on_the_disk_before_all_others_are_taken(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    with _nothing_saved(project):  # what comes after the last mask
        assert project.import_masks() == []
        deadline = time.monotonic() + 20
        while not load_manifest(project.folder)[0].images[0].labelled and time.monotonic() < deadline:
            time.sleep(0.02)
    assert load_manifest(project.folder)[0].images[0].labelled
    project.close()


@pytest.mark.parametrize("room", [1, 2, 99])
def test_labels_that_a_kill_left_untold_are_counted_when_the_project_is_opened(tmp_path: Path, room: int) -> None:
    _write_pair(tmp_path)
    disk = KilledAfter()
    project, _ = Project.create(tmp_path / "project", tmp_path / "images", disk=disk)
    disk.room = room
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ManifestStore, "save_soon", lambda _store: None)
        patch.setattr(project, "save", lambda: None)
        project.import_masks()
    shutil.copytree(project.folder, tmp_path / "killed")
    disk.room = 99
    project.close()
    with Project.open(tmp_path / "killed") as again:
        (image_id,) = (entry.id for entry in again.images)
        assert again.state(image_id) == "empty"
        for behind in again.behind:
            again.catch_up(behind)
        assert (again.state(image_id), again.entry(image_id).objects) == ("labelled", 1)
    with Project.open(tmp_path / "killed") as again:
        assert (again.state(image_id), again.behind) == ("labelled", ())


def test_a_mask_of_an_image_that_is_open_waits(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    document = project.document(project.images[0].id)
    (problem,) = project.import_masks()
    assert "a.tif is open" in problem
    assert document.planes.blank
    assert document.close()
    assert project.import_masks() == []
    project.close()


def test_a_mask_of_an_image_that_was_taken_out_meanwhile_is_passed_by(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    masks = project.masks()
    files = project.files(project.images[0].id)
    project.remove_images(list(masks))
    assert project.import_masks(masks=masks) == []
    assert not files.any_exists()
    project.close()


def test_no_mask_is_offered_where_a_table_cannot_be_read(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    table = project.files(project.images[0].id).objects
    table.parent.mkdir()
    table.write_text("damaged")
    assert project.masks() == {}
    project.close()


def test_a_blank_mask_that_says_nothing_leaves_nothing(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    tifffile.imwrite(tmp_path / "masks" / "a.tif", np.zeros((40, 50), np.uint16))
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    assert project.import_masks(complete=False) == []
    assert not project.files(project.images[0].id).any_exists()
    assert project.import_masks(complete=True) == [], "it says that all is background"
    assert project.document(project.images[0].id).planes.regions.is_full()
    project.close()


def test_a_mask_that_lists_some_objects_states_nothing_about_the_rest(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    entry, files = project.images[0], project.files(project.images[0].id)
    assert project.import_masks(complete=False) == []
    assert files.labels.exists()
    assert not files.regions.exists()
    taken, _ = project.read_mask(entry.id, tmp_path / "masks" / "a.tif", complete=False)
    with pytest.raises(UserError, match="has labels already"):
        take_mask(tmp_path / "masks" / "a.tif", taken, entry, files)
    document = project.document(entry.id)
    assert document.apply(taken) is None, "nothing is written over labels"
    project.close()


def test_a_mask_that_cannot_be_saved_as_an_action_is_told(tmp_path: Path) -> None:
    _write_pair(tmp_path)
    disk = FullAfter()
    project, _ = Project.create(tmp_path / "project", tmp_path / "images", disk=disk)
    document = project.document(project.images[0].id)
    document.apply(RegionFill(None, 1))
    document.undo()
    assert document.close()
    disk.room = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ManifestStore, "save_soon", lambda _store: None)
        patch.setattr(project, "save", lambda: None)
        (problem,) = project.import_masks()
    assert "could not be saved" in problem
    disk.room = 99
    project.close()


def test_an_image_that_is_taken_out_while_its_mask_is_read_gets_no_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_pair(tmp_path)
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    entry = project.images[0]
    files = project.files(entry.id)

    def taken_out(*args: object) -> object:
        project.remove_images([entry.id])
        return read_mask(tmp_path / "masks" / "a.tif", entry, complete=True)

    monkeypatch.setattr(mask_import, "read_mask", taken_out)
    assert project.import_masks() == []
    assert not files.any_exists()
    assert not project.images
    assert project.close()
