"""What the disk of a project refuses is kept elsewhere at once, and goes back by itself."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.config.preferences import Preferences
from segstudio.core.errors import UserError
from segstudio.io.disk import Disk, DiskError
from segstudio.io.preferences_file import preferences_path, write_preferences
from segstudio.labels.edits import Stroke
from segstudio.project import journal_writer
from segstudio.project.changes import FAILED, RESCUED, SAVED, SAVING
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.rescue import default_rescue_folder
from segstudio.project.verify import verify_project

LIST = "the list of images and classes"


class Refusing(Disk):
    """Takes nothing more while `full`; hangs while `answers` is not set."""

    def __init__(self) -> None:
        self.full = False
        self.answers = threading.Event()
        self.answers.set()

    def _ask(self) -> None:
        self.answers.wait()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(self, path: Path) -> int:
        self._ask()
        return super().create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self._ask()
        super().write(descriptor, data)

    def make_folder(self, folder: Path) -> None:
        self._ask()
        super().make_folder(folder)


@pytest.fixture
def disk() -> Refusing:
    return Refusing()


@pytest.fixture(autouse=True)
def _try_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.02)


@pytest.fixture
def rescue(tmp_path: Path) -> Path:
    return tmp_path / "local" / "rescue"


@pytest.fixture
def project(tmp_path: Path, disk: Refusing, rescue: Path) -> Iterator[Project]:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((120, 150), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk, rescue=rescue)
    yield project
    disk.full = False
    disk.answers.set()
    project.close()


def draw(document: ImageDocument, count: int = 1) -> np.ndarray:
    for _ in range(count):
        number = document.planes.objects.next_id()
        document.apply(Stroke(np.array([[10.0 * number, 10], [10.0 * number, 90]]), 5, number))
    return document.planes.labels.to_array()


def first(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)


def until(reached: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def kept(rescue: Path) -> list[Path]:
    # Folders may go while they are looked through, which `os.walk` passes by.
    return [Path(folder) / name for folder, _, names in os.walk(rescue) for name in names]


def labels_of(folder: Path, rescue: Path) -> np.ndarray:
    with Project.open(folder, rescue=rescue) as again:
        return first(again).planes.labels.to_array()


def test_what_a_full_disk_refuses_is_rescued_and_goes_back(project: Project, disk: Refusing, rescue: Path) -> None:
    document = first(project)
    draw(document)
    assert document.flush()
    assert kept(rescue) == [], "a net that is not needed is not used"
    disk.full = True
    labels = draw(document, 3)
    until(lambda: document.save_state.startswith(RESCUED))
    assert "The disk is full" in document.save_state
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
        assert kept(rescue) == []
        assert tifffile.imread(again.label_path(again.images[0].id)).max() == labels.max()
        document = first(again)
        assert np.array_equal(document.planes.labels.to_array(), labels)
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
    assert kept(rescue) == []


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
        assert kept(rescue) == []
        beside = again.label_path(again.images[0].id).with_name("img.foreign-1.tif")
        assert np.array_equal(tifffile.imread(beside), ours)
        assert beside.with_suffix(".json").exists()
    with Project.open(project.folder, rescue=rescue) as third:
        assert first(third).notices == []


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
    (path,) = kept(rescue)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with Project.open(project.folder, rescue=rescue) as again:
        assert len(first(again).planes.objects) == 1
        assert "could not be brought back" in first(again).notices[0]
        until(lambda: not path.exists())
    assert [item.read_bytes() for item in kept(rescue)] == [data]
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
    (path,) = kept(rescue)
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
    (path,) = kept(rescue)
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


def two_lists(project: Project, disk: Refusing, rescue: Path) -> Path:
    """Let a list be kept, and another one be saved elsewhere; return the one that is kept."""
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    disk.full = False
    with Project.open(project.folder, rescue=rescue.parent / "another computer") as elsewhere:
        elsewhere.set_classes(elsewhere.classes.add("debris"))
    (path,) = kept(rescue)
    return path


def test_a_list_of_images_is_kept_beside_the_other_one_under_a_free_name(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    path = two_lists(project, disk, rescue)
    with Project.open(project.folder, rescue=rescue, read_only=True) as looking:
        assert looking.classes.names == ("cell", "debris")
    assert path.exists()
    (project.folder / "project.kept-1.json").write_text("another one")
    with Project.open(project.folder, rescue=rescue) as again:
        assert any("project.kept-2.json" in words for words in again.warnings)
    assert not path.exists()


class FullForOthers(Refusing):
    """Takes no list that is to be kept beside the other one."""

    def replace(self, source: Path, target: Path) -> None:
        if ".kept-" in target.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().replace(source, target)


def test_a_list_of_images_that_the_disk_refuses_a_second_time_stays_where_it_is(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    path = two_lists(project, disk, rescue)
    before = path.read_bytes()
    full = FullForOthers()
    with Project.open(project.folder, rescue=rescue, disk=full) as again:
        assert any("that of this computer stays there" in words for words in again.warnings)
        again.set_name("later")
        again.save()
        assert path.read_bytes() == before
        full.full = True
        again.set_name("later still")
        with pytest.raises(DiskError):
            again.save()
        assert len(kept(rescue)) == 2
    assert path.read_bytes() == before
    with Project.open(project.folder, rescue=rescue) as third:
        assert third.name == "later still"
        assert '"mitotic"' in (project.folder / "project.kept-1.json").read_text()
        third.save()
    assert kept(rescue) == []


def test_a_list_that_a_hung_disk_does_not_take_is_kept_elsewhere_and_goes_back(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    heard: list[str] = []
    project.rescue.on_change = lambda: heard.append(project.rescued().get(LIST, ""))
    disk.answers.clear()
    project.set_classes(project.classes.add("mitotic"))
    until(lambda: LIST in project.rescued())
    assert project.unsaved(0) == {}
    assert "does not answer" in project.rescued()[LIST]
    assert '\\"mitotic\\"' in kept(rescue)[0].read_text()
    project.set_classes(project.classes.add("debris"))  # while it hangs
    until(lambda: kept(rescue) and '\\"debris\\"' in kept(rescue)[0].read_text())
    disk.answers.set()
    until(lambda: not project.rescued())
    until(lambda: kept(rescue) == [])
    assert heard[0]
    until(lambda: heard[-1] == "")
    until(lambda: '"debris"' in (project.folder / "project.json").read_text())


def test_a_project_on_a_hung_disk_closes_and_keeps_its_list_and_its_lock(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    project.save()
    disk.answers.clear()
    project.set_classes(project.classes.add("mitotic"))
    assert not project.close()
    assert '\\"mitotic\\"' in kept(rescue)[0].read_text()
    with pytest.raises(UserError, match="already open"):
        Project.open(project.folder, rescue=rescue)
    disk.answers.set()
    until(lambda: not was_locked(project.folder, rescue))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "mitotic")
        assert again.warnings == []
    assert kept(rescue) == []


def was_locked(folder: Path, rescue: Path) -> bool:
    try:
        Project.open(folder, rescue=rescue).close()
    except UserError:
        return True
    return False


def test_a_list_that_is_refused_everywhere_is_named(project: Project, disk: Refusing, rescue: Path) -> None:
    project.rescue.disk = disk
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    until(lambda: LIST in project.unsaved(0))
    assert project.rescued() == {}
    disk.full = False
    project.retry()
    until(lambda: '"mitotic"' in (project.folder / "project.json").read_text())
    until(lambda: project.unsaved(0) == project.rescued() == {})


def test_a_list_in_the_rescue_store_that_cannot_be_read_is_passed_by(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    (path,) = kept(rescue)
    path.write_text(path.read_text().replace("schema_version", "no version"))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell",)


def test_a_list_of_images_and_classes_that_is_refused_comes_back(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    with pytest.raises(DiskError):
        project.save()
    project.set_reviewed(project.images[0].id)
    assert not project.close()
    assert kept(rescue)
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "mitotic")
        assert again.images[0].reviewed
        assert len(again.warnings) == 1
        assert "comes back now" in again.warnings[0]
    assert kept(rescue) == []
    with Project.open(project.folder, rescue=rescue) as third:
        assert third.classes.names == ("cell", "mitotic")
        assert third.warnings == []


def test_two_lists_of_images_and_classes_are_both_kept(project: Project, disk: Refusing, rescue: Path) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    with Project.open(project.folder, rescue=rescue.parent / "another computer") as elsewhere:
        elsewhere.set_classes(elsewhere.classes.add("debris"))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "debris")
        assert any("Both are kept" in sentence for sentence in again.warnings)
        assert '"mitotic"' in (project.folder / "project.kept-1.json").read_text()
    assert kept(rescue) == []


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
