"""An image of which only the middle was changed is noticed, and nobody waits for it."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.image_place import content_of
from segstudio.labels.edits import Stroke
from segstudio.project import image_bytes, image_sums
from segstudio.project.checksums import sum_of
from segstudio.project.image_files import fingerprint
from segstudio.project.image_sums import ImageSums
from segstudio.project.project import Project
from segstudio.project.samples import project_samples, refuse_changed_images
from segstudio.project.verify import verify_project

SHAPE = (600, 800)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of one image of which the sum is known."""
    pixels = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    project, _ = Project.create(tmp_path / "project", tmp_path / "a.tif")
    project.document(project.images[0].id).apply(Stroke([(30.0, 30.0)], 9, 1))
    until((project.folder / ".segstudio" / "images.json").exists)
    assert project.close()
    return tmp_path / "project"


def until(reached: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def change_the_middle(path: Path) -> None:
    """Exchange pixels so that length and both ends stay."""
    before, data = fingerprint(path), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    assert fingerprint(path) == before


def touch(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_changed_middle_is_refused_and_the_original_welcome_again(folder: Path) -> None:
    path = folder.parent / "a.tif"
    original = path.read_bytes()
    change_the_middle(path)
    with Project.open(folder) as project:
        image_id = project.images[0].id
        with pytest.raises(BadInput, match="content has changed"):
            project.document(image_id)
        path.write_bytes(original)
        assert project.document(image_id).planes.labels.values() == {1}
        assert project.warnings == []


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (lambda data: data + b"more", True),
        (lambda data: data[:-1] + bytes([data[-1] ^ 255]), True),
        (lambda data: data, False),
    ],
    ids=["longer", "another end", "touched"],
)
def test_a_quick_look_finds_another_image_and_no_other(
    folder: Path, data: Callable[[bytes], bytes], seen: bool
) -> None:
    path = folder.parent / "a.tif"
    path.write_bytes(data(path.read_bytes()))
    touch(path)
    with Project.open(folder) as project:
        assert project.seems_changed(project.images[0].id) is seen


def test_the_ends_of_a_copied_image_are_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = folder.parent / "a.tif", []
    monkeypatch.setattr(image_sums, "fingerprint", lambda file: read.append(file) or fingerprint(file))
    touch(path)
    with Project.open(folder) as project:
        image_id = project.images[0].id
        assert [project.seems_changed(image_id) for _ in range(3)] == [False] * 3
        assert read == [path]
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        assert [project.seems_changed(image_id) for _ in range(3)] == [True] * 3
        assert read == [path] * 2


def test_the_changed_image_can_be_used_if_the_user_says_so(folder: Path) -> None:
    change_the_middle(folder.parent / "a.tif")
    with Project.open(folder) as project:
        project.accept_changed_image(project.images[0].id)
        assert project.document(project.images[0].id).planes.labels.values() == {1}
    with Project.open(folder) as project:
        assert project.document(project.images[0].id).planes.labels.values() == {1}


def test_a_large_image_opens_at_once_and_is_told_of_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sums, "_AT_ONCE", 0)
    change_the_middle(folder.parent / "a.tif")
    told: list[str] = []
    with Project.open(folder) as project:
        project.tell_with(told.append)
        document = project.document(project.images[0].id)
        until(lambda: told)
        assert "a.tif is not the file that was added" in told[0]
        assert document.close()
        with pytest.raises(BadInput, match="content has changed"):
            project.document(project.images[0].id)


def test_nothing_is_learned_from_a_large_image_with_another_middle(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_sums, "_AT_ONCE", 0)
    with Project.open(folder) as project:
        samples = project_samples(project)
        refuse_changed_images(project, samples)
        change_the_middle(folder.parent / "a.tif")
        project.check_image(project.images[0].id)  # as before an image is opened: nobody waits
        with pytest.raises(BadInput, match="content has changed"):
            refuse_changed_images(project, samples)
        with pytest.raises(BadInput, match="content has changed"):  # known now: it is not even opened
            project.check_image(project.images[0].id)


def test_a_large_image_that_was_only_touched_is_read_once_more_for_good(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_sums, "_AT_ONCE", 0)
    path, read = folder.parent / "a.tif", list[Path]()
    touch(path)

    def opened(path: Path) -> Iterator[bytes]:
        read.append(path)
        return content_of(path)

    monkeypatch.setattr(image_bytes, "content_of", opened)
    for _ in range(2):
        with Project.open(folder) as project:
            for _ in range(3):
                project.check_image(project.images[0].id, however_large=True)
    assert read == [path]


