"""Which image is in front, and what is told about it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from refused_work import Refusing

from segstudio.labels.edits import Stroke
from segstudio.project.changes import DocumentChange
from segstudio.project.project import Project
from segstudio.session.notice import Notice
from segstudio.session.session import Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("segstudio.session.kept_preferences.preferences_path", lambda: tmp_path / "preferences.toml")
    (tmp_path / "images").mkdir()
    for number in range(3):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", np.full((32, 32), number, np.uint8))
    Project.create(tmp_path / "project", tmp_path / "images")[0].close()
    return Session()


def test_events_are_passed_on_as_they_are_and_none_is_made_up(session: Session, tmp_path: Path) -> None:
    lists: list[tuple[object, ...]] = []
    edits: list[tuple[object, ...]] = []
    session.images_changed.connect(lambda *told: lists.append(told))
    session.front.edited.connect(lambda *told: edits.append(told))
    session.open_project(tmp_path / "project")
    assert (lists, edits) == ([], []), "nothing has changed by opening"
    assert session.document is not None
    session.document.apply(Stroke(np.array([[16.0, 16]]), 5, 1))
    assert edits
    assert all(len(told) == 1 and isinstance(told[0], DocumentChange) for told in edits)
    session.close()
    assert lists
    assert set(lists) == {()}


def test_stepping_stops_at_the_ends_and_passes_over_what_is_reviewed(session: Session, tmp_path: Path) -> None:
    session.open_project(tmp_path / "project")
    project, front = session.project, session.front
    assert project is not None
    names = [entry.id for entry in project.images]
    front.step(-1)
    assert front.wanted == names[0]
    front.step(1)
    front.step(1)
    front.step(1)
    assert front.wanted == names[2]
    project.set_reviewed(names[0])
    front.next_unreviewed()
    assert front.wanted == names[1]
    session.close()


def test_an_image_that_is_left_is_closed_and_its_labels_are_on_the_disk(session: Session, tmp_path: Path) -> None:
    session.open_project(tmp_path / "project")
    first, project = session.document, session.project
    assert first is not None
    assert project is not None
    first.apply(Stroke(np.array([[16.0, 16]]), 5, 1))
    session.front.step(1)
    assert first.closed
    assert tifffile.imread(project.label_path(first.entry.id)).max() == 1
    session.front.leave()
    assert session.document is None
    session.close()


def test_an_image_that_is_left_while_its_disk_refuses_everything_counts_as_labelled(
    session: Session, tmp_path: Path
) -> None:
    disk = Refusing()
    session._take_project(Project.open(tmp_path / "project", disk=disk))
    project = session.project
    assert project is not None
    disk.full = True
    first, second, _ = (entry.id for entry in project.images)
    session.document.apply(Stroke(np.array([[16.0, 16]]), 5, 1))
    splits = dict(session.states.splits())
    session.select(second)
    assert session.states.state(first) == "labelled"
    assert session.states.labelled_count() == (1, 3)
    session.document.apply(Stroke(np.array([[16.0, 16]]), 5, 1))
    session.document.undo()
    session.select(first)
    assert session.states.labelled_count() == (1, 3)
    assert session.states.splits() == splits
    session.close()


def test_what_is_found_while_an_image_or_the_project_is_closed_is_told(
    session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[Notice] = []
    session.noticed.connect(said.append)
    session.open_project(tmp_path / "project")
    project = session.project
    assert project is not None

    def change_file_and_draw() -> None:
        document = session.document
        assert document is not None
        document.apply(Stroke(np.array([[8.0, 8]]), 3, 1))
        assert document.checkpoint(wait=True)
        tifffile.imwrite(document.files.labels, np.full((32, 32), 9, np.uint8))
        document.apply(Stroke(np.array([[20.0, 20]]), 3, 2))

    change_file_and_draw()
    session.front.step(1)
    change_file_and_draw()
    session.close()
    for notice, name in zip(said, ("0.tif", "1.tif"), strict=True):
        assert notice.level == "warning"
        assert notice.message.startswith(f"{name} was changed by another program while it was open here.")
        assert notice.message in caplog.messages, "a window that is closed shows none"


def test_what_is_found_in_an_image_that_was_left_before_it_was_open_is_told(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(tmp_path / "project") as project:
        document = project.document(project.images[1].id)
        document.apply(Stroke(np.array([[16.0, 16]]), 5, 1))
    (journal,) = (tmp_path / "project").rglob("*.sj")
    data = bytearray(journal.read_bytes())
    data[data.index(b"SJR1") + 30] ^= 255
    journal.write_bytes(data)
    session.open_project(tmp_path / "project")
    assert session.project is not None
    _, second, third = (entry.id for entry in session.project.images)
    said: list[Notice] = []
    session.front.noticed.connect(said.append)
    asked: list[tuple[Callable[[], object], Callable[[object], object]]] = []
    with monkeypatch.context() as patch:
        patch.setattr(session.background, "run", lambda work, then, *_, **__: asked.append((work, then)))
        session.front.select(second)
        session.front.select(third)
    for work, then in asked:
        then(work())
    (notice,) = said
    assert notice.message.startswith("The journal of 1 is damaged")
    assert notice.image == "", "it stays although another image is in front"
    session.close()


def test_what_is_said_of_the_pixels_of_an_image_names_its_file(session: Session, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "nothing.tif", np.full((8, 8), np.nan, np.float32))
    session.open_project(tmp_path / "project")
    assert session.project is not None
    session.project.add_images([tmp_path / "nothing.tif"])
    said: list[Notice] = []
    session.front.noticed.connect(said.append)
    session.select(session.project.images[-1].id)
    assert [notice.message for notice in said] == [
        "nothing.tif: Not one pixel holds a number (all are NaN or infinite): there is no picture to show."
    ]
    session.close()


def test_who_comes_back_to_a_stack_sees_the_plane_that_was_left(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "images" / "z.ome.tif", np.zeros((5, 32, 32), np.uint8), metadata={"axes": "ZYX"})
    Project.create(tmp_path / "stacks", tmp_path / "images")[0].close()
    session.open_project(tmp_path / "stacks")
    assert session.project is not None
    flat, *_, stack = [entry.id for entry in session.project.images]
    session.select(stack)
    session.planes.go_to(0, 3)
    session.select(flat)
    shown: list[int | None] = []
    session.document_changed.connect(lambda document: shown.append(document and document.plane))
    session.select(stack)
    assert shown == [3], "nobody sees another plane before"
    session.select(flat)
    monkeypatch.setitem(session.front._planes, stack, 7)
    session.select(stack)
    assert shown == [3, 0, 0], "there is no such plane any more"
    session.close()
