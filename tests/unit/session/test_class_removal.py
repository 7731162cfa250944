"""A class is removed whole: what fails on the way changes nothing, or is finished when the project opens again."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.disk import DiskError
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project
from segstudio.session.notice import Notice
from segstudio.session.session import Session

CELL, DEBRIS = 1, 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of five images with a cell and a piece of debris each."""
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    (tmp_path / "images").mkdir()
    for number in range(5):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", np.full((32, 32), number, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "images")
    project.set_classes(project.classes.add("debris"))
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(Stroke(np.array([[8.0, 8]]), 5, 1, CELL))
        document.apply(Stroke(np.array([[22.0, 22]]), 5, 2, DEBRIS))
    project.close()
    return tmp_path / "project"


def classes_in(folder: Path) -> list[set[int]]:
    """Return the classes that the objects of each image have on the disk."""
    with Project.open(folder, read_only=True) as project:
        tables = [read_objects(project.files(entry.id).objects)[0] for entry in project.images]
    return [{info.class_id for info in table.values()} for table in tables]


def full_after(files: int) -> Callable[..., None]:
    """Return what writes object tables until the disk is full."""
    from segstudio.project import publisher

    write, room = publisher.write_objects, [files]

    def refuse(*arguments: object, **options: object) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise DiskError("The disk is full.", hint="Make room.", code="disk-full")
        write(*arguments, **options)

    return refuse


def test_a_removal_that_a_full_disk_stops_is_finished_when_the_project_opens_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(folder)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_objects", full_after(3))
        session.classes.remove(DEBRIS, CELL)
    assert session.project is not None
    assert session.project.classes.names == ("cell", "debris")
    assert "not removed yet" in said[-1].message
    session.close()
    session = Session()
    session.noticed.connect(said.append)
    session.open_project(folder)
    assert session.project.classes.names == ("cell",)
    assert said[-1].message == "The class debris is removed."
    session.close()
    assert classes_in(folder) == [{CELL}] * 5


def test_nothing_moves_when_the_disk_is_full_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    session = Session()
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(folder)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.manifest_saving.save_manifest", refuse)
        session.classes.remove(DEBRIS, CELL)
    assert [notice.message for notice in said] == ["The disk is full."]
    session.close()
    assert classes_in(folder) == [{CELL, DEBRIS}] * 5
    with Project.open(folder) as project:
        assert project.removing is None


def test_nothing_moves_when_an_image_with_such_objects_is_missing(folder: Path) -> None:
    session = Session()
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(folder)
    (folder.parent / "images" / "3.tif").rename(folder.parent / "away")
    session.classes.remove(DEBRIS, CELL)
    assert "3.tif" in said[0].message
    session.close()
    assert classes_in(folder) == [{CELL, DEBRIS}] * 5


def test_a_program_that_is_killed_on_the_way_finishes_the_next_time(folder: Path, tmp_path: Path) -> None:
    project = Project.open(folder)
    project.begin_removing(DEBRIS, CELL)
    shutil.copytree(folder, tmp_path / "killed")
    project.close()
    for looking_only in (True, False):
        session = Session()
        session.open_project(tmp_path / "killed", read_only=looking_only)
        assert session.project is not None
        assert session.project.classes.names == (("cell", "debris") if looking_only else ("cell",))
        session.close()
    assert classes_in(tmp_path / "killed") == [{CELL}] * 5
    with Project.open(tmp_path / "killed") as again:
        assert again.removing is None


def test_a_class_with_objects_stays_while_nobody_says_what_becomes_of_them(folder: Path) -> None:
    session = Session()
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(folder)
    session.classes.remove(DEBRIS)
    assert said[-1].message == "0.tif has objects of the class."
    assert session.project is not None
    assert session.project.classes.names == ("cell", "debris")
    session.close()


def test_an_image_on_its_way_to_the_front_is_moved_when_it_is_there(folder: Path) -> None:
    """It belongs to the main thread then: another one must not change or close it."""
    waiting: list[tuple[str, Callable[[], None]]] = []
    session = Session(lambda call: waiting.append((threading.current_thread().name, call)))
    said: list[Notice] = []
    session.noticed.connect(said.append)

    def turn(until: Callable[[], bool], *, held: str = "none") -> None:
        end = time.monotonic() + 60
        while not until():
            assert time.monotonic() < end, f"waited in vain: {said}, {waiting}"
            ready = next((item for item in waiting if not item[0].startswith(held)), None)
            if ready is None:
                time.sleep(0.002)  # or the threads that are waited for hardly run
                continue
            waiting.remove(ready)
            ready[1]()

    session.open_project(folder)
    turn(lambda: session.document is not None)
    turn(lambda: not waiting)
    project = session.project
    assert project is not None
    second = project.images[1].id
    session.select(second)
    session.classes.remove(DEBRIS, CELL)
    # The second image is open, and by the time the others are moved nobody has been told so.
    turn(lambda: sum(name.startswith("documents") for name, _ in waiting) == 2, held="documents")
    turn(lambda: project.classes.names == ("cell",))
    assert session.document is not None
    assert session.document.entry.id == second
    assert not session.document.closed
    session.close()
    assert classes_in(folder) == [{CELL}] * 5


def test_a_removal_after_a_crash_does_not_keep_images_from_being_opened(folder: Path, tmp_path: Path) -> None:
    """It waits for what is recovered, and that happens where images are opened."""
    project = Project.open(folder)
    document = project.document(project.images[4].id)
    document.apply(Stroke(np.array([[16.0, 4]]), 3, 3, DEBRIS))
    assert document.flush()
    shutil.copytree(folder, tmp_path / "killed")
    project.close()
    waiting: list[Callable[[], None]] = []
    session = Session(waiting.append)
    done: list[str] = []
    session.classes.removed.connect(done.append)
    session.noticed.connect(lambda notice: done.append(notice.message))

    def turn(until: Callable[[], bool]) -> None:
        while not until():
            if waiting:
                waiting.pop(0)()

    session.open_project(tmp_path / "killed")
    turn(lambda: session.project is not None)
    session.classes.remove(DEBRIS, CELL)
    turn(lambda: bool(done))
    assert done[0] == "debris" or "removed" in done[0]
    session.close()
    assert classes_in(tmp_path / "killed") == [{CELL}] * 5


def test_what_is_found_in_an_image_whose_objects_move_is_told(folder: Path) -> None:
    with Project.open(folder, read_only=True) as project:
        (journal,) = project.files(project.images[3].id).journal.glob("*.sj")
    data = bytearray(journal.read_bytes())
    data[data.rindex(b"SJR1") + 30] ^= 255
    journal.write_bytes(data)
    session, said = Session(), list[Notice]()
    session.noticed.connect(said.append)
    session.open_project(folder)
    session.classes.remove(DEBRIS, CELL)
    (notice,) = (notice for notice in said if notice.level == "warning")
    assert notice.message.startswith("The journal of 3 is damaged")
    session.close()
