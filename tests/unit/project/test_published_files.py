"""The published files of an image: whose they are is known before each is written; what nobody wants is no error."""

import json
import os
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.disk import DISK, Disk
from segstudio.labels.edits import Stroke
from segstudio.project.annotation_files import keep_foreign
from segstudio.project.checksums import Sum, Sums, Verdict, read_sums
from segstudio.project.foreign import SeenFiles
from segstudio.project.project import Project
from segstudio.project.published_files import PublishedFiles
from segstudio.project.summing_disk import SummingDisk


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((120, 150), np.uint8))
    return Project.create(tmp_path / "project", tmp_path / "img.tif")[0]


def draw(project: Project, number: int) -> None:
    document = project.document(project.images[0].id)
    document.apply(Stroke([(20.0 * number, 20.0)], 9, number))
    assert document.checkpoint(wait=True)


def test_a_file_taken_away_while_it_is_open_is_told_of_and_written_anew(project: Project) -> None:
    draw(project, 1)
    path = project.label_path(project.images[0].id)
    document = project.document(project.images[0].id)
    said: list[str] = []
    document.noticed.connect(said.append)
    path.unlink()
    draw(project, 2)
    assert said == ["img.tif was taken away by another program while it was open here. It was written anew."]
    assert set(np.unique(tifffile.imread(path)).tolist()) == {0, 1, 2}
    assert project.close()


def test_each_version_of_another_program_is_kept_under_a_name_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "img.tif"
    kept = []
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        kept.append(keep_foreign(path, DISK))
    assert [item.name for item in kept] == ["img.foreign-1.tif", "img.foreign-2.tif", "img.foreign-3.tif"]
    assert [item.read_bytes() for item in kept] == [b"one", b"two", b"three"]


def test_a_file_that_was_only_touched_or_written_by_a_save_that_failed_late_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "img.tif"
    path.parent.mkdir()
    path.write_bytes(b"new")
    sums = Sums(tmp_path / "sums.json")
    files = PublishedFiles([path], sums, DISK)
    digest = blake2b(b"newer", digest_size=16).hexdigest()
    sums.expect(path, Sum(digest, 5, 0, 2))
    path.write_bytes(b"newer")
    assert files.prepare(path) is None
    path.write_bytes(b"other")
    assert "was changed by another program" in str(files.prepare(path))


def test_what_was_found_at_the_first_look_holds_until_the_next_opening(project: Project) -> None:
    draw(project, 1)
    files = project.files(project.images[0].id)
    assert project.close()
    seen = SeenFiles(files)
    assert seen.trusts("labels")
    files.labels.write_bytes(b"changed while it is read")
    assert seen.trusts("labels")
    assert seen.trusted == {files.labels}
    assert not SeenFiles(files).trusts("labels")


def test_sums_are_kept_of_the_published_files_alone(tmp_path: Path) -> None:
    wanted, other = tmp_path / "img.tif", tmp_path / "img.foreign-1.tif"
    sums = Sums(tmp_path / "sums.json")
    disk = SummingDisk(Disk(), sums, (wanted,))
    for path in (wanted, other):
        temp = path.with_suffix(".new")
        descriptor = disk.create(temp)
        disk.write(descriptor, b"abc")
        disk.close(descriptor)
        disk.replace(temp, path)
    disk.sync_folder(tmp_path)
    assert [len(sums.of(path)) for path in (wanted, other)] == [1, 0]
    assert sums.judge(wanted) is Verdict.OURS


def test_a_file_that_was_opened_elsewhere_is_written_and_closed_without_a_sum(tmp_path: Path) -> None:
    sums = Sums(tmp_path / "sums.json")
    disk = SummingDisk(Disk(), sums, (tmp_path / "a",))
    descriptor = os.open(tmp_path / "new", os.O_CREAT | os.O_WRONLY)
    disk.write(descriptor, b"abc")
    disk.close(descriptor)
    disk.replace(tmp_path / "new", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"abc"
    assert sums.of(tmp_path / "a") == ()


def test_sums_of_a_newer_program_are_called_newer_and_nobody_is_accused_by_them(tmp_path: Path) -> None:
    path, kept = tmp_path / "a.tif", tmp_path / "sums.json"
    path.write_bytes(b"abc")
    body = json.dumps({"schema_version": 99, "files": {}}).encode()
    kept.write_bytes(body + b"\n" + blake2b(body, digest_size=8).hexdigest().encode() + b"\n")
    with pytest.raises(BadInput, match="was written by a newer SegStudio") as caught:
        read_sums(kept)
    assert caught.value.code == "newer-format"
    assert Sums(kept).judge(path) is Verdict.UNKNOWN


def test_without_a_place_for_sums_none_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(b"abc")
    sums = Sums(None)
    sums.expect(path, Sum("0", 3, 0, 1))
    sums.take({"a.tif": (Sum("0", 3, 0, 9),)})
    sums.give_up_after(1, [path])
    assert list(tmp_path.iterdir()) == [path]
