"""Masks taken as labels of images that are in the project: all in turn, and none where the user draws."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.labels.edits import Polygon
from segstudio.project.mask_import import read_mask
from segstudio.session.notice import Notice
from segstudio.session.session import Session

_COUNT = 11
_SQUARE = np.array([(2, 2), (9, 2), (9, 9), (2, 9)])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Yield a session with a project of one image without labels."""
    for number in range(_COUNT):
        labels = np.zeros((40, 50), np.uint16)
        labels[8:20, 8:20] = number + 1
        for place, pixels in (("images", labels.astype(np.uint8)), ("masks", labels)):
            (tmp_path / place).mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / place / f"{number:02}.tif", pixels)
    (tmp_path / "other").mkdir()
    tifffile.imwrite(tmp_path / "other" / "x.tif", np.zeros((40, 50), np.uint8))
    made = Session()
    made.create_project(tmp_path / "project", [tmp_path / "other"])
    yield made
    made.close()


def _add(session: Session, folder: Path) -> dict[str, Path]:
    """Add the images; return the masks that are offered."""
    offers: list[dict[str, Path]] = []
    session.masks.offered.connect(lambda masks, _added: offers.append(masks))
    session.add_images(sorted((folder / "images").iterdir()))
    return offers[-1]


def test_many_masks_are_taken_in_turns_and_counted_once(session: Session, tmp_path: Path) -> None:
    said: list[Notice] = []
    masks = _add(session, tmp_path)
    session.noticed.connect(said.append)
    session.select(next(iter(masks)))
    session.masks.take(masks)
    assert [notice.message for notice in said] == [
        "The labels of 11 images are being taken from masks …",
        "The labels of 11 images were taken from masks.",
    ]
    assert len({notice.about for notice in said}) == 1, "one takes the place of the other"
    assert session.states.labelled_count() == (_COUNT, _COUNT + 1)
    assert session.document is not None
    assert session.document.history.undo_name == "Import mask"


def test_a_mask_is_not_taken_into_a_stroke_that_is_going_on(session: Session, tmp_path: Path) -> None:
    said: list[Notice] = []
    masks = _add(session, tmp_path)
    session.noticed.connect(said.append)
    session.select(next(iter(masks)))
    document = session.document
    assert document is not None
    stroke = document.begin("Brush stroke")
    session.masks.take(dict(list(masks.items())[:1]))
    says = "00.tif was not imported: a stroke was going on in its image. Import it again with File > Import masks…"
    assert [notice.message for notice in said] == [says]
    stroke.abort()
    document.apply(Polygon(_SQUARE, None))
    session.masks.take(dict(list(masks.items())[:2]))
    assert said[-1].message == "The labels of 1 image were taken from masks."
    assert len(document.planes.objects) == 1


