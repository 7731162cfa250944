"""What cannot be saved is told, not kept quiet."""

import errno
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from psygnal import EmitLoopError
from refused_work import Refusing, draw, first, until

from segstudio.core.errors import UserError
from segstudio.io.disk import DiskError, disk_error
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project
from segstudio.project.rescue import default_rescue_folder
from segstudio.session.job_specs import all_saved_first, saved_first
from segstudio.session.notice import Notice
from segstudio.session.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.zeros((32, 32), np.uint8))
    Project.create(tmp_path / "project", tmp_path / "images")[0].close()
    session = Session()
    session.open_project(tmp_path / "project")
    return session


@pytest.fixture
def said(session: Session) -> list[Notice]:
    notices: list[Notice] = []
    session.noticed.connect(notices.append)
    return notices


@pytest.fixture
def full_disk(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    monkeypatch.setattr("segstudio.project.manifest_saving.save_manifest", refuse)


@pytest.mark.usefixtures("full_disk")
def test_a_new_class_that_cannot_be_saved_is_told(session: Session, said: list[Notice]) -> None:
    project = session.project
    assert project is not None
    project.set_classes(project.classes.add("mitotic"))
    (lasting,) = said
    assert lasting.message == (
        "The disk is full: what you did last in the list of images and classes is kept on this computer."
    )
    assert lasting.lasting
    session.close()


@pytest.mark.usefixtures("full_disk")
def test_a_project_that_cannot_be_saved_when_it_closes_is_told(session: Session, said: list[Notice]) -> None:
    session.close_project()
    assert [notice.message for notice in said] == ["The disk is full."]
    session.close()


def test_a_list_that_comes_back_is_told_until_it_is_there(
    session: Session, said: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    project = session.project
    assert project is not None
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.manifest_saving.save_manifest", refuse)
        project.set_classes(project.classes.add("mitotic"))
        session.close_project()
    said.clear()
    session.open_project(project.folder)
    end = time.monotonic() + 10
    while len(said) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    comes = "The list of images and classes was kept on this computer and comes back now."
    assert [(item.message, item.hint) for item in said] == [(comes, ""), (comes, "All is in the project again.")]
    session.close()


def test_a_backup_in_the_place_of_the_open_project_is_told_and_the_first_one_takes_all_again(
    session: Session, said: list[Notice]
) -> None:
    folder = session.project.folder
    draw(session.document)
    assert session.document.flush()
    away = folder.rename(folder.with_name("away"))
    shutil.copytree(away, folder)
    (folder / ".segstudio" / "lock").write_bytes(b"")  # as that of a project that was closed
    draw(session.document)
    until(lambda: said)
    assert said[0].message == (
        "The project's folder holds another project, or another copy of this one: what you did last in a.tif is kept "
        "on this computer."
    )
    assert said[0].hint == (
        "Put back the one that was open, and it goes in by itself. Or close the project and open it again to work "
        "with the other one: what is kept is not lost."
    )
    shutil.rmtree(folder)
    away.rename(folder)
    session.safe_keeping.retry()
    until(lambda: said[-1].message == "All is in the project again.")
    session.close()


def test_when_the_folder_of_an_open_project_is_deleted_all_that_was_drawn_can_be_taken_into_a_new_one(
    session: Session, said: list[Notice]
) -> None:
    project, document = session.project, session.document
    folder = project.folder
    document.apply(Stroke(np.array([[8.0, 8.0]]), 3, 1))
    assert document.checkpoint(wait=True)
    shutil.rmtree(folder)
    document.apply(Stroke(np.array([[22.0, 22.0]]), 3, 2))
    drawn = document.planes.labels.to_array()
    kept = project.whole_labels
    until(lambda: kept.folder is not None and not kept.take() and str(kept.folder) in said[-1].hint)
    assert said[-1].message == (
        "The project's folder was deleted, moved or renamed: what you did last in a.tif is kept on this computer."
    )
    assert said[-1].hint.startswith("Put it back where it was, and all goes in by itself. If it does not come back,")
    masks = kept.folder
    session.close()
    with Project.create(folder.with_name("new"), folder.parent / "images")[0] as new:
        assert new.import_masks(masks=new.masks(masks)) == []
        assert np.array_equal(first(new).planes.labels.to_array(), drawn)


def test_what_was_kept_whole_goes_when_the_folder_is_back(session: Session, said: list[Notice]) -> None:
    folder, kept = session.project.folder, session.project.whole_labels
    draw(session.document)
    assert session.document.flush()
    away = folder.rename(folder.with_name("away"))
    draw(session.document)
    until(lambda: kept.folder is not None and kept.folder.is_dir())
    masks = kept.folder
    away.rename(folder)
    session.safe_keeping.retry()
    until(lambda: said[-1].message == "All is in the project again.")
    until(lambda: not masks.exists())
    session.close()


def test_work_that_comes_back_in_part_is_not_called_all_of_it(session: Session, said: list[Notice]) -> None:
    folder, disk = session.project.folder, Refusing()
    session.close_project()
    with Project.open(folder, disk=disk) as project:
        disk.full = True
        draw(first(project))
        until(lambda: first(project).safe)
        draw(first(project))
        until(lambda: first(project).safe)
    (path,) = default_rescue_folder().rglob("*.sj")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    said.clear()
    session.open_project(folder)
    until(lambda: len(said) == 3)
    assert len(session.document.planes.objects) == 1
    (warning,) = (item.message for item in said if item.level == "warning")
    assert "some of what you drew last could not be brought back" in warning
    assert [item.hint for item in said if item.level != "warning"] == [
        "",
        "All that could be read is in the project again.",
    ]
    assert "good" not in [item.level for item in said]
    session.close()


def test_a_job_does_not_wait_for_ever_for_labels_that_cannot_be_saved(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    session.select(session.project.images[0].id)
    document = session.document
    assert document is not None
    document.apply(Stroke(np.array([[4.0, 4.0], [20.0, 20.0]]), 5, 1))
    done: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_tiles", refuse)
        with pytest.raises(DiskError, match="full"):
            saved_first(document, lambda: done.append("worked"))()
    assert done == []
    saved_first(document, lambda: done.append("worked"))()
    assert done == ["worked"]
    assert tifffile.imread(session.project.label_path(document.entry.id)).max() == 1
    session.close()


def test_a_job_waits_for_all_images_and_names_the_one_that_the_disk_refuses(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for one that is not in front any more: its label file is not what the user sees."""

    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", hint="Make room.", code="disk-full")

    project = session.project
    assert project is not None
    project.add_images([_another(project.folder.parent)])
    first, second = (entry.id for entry in project.images)
    session.select(first)
    document = session.document
    assert document is not None
    document.apply(Stroke(np.array([[4.0, 4.0], [20.0, 20.0]]), 5, 1))
    done: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_tiles", refuse)
        session.select(second)
        assert session.document is not document
        with pytest.raises(UserError, match=r"labels of a\.tif could not be saved: The disk is full"):
            all_saved_first(project, lambda: done.append("worked"))()
    assert done == []
    all_saved_first(project, lambda: done.append("worked"))()
    assert done == ["worked"]
    assert tifffile.imread(project.label_path(first)).max() == 1
    session.close()


def test_a_job_waits_for_an_image_that_is_open_beside_the_one_in_front(session: Session) -> None:
    project = session.project
    assert project is not None
    project.add_images([_another(project.folder.parent)])
    other = project.document(project.images[1].id)
    other.apply(Stroke(np.array([[4.0, 4.0], [20.0, 20.0]]), 5, 1))
    seen: list[int] = []
    all_saved_first(project, lambda: seen.append(int(tifffile.imread(other.files.labels).max())))()
    assert seen == [1]
    session.close()


def test_label_files_that_cannot_be_written_are_told_until_they_are(
    session: Session, said: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise disk_error(PermissionError(errno.EACCES, "Permission denied"), path)

    def heard(count: int) -> list[Notice]:
        end = time.monotonic() + 10
        while len(said) < count and time.monotonic() < end:
            time.sleep(0.01)
        return said

    session.select(session.project.images[0].id)
    document = session.document
    assert document is not None
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_tiles", refuse)
        document.apply(Stroke(np.array([[4.0, 4.0], [20.0, 20.0]]), 5, 1))
        document.checkpoint()
        (refused,) = heard(1)
    assert refused.message == "The label files of a.tif cannot be written; what you drew is safe in the project."
    assert refused.hint.startswith("a.tif could not be saved in labels: you may not write there.")
    document.checkpoint()
    _, written = heard(2)
    assert (written.message, written.about) == ("The label files of a.tif are written again.", refused.about)
    session.close()


def test_label_files_are_called_written_when_they_are_not_when_the_work_is_saved(
    session: Session, said: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise disk_error(PermissionError(errno.EACCES, "Permission denied"), path)

    project = session.project
    project.add_images([_another(project.folder.parent)])
    first_id, second_id = (entry.id for entry in project.images)
    session.select(first_id)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_tiles", refuse)
        draw(session.document)
        session.select(second_id)
        session.select(first_id)
        draw(session.document)
        assert session.document.flush()
        assert [item.level for item in said] == ["error"]
    session.select(second_id)
    assert [item.message for item in said[1:]] == ["The label files of a.tif are written again."]
    session.close()


def test_strokes_that_cannot_be_saved_stay_until_there_is_space(
    session: Session, said: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def draw(y: float) -> None:
        document.apply(Stroke(np.array([[4.0, y], [20.0, y]]), 3, document.planes.objects.next_id()))

    project = session.project
    project.add_images([_another(project.folder.parent)])
    first, second = (entry.id for entry in project.images)
    session.select(first)
    document = session.document
    draw(4)
    assert document.flush()
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.io.atomic.AppendFile.write", refuse)
        for y in (10, 16):
            draw(y)
        labels = document.planes.labels.to_array()
        session.select(second)
        assert session.document is not document
        assert list(session.unsaved()) == ["a.tif"]
        assert {notice.message for notice in said} == {
            "The project's disk is full: what you did last in a.tif is not saved yet."
        }
        session.select(first)
        assert session.document is document
        assert document.save_state.startswith("failed")
    assert document.flush()
    assert session.unsaved() == {}
    session.close()
    with Project.open(project.folder) as again:
        assert np.array_equal(again.document(first).planes.labels.to_array(), labels)


def _another(folder: Path) -> Path:
    tifffile.imwrite(folder / "b.tif", np.ones((32, 32), np.uint8))
    return folder / "b.tif"


def test_after_a_crash_the_window_saves_every_image_before_jobs_read_them(session: Session, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    tifffile.imwrite(tmp_path / "b.tif", rng.integers(0, 99, (32, 32), np.uint8))
    project = session.project
    assert project is not None
    project.add_images([tmp_path / "b.tif"])
    document = project.document(project.images[1].id)
    document.apply(Stroke([(10.0, 10.0)], 6, 1))
    assert document.flush()
    shutil.copytree(tmp_path / "project", tmp_path / "crashed")
    recovered: list[bool] = []
    session.door.recovered.connect(lambda: recovered.append(True))
    session.open_project(tmp_path / "crashed")
    opened = session.project
    assert opened is not None
    assert (opened.behind, recovered) == ((), [True]), "the list shows its labels"
    assert session.document is not None
    assert session.document.entry.name == "a.tif"
    assert tifffile.imread(tmp_path / "crashed" / "labels" / "b.tif").max() == 1
    assert all_saved_first(opened, lambda: "trained")() == "trained"
    session.close()


def test_after_a_crash_an_image_that_is_gone_is_named(session: Session, tmp_path: Path) -> None:
    project = session.project
    assert project is not None
    project.add_images([_another(tmp_path)])
    document = project.document(project.images[1].id)
    document.apply(Stroke([(10.0, 10.0)], 6, 1))
    assert document.flush()
    shutil.copytree(tmp_path / "project", tmp_path / "crashed")
    (tmp_path / "b.tif").unlink()
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(tmp_path / "crashed")
    (notice,) = (notice for notice in said if notice.group == "left-behind")
    assert notice.message.startswith("What was done last on b.tif")
    assert "not in its label file" in notice.message
    assert notice.hint.startswith("b.tif was not found"), "cut first: a banner of its own says so"
    session.close()


def test_after_a_crash_what_was_lost_in_an_image_that_is_not_in_front_is_told(session: Session, tmp_path: Path) -> None:
    project = session.project
    assert project is not None
    project.add_images([_another(tmp_path)])
    document = project.document(project.images[1].id)
    document.apply(Stroke([(10.0, 10.0)], 6, 1))
    assert document.flush()
    shutil.copytree(tmp_path / "project", tmp_path / "crashed")
    (journal,) = (tmp_path / "crashed").rglob(f"journal/{document.entry.id}/*.sj")
    data = bytearray(journal.read_bytes())
    data[data.index(b"SJR1") + 30] ^= 255
    journal.write_bytes(data)
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(tmp_path / "crashed")
    (notice,) = (notice for notice in said if notice.group == "recovered")
    assert notice.message.startswith("The journal of b is damaged")
    assert (notice.level, notice.image) == ("warning", ""), "it stays when another image is opened"
    session.close()


def test_a_project_is_closed_even_when_somebody_who_is_told_of_it_fails(session: Session, tmp_path: Path) -> None:
    def fail(project: Project | None) -> None:
        raise ValueError(project)

    session.project_changed.connect(fail)
    with pytest.raises(EmitLoopError):
        session.close()
    project = Project.open(tmp_path / "project")  # nobody writes it any more
    assert not project.read_only
    project.close()
