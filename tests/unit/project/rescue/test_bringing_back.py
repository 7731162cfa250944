"""What the rescue store has goes back to where it belongs, and a second truth is kept beside the first."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from refused_work import Refusing, draw, first, kept, labels_of, until

from segstudio.labels.edits import Stroke
from segstudio.project.changes import SAVED
from segstudio.project.project import Project


def test_a_moved_project_gets_back_what_is_its_own(
    project: Project, disk: Refusing, rescue: Path, tmp_path: Path
) -> None:
    disk.full = True
    document = first(project)
    labels = draw(document, 2)
    until(lambda: document.safe)
    project.close()
    # The same image in another project has the same id.
    other, _ = Project.create(tmp_path / "other", tmp_path / "img.tif", rescue=rescue, name="project")
    other.close()
    assert labels_of(other.folder, rescue).max() == 0
    moved = tmp_path / "elsewhere" / "renamed"
    moved.parent.mkdir()
    shutil.move(project.folder, moved)
    shutil.copy(tmp_path / "img.tif", moved.parent)
    assert np.array_equal(labels_of(moved, rescue), labels)
    assert all(path.suffix == ".taken" for path in kept(rescue)), "it may have been a copy"
    assert np.array_equal(labels_of(moved, rescue), labels)


def test_what_a_copy_has_taken_is_kept_for_a_project_whose_drive_was_unplugged(
    project: Project, disk: Refusing, rescue: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copies" / "project"
    project.save()
    shutil.copytree(project.folder, copy, ignore=lambda _, names: [name for name in names if name == "lock"])
    shutil.copy(tmp_path / "img.tif", copy.parent)
    disk.full = True
    document = first(project)
    labels = draw(document, 2)
    project.set_name("later")
    project.set_name("project")
    until(lambda: document.safe)
    project.close()
    away = tmp_path / "unplugged"
    project.folder.rename(away)
    with Project.open(copy, read_only=True, rescue=rescue) as looking:
        assert f"It was kept for the project in {project.folder}, which is not there now" in looking.warnings[0]
    assert np.array_equal(labels_of(copy, rescue), labels)
    assert kept(rescue)
    assert np.array_equal(labels_of(copy, rescue), labels)
    away.rename(project.folder)
    assert np.array_equal(labels_of(project.folder, rescue), labels)
    assert kept(rescue) == []
    assert np.array_equal(labels_of(project.folder, rescue), labels)


@pytest.mark.parametrize(("count", "said"), [(1, "1 action that the disk had refused was kept"), (2, "2 actions that")])
def test_what_was_done_elsewhere_meanwhile_is_a_second_truth(
    project: Project, disk: Refusing, rescue: Path, count: int, said: str
) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    disk.full = True
    ours = draw(document, count)
    until(lambda: document.safe)
    project.close()
    disk.full = False
    with Project.open(project.folder, rescue=rescue.parent / "another computer") as elsewhere:
        document = first(elsewhere)
        document.apply(Stroke(np.array([[75.0, 60.0]]), 30, 7))
        theirs = document.planes.labels.to_array()
    assert not np.array_equal(ours, theirs)
    with Project.open(project.folder, rescue=rescue) as again:
        document = first(again)
        assert np.array_equal(document.planes.labels.to_array(), theirs)
        (notice,) = document.notices
        assert notice.startswith(said)
        assert "Both are kept" in notice
        assert "img.foreign-1.tif" in notice
        until(lambda: kept(rescue) == [])
        beside = again.label_path(again.images[0].id).with_name("img.foreign-1.tif")
        assert np.array_equal(tifffile.imread(beside), ours)
        assert beside.with_suffix(".json").exists()
    with Project.open(project.folder, rescue=rescue) as third:
        assert first(third).notices == []


def test_a_damaged_file_in_the_rescue_store_keeps_no_image_closed(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    document = first(project)
    draw(document)
    until(lambda: document.safe)
    draw(document)
    until(lambda: document.safe)
    project.close()
    (path,) = rescue.rglob("*.sj")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with Project.open(project.folder, rescue=rescue) as again:
        assert len(first(again).planes.objects) == 1
        assert "could not be brought back" in first(again).notices[0]
        until(lambda: not path.exists())
    assert [item.read_bytes() for item in rescue.rglob("*.sj*")] == [data]
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.warnings == []
        assert first(again).notices == []


def test_what_lies_in_the_rescue_store_may_end_before_the_journal(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    document = first(project)
    draw(document, 2)
    until(lambda: document.safe)
    (path,) = kept(rescue)
    data, folder = path.read_bytes(), path.parent
    disk.full = False
    until(lambda: document.durable)
    draw(document)
    project.close()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)  # as after a kill while it was forgotten
    with Project.open(project.folder, rescue=rescue) as again:
        assert first(again).flush()
        assert first(again).save_state == SAVED
        until(lambda: kept(rescue) == [])
        draw(first(again))
        assert first(again).checkpoint(wait=True)


def test_a_file_of_a_newer_program_in_the_rescue_store_stays_there(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    document = first(project)
    draw(document)
    until(lambda: document.safe)
    project.close()
    (path,) = rescue.rglob("*.sj")
    path.write_bytes(path.read_bytes().replace(b'"segstudio_journal": 1', b'"segstudio_journal": 99'))
    path = path.rename(path.with_name(f"newer{path.suffix}"))
    with Project.open(project.folder, rescue=rescue) as again:
        assert first(again).planes.blank
        assert "newer SegStudio" in first(again).notices[0]
        assert str(path.parent) in first(again).notices[0]
    assert path.exists()


def test_two_truths_are_told_and_left_where_they_are_when_looking_only(
    project: Project, disk: Refusing, rescue: Path, tmp_path: Path
) -> None:
    disk.full = True
    draw(first(project), 2)
    until(lambda: first(project).safe)
    project.close()
    with Project.open(project.folder, rescue=tmp_path / "another computer") as elsewhere:
        draw(first(elsewhere))
        first(elsewhere).apply(Stroke(np.array([[90.0, 90.0]]), 5, 9))
    (path,) = rescue.rglob("*.sj")
    with Project.open(project.folder, rescue=rescue, read_only=True) as looking:
        assert first(looking).planes.labels.values() == {1, 9}
        assert any(f"what was done here is in {path.parent}" in words for words in first(looking).notices)
    assert path.exists()
    broken = Refusing()
    with Project.open(project.folder, rescue=rescue, disk=broken) as again:
        broken.full = True
        assert any("stays in" in words for words in first(again).notices)
        broken.full = False
    assert path.exists()