def test_what_the_disk_refuses_is_told_with_what_was_taken(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []
    masks = _add(session, tmp_path)
    session.noticed.connect(said.append)

    def refuse() -> None:
        raise UserError("The disk is full.", code="disk-full")

    with monkeypatch.context() as full:
        full.setattr(session.project, "save", refuse)
        session.masks.take(masks)
    assert [notice.message for notice in said[1:]] == [
        "The disk is full.",
        "After that 3 masks were not imported. Import them again with File > Import masks…",
        "The labels of 8 images were taken from masks.",
    ]


def test_an_image_that_is_taken_out_meanwhile_keeps_no_other_mask_back(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []
    masks = dict(list(_add(session, tmp_path).items())[:4])
    first, second, front, _ = masks
    session.select(front)
    session.noticed.connect(said.append)
    project = session.project
    assert project is not None

    def read(*words: Any) -> Any:
        project.remove_images([second, front])
        return read_mask(*words)

    monkeypatch.setattr("segstudio.project.mask_import.read_mask", read)
    session.masks.take(masks)
    assert [notice.message for notice in said] == ["The labels of 2 images were taken from masks."]
    assert {entry.id for entry in project.images if entry.labelled} == masks.keys() - {second, front}
    assert not project.read_only
    assert first in {entry.id for entry in project.images}


def test_masks_that_were_looked_for_in_another_project_are_not_taken(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []
    session.add_images(sorted((tmp_path / "images").iterdir()))
    project = session.project
    assert project is not None
    found = project.masks(tmp_path / "masks")
    assert found

    def look(folder: Path) -> dict[str, Path]:
        session.create_project(tmp_path / "copy", [tmp_path / "images"])
        session.noticed.connect(said.append)
        return found

    monkeypatch.setattr(project, "masks", look)
    session.masks.take_from(tmp_path / "masks")
    assert session.project is not project
    assert session.states.labelled_count() == (0, _COUNT)
    assert not said


def test_the_project_can_be_changed_while_a_mask_is_read(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = _add(session, tmp_path)
    project, done = session.project, threading.Event()
    assert project is not None
    waited: list[bool] = []

    def work() -> None:
        project.set_reviewed(project.images[0].id)
        done.set()

    others = threading.Thread(target=work, daemon=True)

    def read(*words: Any) -> Any:
        others.start()
        waited.append(done.wait(20))
        return read_mask(*words)

    monkeypatch.setattr("segstudio.project.mask_import.read_mask", read)
    session.masks.take(dict(list(masks.items())[:1]))
    others.join()
    assert waited == [True]
    assert session.states.labelled_count()[0] == 2


def test_what_is_odd_about_a_mask_is_told_once_when_another_image_comes_to_the_front(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []
    masks = dict(list(_add(session, tmp_path).items())[:1])
    (image_id,) = masks
    project = session.project
    assert project is not None
    other = next(entry.id for entry in project.images if entry.id != image_id)
    session.select(image_id)
    session.noticed.connect(said.append)

    def read(mask: Path, *words: Any) -> Any:
        session.select(other)
        return read_mask(mask, *words)[0], ["Two objects were one."]

    monkeypatch.setattr("segstudio.project.project.read_mask", read)
    monkeypatch.setattr("segstudio.project.mask_import.read_mask", read)
    session.masks.take(masks)
    assert [notice.message for notice in said] == [
        "00.tif: Two objects were one.",
        "The labels of 1 image were taken from masks.",
    ]


def test_a_mask_waits_for_a_stroke_while_others_are_taken(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Notice] = []
    masks = _add(session, tmp_path)
    session.select(next(iter(masks)))
    session.noticed.connect(said.append)
    document, project = session.document, session.project
    assert document is not None
    assert project is not None
    stroke = document.begin("Brush stroke")
    take, turns = project.import_masks, []

    def take_turn(**words: Any) -> list[str]:
        turns.append(words)
        if len(turns) == 2:
            stroke.abort()
        return take(**words)

    monkeypatch.setattr(project, "import_masks", take_turn)
    session.masks.take(masks)
    assert said[-1].message == "The labels of 11 images were taken from masks."
    assert len(document.planes.objects) == 1


def test_the_mask_of_an_image_that_was_just_left_is_taken_when_it_is_closed(session: Session, tmp_path: Path) -> None:
    said: list[Notice] = []
    masks = dict(list(_add(session, tmp_path).items())[:1])
    (image_id,) = masks
    project, run = session.project, session.background.run
    assert project is not None
    left = project.document(image_id)  # what the front has left, and is to close after this turn
    session.noticed.connect(said.append)

    def close_after(work: Any, then: Any = None, failed: Any = None, lane: str = "") -> None:
        def taken(read: Any) -> None:
            if lane:
                left.close()
            then(read)

        run(work, taken if then is not None else None, failed, lane)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.background, "run", close_after)
        session.masks.take(masks)
    assert [notice.message for notice in said] == ["The labels of 1 image were taken from masks."]


def test_a_mask_of_an_image_that_stays_open_is_told_with_what_to_do(session: Session, tmp_path: Path) -> None:
    said: list[Notice] = []
    masks = dict(list(_add(session, tmp_path).items())[:1])
    project = session.project
    assert project is not None
    document = project.document(next(iter(masks)))
    session.noticed.connect(said.append)
    session.masks.take(masks)
    (notice,) = said
    assert "00.tif was not imported: 00.tif is open." in notice.message
    assert "Import it again when another image is in front" in notice.message
    document.close()
