"""What the disk of a project refuses is kept elsewhere at once, and goes back by itself."""

import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from refused_work import Refusing, draw, first, kept, labels_of, until

from segstudio.config.preferences import Preferences
from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.io.preferences_file import preferences_path, write_preferences
from segstudio.project.changes import FAILED, RESCUED, SAVED, SAVING
from segstudio.project.project import Project
from segstudio.project.rescue import default_rescue_folder
from segstudio.project.verify import verify_project

LIST = "the list of images and classes"


def test_what_a_full_disk_refuses_is_rescued_and_goes_back(project: Project, disk: Refusing, rescue: Path) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    assert kept(rescue) == [], "a net that is not needed is not used"
    disk.full = True
    labels = draw(document, 3)
    until(lambda: document.save_state.startswith(RESCUED))
    assert "The project's disk is full" in document.save_state
    assert str(rescue) in document.save_state
    draw(document, 2)
    labels = document.planes.labels.to_array()
    until(lambda: document.safe)
    assert project.unsaved(0) == {}
    assert list(project.rescued()) == ["img.tif"]
    disk.full = False
    project.retry()
    until(lambda: document.save_state == SAVED)
    until(lambda: kept(rescue) == [])
    assert project.rescued() == {}
    until(lambda: not list(rescue.iterdir()))
    document.close()
    project.close()
    assert np.array_equal(labels_of(project.folder, rescue), labels)


