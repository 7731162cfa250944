"""Sums of published files: one of them is right at any instant, and none costs a stroke anything."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.disk import Disk, DiskError
from segstudio.labels.edits import Stroke
from segstudio.project.checksums import Sum, Sums, Verdict, read_sums, sum_of_file
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


class Looking(Disk):
    """Looks at sums and file at the last moment before a file is replaced, and counts."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Verdict, bool]] = []
        self.syncs: list[int] = []
        self.writes = 0
        self.full = False

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self.writes += 1
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.syncs.append(descriptor)
        super().sync(descriptor)

    def create(self, path: Path) -> int:
        if self.full and path.parent.name == "sums":
            raise OSError(28, "No space left on device")
        return super().create(path)

    def replace(self, source: Path, target: Path) -> None:
        if target.parent.name in ("labels", "regions") and not self.full and "foreign" not in target.name:
            kept = Sums(next(target.parents[1].glob(".segstudio/sums/[0-9a-f]*.json")))
            self.seen.append((target.name, kept.judge(target), kept.of(target)[0].digest == sum_of_file(source)))
        super().replace(source, target)


@pytest.fixture
def disk() -> Looking:
    return Looking()


@pytest.fixture
def project(tmp_path: Path, disk: Looking) -> Project:
    tifffile.imwrite(tmp_path / "img.tif", np.arange(4096, dtype=np.uint16).reshape(64, 64))
    return Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk)[0]


def document_of(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)


def draw(document: ImageDocument) -> None:
    number = document.planes.objects.next_id()
    document.apply(Stroke([(5.0 * number, 5.0 * number)], 4, number))


def test_old_and_new_are_known_before_a_file_is_replaced(project: Project, disk: Looking) -> None:
    for _ in range(3):
        draw(document_of(project))
        assert document_of(project).checkpoint(wait=True)
    project.close()
    assert len(disk.seen) == 6
    assert {verdict for _, verdict, _ in disk.seen} == {Verdict.OURS, Verdict.OLDER}  # not there yet; about to go
    assert all(new for _, _, new in disk.seen)


def test_the_sums_are_those_of_the_bytes(project: Project) -> None:
    draw(document_of(project))
    files = document_of(project).files
    project.close()
    assert files.sums is not None
    known = read_sums(files.sums)
    assert known["labels/img.tif"][0].digest == sum_of_file(files.labels)
    assert known["labels/img.tif"][0].seq == 1
    assert known["labels/img.json"][0].digest == sum_of_file(files.objects)


def test_a_stroke_is_not_slower_for_it(project: Project, disk: Looking) -> None:
    document = document_of(project)
    draw(document)
    document.flush()
    before, written = len(disk.syncs), disk.writes
    draw(document)
    assert document.flush()
    assert len(disk.syncs) - before == 1
    assert disk.writes - written == 1
    project.close()


def test_labels_are_published_when_the_sums_cannot_be(project: Project, disk: Looking) -> None:
    document = document_of(project)
    draw(document)
    document.checkpoint(wait=True)
    disk.full = True
    draw(document)
    assert document.checkpoint(wait=True)
    files = document.files
    assert tifffile.imread(files.labels).max() == 2
    assert files.sums is not None
    assert not files.sums.exists(), "wrong sums are worse than none"
    disk.full = False
    project.close()


def test_a_touched_file_is_no_other_one(project: Project) -> None:
    document = document_of(project)
    draw(document)
    document.checkpoint(wait=True)
    os.utime(document.files.labels, (1, 1))
    draw(document)
    document.checkpoint(wait=True)
    notices: list[str] = []
    document.noticed.connect(notices.append)
    document.poll()
    assert notices == []
    assert not list(document.files.labels.parent.glob("*foreign*"))
    project.close()


@pytest.mark.parametrize("is_open", [True, False])
def test_an_older_version_of_our_own_is_put_back_in_vain(project: Project, is_open: bool) -> None:
    document = document_of(project)
    draw(document)
    document.checkpoint(wait=True)
    old = document.files.labels.read_bytes()
    for _ in range(2):
        draw(document)
        document.checkpoint(wait=True)
    labels = document.files.labels
    if not is_open:
        project.close()
    labels.write_bytes(old)
    again = project if is_open else Project.open(project.folder)
    draw(document_of(again))
    assert again.close()
    assert set(np.unique(tifffile.imread(labels))) == {0, 1, 2, 3, 4}


def test_changed_damaged_and_taken_away_are_told_apart(tmp_path: Path, project: Project) -> None:
    draw(document_of(project))
    files = document_of(project).files
    project.close()
    sums, labels = Sums(files.sums), files.labels
    assert sums.judge(labels) is Verdict.OURS
    data, stat = labels.read_bytes(), labels.stat()
    shutil.copy(labels, tmp_path / "kept")
    labels.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert sums.judge(labels) is Verdict.CHANGED
    os.utime(labels, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert sums.judge(labels, labels.read_bytes()) is Verdict.DAMAGED
    labels.unlink()
    assert sums.judge(labels) is Verdict.MISSING
    assert sums.judge(files.regions) is Verdict.UNKNOWN


def test_every_flipped_bit_of_the_sums_is_found(project: Project) -> None:
    draw(document_of(project))
    path = document_of(project).files.sums
    project.close()
    assert path is not None
    data = path.read_bytes()
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(BadInput):
            read_sums(path)


def test_sums_that_can_neither_be_written_nor_taken_away_are_an_error(tmp_path: Path) -> None:
    class Stuck(Disk):
        def create(self, path: Path) -> int:
            raise OSError(30, "Read-only file system")

        def unlink(self, path: Path) -> None:
            raise OSError(30, "Read-only file system")

    kept = Sums(tmp_path / "a.json", Stuck())
    with pytest.raises(DiskError):
        kept.expect(tmp_path / "labels" / "a.tif", Sum("00", 1, 1))