def test_what_is_learned_of_many_images_is_written_when_the_project_closes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(5):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", np.full(SHAPE, number, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    for entry in project.images:
        project.document(entry.id)
    kept = project.folder / ".segstudio" / "images.json"
    until(lambda: all(project._images.sums.known(entry) for entry in project.images))
    assert project.close()
    assert all(entry.id in kept.read_text() for entry in project.images)


def test_a_file_put_in_the_place_of_an_opened_image_is_not_learned_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros(SHAPE, np.uint8))
    original = path.read_bytes()
    with Project.create(tmp_path / "project", path)[0] as project:
        entry, sums = project.images[0], ImageSums(project.folder / ".segstudio", read_only=False)
        tifffile.imwrite(path, np.ones(SHAPE, np.uint8))
        sums.look_later(entry, path)
        until(lambda: sums._thread is None)
        assert sums.known(entry) is None
        path.write_bytes(original)
        project.document(entry.id)
    assert project.warnings == []


def test_an_image_that_was_only_touched_is_summed_once_more_and_nothing_is_said(folder: Path) -> None:
    path, kept = folder.parent / "a.tif", folder / ".segstudio" / "images.json"
    before = kept.read_bytes()
    touch(path)
    told: list[str] = []
    with Project.open(folder) as project:
        project.tell_with(told.append)
        project.document(project.images[0].id)
        until(lambda: kept.read_bytes() != before)
    before = kept.read_bytes()
    with Project.open(folder) as project:
        project.document(project.images[0].id)
    assert (kept.read_bytes(), told) == (before, [])


def test_a_file_with_another_middle_is_not_taken_for_the_moved_image(folder: Path) -> None:
    path = folder.parent / "a.tif"
    copy = path.with_name("b.tif")
    copy.write_bytes(path.read_bytes())
    change_the_middle(copy)
    path.rename(path.with_name("c.tif"))
    with Project.open(folder) as project:
        with pytest.raises(BadInput, match=r"is not the image a\.tif"):
            project.relocate(project.images[0].id, copy)
        (folder.parent / "elsewhere").mkdir()
        copy.rename(folder.parent / "elsewhere" / "a.tif")
        assert project.find_moved(folder.parent / "elsewhere") == 0
        project.relocate(project.images[0].id, path.with_name("c.tif"))
        assert project.document(project.images[0].id).planes.labels.values() == {1}


@pytest.mark.parametrize("damage", [b"", b"{}", b"x" * 50])
def test_damaged_sums_call_no_image_changed(folder: Path, damage: bytes) -> None:
    kept = folder / ".segstudio" / "images.json"
    kept.write_bytes(damage)
    touch(folder.parent / "a.tif")
    with Project.open(folder) as project:
        project.document(project.images[0].id)
        until(lambda: kept.read_bytes() != damage)


def test_looking_only_compares_and_writes_nothing(folder: Path) -> None:
    kept = folder / ".segstudio" / "images.json"
    before = kept.read_bytes()
    change_the_middle(folder.parent / "a.tif")
    with Project.open(folder, read_only=True) as project, pytest.raises(BadInput, match="content has changed"):
        project.document(project.images[0].id)
    assert kept.read_bytes() == before


def test_verifying_reads_the_whole_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sums, "_AT_ONCE", 0)
    assert verify_project(folder).findings == ()
    change_the_middle(folder.parent / "a.tif")
    (found,) = verify_project(folder).findings
    assert "content has changed" in found.wrong


def test_sums_of_earlier_versions_are_believed(folder: Path) -> None:
    kept = folder / ".segstudio" / "images.json"
    ((key, (mark, digest, size, modified, *_)),) = json.loads(kept.read_bytes().partition(b"\n")[0]).items()
    body = json.dumps({key: [mark, digest, size, modified]}).encode()
    old = body + b"\n" + sum_of(body).encode() + b"\n"
    kept.write_bytes(old)
    with Project.open(folder) as project:
        project.document(key)
        assert project.warnings == []
    assert kept.read_bytes() != old  # learned anew, once
    kept.write_bytes(old)
    change_the_middle(folder.parent / "a.tif")
    with Project.open(folder) as project, pytest.raises(BadInput, match="content has changed"):
        project.document(key)
