"""An image whose labels are damaged, and whose journal is gone, goes back to an earlier state; nothing is deleted."""

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dying_disk import DyingDisk

from segstudio.core.errors import BadInput, UserError
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.regions import COMPLETE
from segstudio.project import annotation_reader
from segstudio.project.damaged_labels import restore_damaged, snapshots_of
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

State = tuple[bytes, bytes, dict[int, ObjectInfo]]
_STEPS = ("create", "replace", "unlink", "sync_folder")


def state(document: ImageDocument) -> State:
    planes = document.planes
    return planes.labels.to_array().tobytes(), planes.regions.to_array().tobytes(), dict(planes.objects)


def stroke(number: int, y: float = 40) -> Stroke:
    return Stroke(np.array([[12.0 * number, y], [12.0 * number, y + 50]]), 8, number)


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, State]:
    """Make a project of one image with an earlier state and no journal; return it and that state."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((600, 700), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    with project:
        document = project.document(project.images[0].id)
        for number in range(1, 16):
            document.apply(stroke(number))
        document.apply(RegionFill(None, COMPLETE))
        then = state(document)
        document.apply(Delete(tuple(range(1, 13))))
        document.apply(stroke(3, 540))
        document.apply(stroke(70, 100))
        document.close()
        shutil.rmtree(project.files(project.images[0].id).journal)
    return tmp_path / "project", then


def damage(project: Project, part: str) -> tuple[Path, bytes]:
    """Damage the last tile of a file of labels or regions, or the object table; return it and what it holds now."""
    path = getattr(project.files(project.images[0].id), part.removeprefix("head of "))
    raw = bytearray(path.read_bytes())
    raw[-30] ^= 0xFF
    if part == "head of labels":  # it is not even a TIFF any more
        raw[:8] = b"Hallo!!!"
    if part == "objects":
        raw[0] = 0
    path.write_bytes(raw)
    return path, bytes(raw)


@pytest.mark.parametrize("part", ["labels", "head of labels", "regions", "objects"])
def test_an_earlier_state_comes_back_and_the_damaged_file_is_kept(made: tuple[Path, State], part: str) -> None:
    folder, then = made
    with Project.open(folder) as project:
        image = project.images[0].id
        path, damaged = damage(project, part)
        with pytest.raises(BadInput) as told:
            project.document(image)
        assert told.value.code == "labels-damaged"
        assert "earlier state" in told.value.hint
        (snapshot,) = snapshots_of(project, image).all()
        restore_damaged(project, image, snapshot.number)
        document = project.document(image)
        assert state(document) == then
        assert not document.can_undo
        kept = path.with_name(f"{path.stem}.foreign-1{path.suffix}")
        assert kept.read_bytes() == damaged
        (said,) = [notice for notice in document.notices if kept.name in notice]
        assert "are those of an earlier state now" in said
        assert "your own labels" not in said
        document.apply(stroke(30))
        after = state(document)
        assert document.close()
    with Project.open(folder) as project:
        document = project.document(image)
        assert (state(document), document.notices) == (after, [])
        document.undo()
        assert state(document) == then
    assert verify_project(folder).whole


def test_what_can_be_opened_is_not_put_back(made: tuple[Path, State]) -> None:
    folder, _ = made
    with Project.open(folder) as project:
        image = project.images[0].id
        number = snapshots_of(project, image).all()[0].number
        with pytest.raises(BadInput, match=r"labels of img\.tif can be opened"):
            restore_damaged(project, image, number)
        damage(project, "labels")
    with Project.open(folder, read_only=True) as project, pytest.raises(UserError, match="reading only"):
        restore_damaged(project, image, number)


def test_a_damaged_earlier_state_is_not_taken(made: tuple[Path, State]) -> None:
    folder, _ = made
    with Project.open(folder) as project:
        image = project.images[0].id
        path, damaged = damage(project, "labels")
        (snapshot,) = snapshots_of(project, image).all()
        snapshot.files.labels.write_bytes(snapshot.files.labels.read_bytes()[:-1] + b"?")
        with pytest.raises(BadInput, match="no earlier state 1 of this image, or it is damaged"):
            restore_damaged(project, image, snapshot.number)
        assert path.read_bytes() == damaged
        assert not project.files(image).journal.exists()


def test_a_kill_leaves_the_image_as_it_was_or_as_in_the_earlier_state(made: tuple[Path, State]) -> None:
    folder, then = made
    with Project.open(folder) as project:
        _, damaged = damage(project, "labels")
    outcomes = set()
    for steps in range(40):
        copy = folder.with_name(f"copy-{steps}")
        shutil.copytree(folder, copy)
        with Project.open(copy) as project:
            image = project.images[0].id
            done = _restored(project, image, steps)
            as_it_was = not any(project.files(image).journal.glob("*.sj"))
            if as_it_was:
                with pytest.raises(BadInput, match="cannot be opened"):
                    project.document(image)
                assert project.files(image).labels.read_bytes() == damaged
                restore_damaged(project, image, 1)
            outcomes.add((done, as_it_was))
            document = project.document(image)
            assert state(document) == then
            assert document.close()
            (kept,) = folder.with_name(copy.name).glob("labels/*.foreign-*.tif")
            assert kept.read_bytes() == damaged
        shutil.rmtree(copy)
        if done:
            break
    assert outcomes == {(False, True), (False, False), (True, False)}


def _restored(project: Project, image: str, steps: int) -> bool:
    try:
        restore_damaged(project, image, 1, DyingDisk(steps, _STEPS))
    except UserError:
        return False
    return True


def test_a_file_that_the_disk_may_give_whole_tomorrow_is_not_put_back(
    made: tuple[Path, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*args: object, **named: object) -> object:
        error = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        raise BadInput("img.tif cannot be read: Stale file handle.", code="image-damaged") from error

    folder, _ = made
    with Project.open(folder) as project:
        image = project.images[0].id
        (snapshot,) = snapshots_of(project, image).all()
        monkeypatch.setattr(annotation_reader, "read_label_tiff", stale)
        for opens in (lambda: restore_damaged(project, image, snapshot.number), lambda: project.document(image)):
            with pytest.raises(BadInput, match="Stale file handle") as caught:
                opens()
            assert caught.value.code == "image-damaged", "not called damaged labels"
        assert not list(project.files(image).journal.glob("*.sj"))


def test_a_beginning_that_a_kill_has_left_is_no_part_of_the_new_journal(made: tuple[Path, State]) -> None:
    folder, _ = made
    with Project.open(folder) as project:
        image = project.images[0].id
        files = project.files(image)
        (snapshot,) = snapshots_of(project, image).all()
        shutil.copytree(folder, folder.with_name("with regions"))
        files.regions.unlink()
        about = snapshot.files.journal / "snapshot.json"
        content = json.loads(about.read_text())
        content["files"] = {
            name: held for name, held in content["files"].items() if name != snapshot.files.regions.name
        }
        about.write_text(json.dumps({name: held for name, held in content.items() if name != "sum"}))
        (regions := snapshot.files.regions).unlink()
        files.journal.mkdir()
        shutil.copy(folder.with_name("with regions") / regions.relative_to(folder), files.base.regions)
        damage(project, "labels")
        restore_damaged(project, image, snapshot.number)
        assert not files.base.regions.exists()
        assert project.document(image).planes.regions.blank
