"""Earlier states of an image: which are kept, and that nothing of it is in the way."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from earlier_states import SHAPE, paint, restore, state

from segstudio.io.disk import DISK, Disk
from segstudio.labels.edits import Delete, RegionFill, Relabel
from segstudio.labels.regions import COMPLETE
from segstudio.labels.restoring import restoration
from segstudio.project import snapshot_keeper
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


def test_a_large_change_is_preceded_by_a_snapshot_of_the_state_before(document: ImageDocument) -> None:
    paint(document, *range(1, 16))
    document.apply(RegionFill(None, COMPLETE))
    before = state(document)
    document.apply(Delete(tuple(range(1, 13))))
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert (found.kind, found.name, found.objects) == ("restore point", "Delete 12 objects", 15)
    planes = document.snapshots.read(found.number)
    assert (planes.labels.to_array().tolist(), planes.regions.to_array().tolist(), dict(planes.objects)) == before


def test_small_edits_keep_nothing(document: ImageDocument) -> None:
    paint(document, 1, 2, 3)
    document.apply(Delete((1,)))
    document.apply(Relabel((2,), 2))
    assert document.checkpoint(wait=True)
    assert document.snapshots.all() == []


def test_a_restore_point_is_there_soon_and_not_only_when_the_hand_rests(document: ImageDocument) -> None:
    import time

    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 11))))
    end = time.monotonic() + 8  # a checkpoint alone would come after ten seconds
    while not document.snapshots.all():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_generation_of_what_is_replaced_is_kept_when_an_image_is_worked_on_again(project: Project) -> None:
    image_id = project.images[0].id
    document = project.document(image_id)
    paint(document, 1, 2)
    first = state(document)
    document.close()
    document = project.document(image_id)
    paint(document, 3)
    document.close()
    (found,) = document.snapshots.all()
    assert (found.kind, found.objects) == ("generation", 2)
    planes = document.snapshots.read(found.number)
    assert planes.labels.to_array().tolist() == first[0]
    document = project.document(image_id)
    paint(document, 4)
    document.close()
    assert len(document.snapshots.all()) == 1, "not ten minutes later"


def test_a_generation_is_kept_after_ten_minutes_of_work(
    document: ImageDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(document, 1)
    assert document.checkpoint(wait=True)
    paint(document, 2)
    assert document.checkpoint(wait=True)
    assert document.snapshots.all() == []
    monkeypatch.setattr(snapshot_keeper, "GENERATION_SECONDS", 0.0)
    paint(document, 3)
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert found.objects == 2


def test_snapshots_share_the_files_that_are_replaced_and_no_others(document: ImageDocument) -> None:
    document.apply(RegionFill(None, COMPLETE))
    paint(document, *range(1, 12))
    assert document.checkpoint(wait=True)
    inode = document.files.labels.stat().st_ino
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert found.files.labels.stat().st_ino == inode, "a second name costs nothing"
    assert found.files.labels.stat().st_nlink == 1, "the published file is another one now"
    assert found.files.regions.stat().st_ino != document.files.regions.stat().st_ino
    # Another program that changes the published file in place leaves the snapshot alone.
    document.files.regions.write_bytes(b"")
    document.snapshots.read(found.number)


def test_a_generation_that_the_disk_refused_is_kept_with_the_next_checkpoint(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    disk = Full(1000)
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk)
    with project:
        document = project.document(project.images[0].id)
        paint(document, 1)
        document.close()
        document = project.document(project.images[0].id)
        for room in (0, 1000):
            disk.room(room)
            paint(document, 3 if room else 2)
            assert document.checkpoint(wait=True)
            assert document.save_state == "saved"
            assert len(document.snapshots.all()) == (1 if room else 0)


class NoLinks(Disk):
    def link(self, source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")


def test_where_the_disk_has_no_links_files_are_copied(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=NoLinks())
    with project:
        document = project.document(project.images[0].id)
        paint(document, *range(1, 12))
        before = state(document)
        assert document.checkpoint(wait=True)
        document.apply(Delete(tuple(range(1, 12))))
        assert document.checkpoint(wait=True)
        restore(document, 1)
        assert state(document) == before


class Full(Disk):
    """Refuses everything that belongs to snapshots, from the `n`-th call on."""

    def __init__(self, n: int) -> None:
        self.calls, self.refused, self.inside = 0, 0, set[int]()
        self._n = n
        for name in ("link", "make_folder", "create", "replace", "sync_folder"):
            setattr(self, name, self._guard(getattr(DISK, name)))

    def room(self, n: int) -> None:
        self.calls, self._n = 0, n

    def _guard(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*paths: Path) -> object:
            inside = any("snapshots" in path.parts for path in paths)
            self.calls += inside
            if inside and self.calls > self._n:
                self.refused += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            made = real(*paths)
            if inside and isinstance(made, int):
                self.inside.add(made)
            return made

        return call

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        if descriptor in self.inside:
            self.calls += 1
            if self.calls > self._n:
                self.refused += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(descriptor, data)

    def close(self, descriptor: int) -> None:
        self.inside.discard(descriptor)
        super().close(descriptor)


def test_a_disk_that_is_full_for_snapshots_stops_neither_painting_nor_publishing(tmp_path: Path) -> None:
    for n in range(40):
        folder = tmp_path / str(n)
        folder.mkdir()
        tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
        disk = Full(n)
        project, _ = Project.create(folder / "project", folder / "img.tif", disk=disk)
        with project:
            document = project.document(project.images[0].id)
            told: list[str] = []
            document.noticed.connect(told.append)
            paint(document, *range(1, 14))
            assert document.checkpoint(wait=True)
            document.apply(Delete(tuple(range(1, 12))))
            paint(document, 20)
            assert document.checkpoint(wait=True)
            expected = document.planes.labels.to_array()
            assert document.save_state == "saved"
            assert np.array_equal(tifffile.imread(document.files.labels), expected)
            if not disk.refused:
                assert len(document.snapshots.all()) == 1
                assert n > 5
                return
            assert document.snapshots.all() == []
            assert not list(document.files.snapshots.glob("*/*")), f"something is left at {n}"
            assert len(told) == 1
            assert "Delete 11 objects" in told[0]
            assert "disk is full" in told[0]
    pytest.fail("the disk was always full")


def test_snapshots_come_back_with_an_image_that_was_taken_out(project: Project, document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    document.close()
    image_id = project.images[0].id
    path = project.image_path(image_id)
    project.remove_images([image_id])
    assert not project.images
    project.add_images([path])
    again = project.document(project.images[0].id)
    assert [item.objects for item in again.snapshots.all()] == [11]


def test_emptying_an_image_of_few_objects_is_preceded_by_a_restore_point(document: ImageDocument) -> None:
    paint(document, 1, 2, 3)
    document.apply(Delete((1,)))
    assert document.checkpoint(wait=True)
    assert document.snapshots is not None
    assert document.snapshots.all() == [], "one of three is a small change"
    before = state(document)
    document.apply(Delete((2, 3)))
    assert document.checkpoint(wait=True)
    (kept_state,) = document.snapshots.all()
    assert (kept_state.name, kept_state.objects) == ("Delete all 2 objects", 2)
    to = restoration(document.planes, document.snapshots.read(kept_state.number))
    assert to is not None
    document.restore(to, document.seq)
    assert state(document) == before