class NoRoomForBytes(Refusing):
    """A full disk makes names and takes nothing into them."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    def create(self, path: Path) -> int:
        return Disk.create(self, path)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self.refused += self.full
        super().write(descriptor, data)


@pytest.mark.parametrize("disk", [NoRoomForBytes()])
def test_a_full_disk_is_not_filled_with_empty_files(project: Project, disk: NoRoomForBytes) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    disk.full = True
    draw(document)
    until(lambda: disk.refused > 20, 30)
    empty = [path for path in project.folder.rglob("*.sj") if not path.stat().st_size]
    assert len(empty) <= 1, "that of the try that is going on"
    disk.full = False
    until(lambda: document.save_state == SAVED)
    assert all(path.stat().st_size for path in project.folder.rglob("*.sj"))


def test_what_was_rescued_is_there_at_the_next_opening(project: Project, disk: Refusing, rescue: Path) -> None:
    """Also when the project has nothing of the image at all, as when the first stroke found the disk full."""
    disk.full = True
    document = first(project)
    draw(document, 3)
    document.undo()
    labels = document.planes.labels.to_array()
    until(lambda: document.safe)
    assert not project.close()
    assert kept(rescue)
    with Project.open(project.folder, read_only=True, rescue=rescue) as reader:
        assert np.array_equal(first(reader).planes.labels.to_array(), labels)
    assert kept(rescue), "who only looks takes nothing away"
    disk.full = False
    with Project.open(project.folder, disk=disk, rescue=rescue) as again:
        assert again.warnings == ["What you did last in img.tif was kept on this computer and comes back now."]
        assert list(again.behind) == [again.images[0].id]
        again.catch_up(again.images[0].id)
        until(lambda: kept(rescue) == [])
        assert tifffile.imread(again.label_path(again.images[0].id)).max() == labels.max()
        document = first(again)
        assert np.array_equal(document.planes.labels.to_array(), labels)
        heard: list[str] = []
        document.saved.connect(heard.append)
        document.poll()
        assert heard == [SAVED], "a window that has shown the state while it was coming back hears that it is there"
        document.redo()
        assert len(document.planes.objects) == 3
        document.undo()
        document.undo()
        assert len(document.planes.objects) == 1
    with Project.open(project.folder, rescue=rescue) as third:
        assert third.warnings == []


def test_a_disk_that_does_not_answer_keeps_nobody_waiting(project: Project, disk: Refusing, rescue: Path) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    disk.answers.clear()
    began = time.monotonic()
    longest = 0.0
    while not document.save_state.startswith(RESCUED):
        assert time.monotonic() < began + 10
        stroke = time.monotonic()
        draw(document)
        longest = max(longest, time.monotonic() - stroke)
        time.sleep(0.1)
    assert longest < 0.5, "the hand does not wait for the disk"
    assert "does not answer" in document.save_state
    assert kept(rescue)
    labels = draw(document)
    until(lambda: document.safe)
    disk.answers.set()
    until(lambda: document.save_state == SAVED)
    until(lambda: kept(rescue) == [])
    project.close()
    assert np.array_equal(labels_of(project.folder, rescue), labels)


def test_a_disk_that_is_only_slow_alarms_nobody(
    project: Project, disk: Refusing, rescue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("journal_writer", "manifest_saving"):
        monkeypatch.setattr(f"segstudio.project.{module}.ALARM_SECONDS", 600.0)
    document = first(project)
    draw(document)
    assert document.flush()
    states, told = set(), []
    document.saved.connect(lambda state: states.add(state))
    project.rescue.on_change = lambda: told.append((project.rescued(), project.unsaved(0)))
    disk.answers.clear()
    labels = draw(document)
    project.set_classes(project.classes.add("mitotic"))
    until(lambda: len(kept(rescue)) == 2)
    until(lambda: document.safe)
    assert document.save_state == SAVING
    assert project.rescued() == {}
    assert project.unsaved(0) == {}
    until(lambda: set(project.rescued(slow=True)) == {document.entry.name, LIST})
    disk.answers.set()
    until(lambda: document.save_state == SAVED)
    until(lambda: kept(rescue) == [])
    document.poll()
    assert states <= {SAVING, SAVED}
    assert all(rescued == {} for rescued, _ in told)
    project.close()
    assert np.array_equal(labels_of(project.folder, rescue), labels)


def test_when_nothing_can_be_kept_anywhere_that_is_said(
    project: Project, disk: Refusing, rescue: Path, tmp_path: Path
) -> None:
    (tmp_path / "local").write_bytes(b"no folder")
    project.rescue.roots = [rescue]
    disk.full = True
    document = first(project)
    labels = draw(document)
    until(lambda: document.save_state.startswith(FAILED))
    assert list(project.unsaved(0)) == ["img.tif"]
    project.rescue.move_to(tmp_path / "stick")
    until(lambda: document.save_state.startswith(RESCUED))
    assert str(tmp_path / "stick") in document.save_state
    disk.full = False
    until(lambda: document.save_state == SAVED)
    project.close()
    assert np.array_equal(labels_of(project.folder, tmp_path / "none"), labels)


def test_what_the_chosen_place_does_not_take_goes_to_the_usual_one(
    project: Project, disk: Refusing, rescue: Path, tmp_path: Path
) -> None:
    (tmp_path / "local").write_bytes(b"no folder")
    disk.full = True
    document = first(project)
    labels = draw(document)
    until(lambda: document.save_state.startswith(RESCUED))
    assert str(default_rescue_folder()) in document.save_state
    project.close()
    assert np.array_equal(labels_of(project.folder, tmp_path / "none"), labels)
    assert kept(default_rescue_folder()) == []


def test_a_drive_that_is_gone_is_not_made_anew_where_it_was(project: Project, rescue: Path, tmp_path: Path) -> None:
    document = first(project)
    project.folder.rename(tmp_path / "unplugged")
    labels = draw(document)
    until(lambda: document.save_state.startswith(RESCUED))
    assert not project.folder.exists()
    (tmp_path / "unplugged").rename(project.folder)
    until(lambda: document.save_state == SAVED)
    project.close()
    assert np.array_equal(labels_of(project.folder, rescue), labels)


def test_labels_that_the_disk_refuses_are_not_called_published(project: Project, disk: Refusing) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    assert document.checkpoint(wait=True)
    draw(document)
    until(lambda: document.durable)
    disk.full = True
    with pytest.raises(UserError, match=r"The labels of img\.tif could not be saved"):
        project.publish()()
    assert not document.close()
    with pytest.raises(UserError, match=r"The labels of img\.tif could not be saved"):
        project.publish()()


def test_what_nobody_can_keep_is_named_on_asking(project: Project, disk: Refusing, rescue: Path) -> None:
    project.rescue.disk = disk
    disk.full = True
    draw(first(project))
    until(lambda: first(project).save_state.startswith(FAILED))
    assert "img.tif" in project.unsaved(0.05)
    assert not project.durable


def test_what_lies_in_the_place_that_was_chosen_is_found_without_being_told_of_it(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    labels = draw(first(project))
    until(lambda: first(project).safe)
    project.close()
    write_preferences(preferences_path(), Preferences(rescue_folder=str(rescue)))
    notes = [item for item in verify_project(project.folder).findings if item.level == "note"]
    assert any(Path(item.file).is_relative_to(rescue) and item.image == "img.tif" for item in notes)
    with Project.open(project.folder) as again:  # as the command line does
        assert np.array_equal(first(again).planes.labels.to_array(), labels)
    assert kept(rescue) == []
