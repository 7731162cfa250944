"""Going through unreviewed and suspicious objects, plane by plane, and on to the next image that has some."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from later_background import LaterBackground
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete
from segstudio.labels.objects import ObjectInfo, ReviewState
from segstudio.labels.paste import PasteLabels
from segstudio.labels.state_edit import SetState
from segstudio.project.document import ImageDocument
from segstudio.project.layout import Layout
from segstudio.session.session import Session

FOUND = ObjectInfo(source="model", state="unreviewed")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Yield a session of two images: a stack of three planes, and a flat one."""
    folder = tmp_path / "images"
    folder.mkdir()
    stack = np.zeros((3, 40, 40), np.uint8)
    tifffile.imwrite(folder / "a.tif", stack, metadata={"axes": "ZYX"}, imagej=True)
    tifffile.imwrite(folder / "b.tif", stack[0])
    session = Session()
    session.create_project(tmp_path / "project", [folder])
    yield session
    session.close()


def paste(session: Session, plane: int, labels: NDArray[np.int32]) -> None:
    document = session.document
    assert document is not None
    document.turn_to(plane)
    infos = {int(item): FOUND for item in np.unique(labels) if item}
    document.apply(PasteLabels(labels, Window.whole(labels.shape), infos))


def squares(*places: tuple[int, int]) -> NDArray[np.int32]:
    labels = np.zeros((40, 40), np.int32)
    for number, (row, column) in enumerate(places, start=1):
        labels[row : row + 5, column : column + 5] = number
    return labels


def states(session: Session) -> dict[int, ReviewState]:
    assert session.document is not None
    return {item: info.state for item, info in sorted(session.document.stack.objects.items())}


def test_each_object_comes_once_on_its_plane_and_then_the_next_image(session: Session) -> None:
    walk = session.object_walk
    assert session.project is not None
    first, second = (entry.id for entry in session.project.images)
    session.select(second)
    paste(session, 0, squares((3, 3)))
    session.select(first)
    paste(session, 2, squares((3, 3), (20, 20)))  # 1 and 2
    paste(session, 1, squares((9, 9)))  # 3
    assert session.document is not None
    session.document.turn_to(2)
    walk.next()
    assert walk.current == 1, "the plane in front comes first"
    session.document.turn_to(0)
    assert (walk.left, walk.total, walk.current) == (3, 3, 1)
    seen: list[Window] = []
    walk.focused.connect(seen.append)
    walk.next()
    assert (walk.current, session.document.plane, seen) == (3, 1, [Window(9, 9, 14, 14)])
    walk.accept()
    assert (walk.current, session.document.plane, walk.left, walk.total) == (1, 2, 2, 3)
    walk.doubt()
    assert (walk.current, walk.left, walk.suspicious) == (2, 1, 1)
    assert states(session) == {1: "suspicious", 2: "unreviewed", 3: "accepted"}
    walk.accept()
    assert session.document.entry.id == second
    assert (walk.current, session.view.selected, walk.left) == (1, {1}, 1)
    said: list[str] = []
    session.noticed.connect(lambda notice: said.append(notice.message))
    walk.accept()  # the first image has a suspicious one
    assert session.document.entry.id == first
    assert walk.current == 1
    walk.accept()
    assert said == ["All objects of all images are reviewed."]


def test_what_is_marked_is_what_is_selected(session: Session) -> None:
    walk = session.object_walk
    paste(session, 0, squares((3, 3), (20, 20), (30, 30)))
    walk.next()
    session.view.selected = frozenset({2})
    walk.accept()
    assert states(session) == {1: "unreviewed", 2: "accepted", 3: "unreviewed"}
    assert (walk.current, session.view.selected) == (3, {3})
    session.view.selected = frozenset()
    walk.accept()
    assert states(session)[3] == "unreviewed", "nothing was selected: only brought back into focus"
    assert session.view.selected == {3}


def test_a_deleted_object_is_done_and_undo_lets_it_wait_again(session: Session) -> None:
    walk = session.object_walk
    paste(session, 0, squares((3, 3), (20, 20)))
    document = session.document
    assert document is not None
    walk.next()
    document.apply(Delete((1,)))
    assert (walk.current, walk.left, walk.total) == (2, 1, 2)
    document.undo()
    assert (walk.left, walk.total) == (2, 2)
    document.apply(SetState((1, 2), "accepted"))
    assert (walk.left, walk.total) == (0, 2)
    document.undo()
    walk.previous()
    assert walk.current == 1


def test_a_row_of_the_table_without_pixels_is_passed_over(session: Session) -> None:
    walk, document = session.object_walk, session.document
    assert document is not None
    paste(session, 0, squares((3, 3)))
    document.stack.objects.set(50, FOUND)
    walk.load(document)
    walk.next()
    assert (walk.current, walk.left, walk.total) == (1, 1, 1)
    document.apply(SetState((50,), "suspicious"))
    assert (walk.current, walk.left, walk.total) == (1, 1, 1)
    walk.accept()
    assert (walk.current, walk.left) == (0, 0)


def test_each_image_is_tried_once_where_tables_on_the_disk_stay_behind(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.session.object_walk.any_to_review", lambda _path: True)
    paste(session, 0, squares((3, 3)))
    walk = session.object_walk
    shown: list[str] = []
    said: list[str] = []

    def show(document: ImageDocument | None) -> None:
        shown.extend([document.entry.name] if document is not None else [])
        assert len(shown) < 5

    session.document_changed.connect(show)
    session.noticed.connect(lambda notice: said.append(notice.message))
    walk.next()
    for name in ("b.tif", "a.tif"):
        walk.accept()
        assert (shown, walk.current) == ([name], 0)
        assert said == ["All objects of all images are reviewed."]
        shown.clear()
        said.clear()


def test_paths_of_images_are_not_made_by_the_window(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[str] = []
    monkeypatch.setattr(Layout, "files", lambda _self, entry: files.append(entry.name))
    later = LaterBackground()
    monkeypatch.setattr(session.object_walk, "_background", later)
    session.object_walk.next()
    assert (files, len(later.waiting)) == ([], 1)
