"""Earlier states in a sitting: pictures, what a restore would change, and a restore that is overtaken by strokes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, PasteLabels, Relabel, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project
from segstudio.session import earlier_states
from segstudio.session.earlier_states import Preview, Shades
from segstudio.session.label_picture import Shade, sampled, with_labels, with_shades
from segstudio.session.notice import Notice
from segstudio.session.session import Session

RED, BLUE, WHITE, GREEN = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 255, 0)
SHADES = Shades(Shade(WHITE, 1.0), Shade(BLUE, 1.0), Shade(RED, 1.0), Shade(GREEN, 1.0))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = cells((300, 400), 30)
    tifffile.imwrite(tmp_path / "img.tif", made.image)
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    infos = {number: ObjectInfo() for number in range(1, made.count + 1)}
    with project:
        document = project.document(project.images[0].id)
        document.apply(PasteLabels(made.labels, Window.whole(made.labels.shape), infos))
        document.close()
    opened = Session()
    opened.open_project(tmp_path / "project")
    yield opened
    opened.close()


def _delete(session: Session) -> None:
    document = session.document
    document.apply(Delete(tuple(sorted(document.planes.objects)[:12])))
    assert document.checkpoint(wait=True)
    session.earlier.look()


def _told(session: Session) -> list[Notice]:
    told: list[Notice] = []
    session.noticed.connect(told.append)
    return told


def _preview(session: Session, number: int) -> Preview:
    got: list[Preview] = []
    session.earlier.preview(number, 400, SHADES, got.append, lambda: True)
    return got[0]


def test_states_are_listed_when_somebody_looks(session: Session) -> None:
    assert session.earlier.states is None
    _delete(session)
    newest = session.earlier.states[0]
    assert (newest.name, newest.kind) == ("Delete 12 objects", "restore point")
    session.front.leave()
    session.earlier.look()
    assert session.earlier.states == ()


def test_a_preview_counts_and_shows_what_would_change(session: Session) -> None:
    document = session.document
    before = set(document.planes.objects)
    gone = sorted(before)[:12]
    other = sorted(before)[-1]
    _delete(session)
    document.apply(Relabel((other,), 2))
    new = document.planes.objects.next_id()
    document.apply(Stroke(np.array([[5.0, 5.0], [60.0, 5.0]]), 7, new))
    found = _preview(session, session.earlier.states[0].number)
    assert found.changes.back == set(gone)
    assert found.changes.gone == {new}
    assert other in found.changes.other
    colours = {tuple(colour) for colour in found.picture.reshape(-1, 3).tolist()}
    assert {RED, BLUE, GREEN} <= colours
    assert found.picture.shape == (300, 400, 3)
    assert tuple(found.picture[5, 30]) == RED


def test_nothing_is_worked_out_for_nobody(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    _delete(session)
    monkeypatch.setattr(earlier_states, "changes", lambda *_: pytest.fail("worked out"))
    session.earlier.preview(session.earlier.states[0].number, 400, SHADES, pytest.fail, lambda: False)


def test_a_restore_says_what_became_of_the_labels(session: Session) -> None:
    document, told = session.document, _told(session)
    before = document.planes.labels.to_array()
    _delete(session)
    number = session.earlier.states[0].number
    session.earlier.restore(number)
    assert np.array_equal(document.planes.labels.to_array(), before)
    assert told[-1].message == "The labels of img.tif are as they were before “Delete 12 objects”."
    session.earlier.restore(number)
    assert told[-1].message.endswith("already.")
    document.undo()
    assert not np.array_equal(document.planes.labels.to_array(), before)


def test_a_stroke_that_comes_in_between_is_kept(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    document, told = session.document, _told(session)
    before = document.planes.labels.to_array()
    _delete(session)
    real, strokes = earlier_states.restoration, iter(range(900, 902))

    def with_a_stroke(*args: object) -> object:
        made = real(*args)
        if (number := next(strokes, None)) is not None:
            document.apply(Stroke(np.array([[5.0, 5.0], [60.0, 5.0 + number - 900]]), 7, number))
        return made

    monkeypatch.setattr(earlier_states, "restoration", with_a_stroke)
    session.earlier.restore(session.earlier.states[0].number)
    assert np.array_equal(document.planes.labels.to_array(), before)
    document.undo()
    assert {900, 901} <= set(document.planes.objects)
    strokes = iter(range(910, 990))
    monkeypatch.setattr(earlier_states, "restoration", with_a_stroke)
    session.earlier.restore(session.earlier.states[0].number)
    assert "were not restored" in told[-1].message
    assert 910 in document.planes.objects


def test_nothing_is_restored_while_a_gesture_is_going_on(session: Session) -> None:
    document, told = session.document, _told(session)
    _delete(session)
    gesture = document.begin("Brush stroke")
    gesture.write("labels", Window(0, 0, 3, 3), np.full((3, 3), 800, np.int32))
    assert _preview(session, session.earlier.states[0].number).changes.gone == set(), "it has no row yet"
    session.earlier.restore(session.earlier.states[0].number)
    assert "were not restored" in told[-1].message
    gesture.abort()
    session.earlier.restore(session.earlier.states[0].number)
    assert "as they were before" in told[-1].message
    document.undo()
    assert document.planes.labels.value(1, 1) == 0
    document.close()
    reopened = session.project.document(document.entry.id)
    assert not reopened.notices, "the journal fits its files"


def test_a_state_that_is_gone_is_said_and_no_longer_offered(session: Session) -> None:
    told = _told(session)
    _delete(session)
    state = session.earlier.states[0]
    (state.files.journal / "snapshot.json").unlink()
    session.earlier.restore(state.number)
    assert "There is no earlier state" in told[-1].message
    assert state.number not in {other.number for other in session.earlier.states}


def test_reading_only_nothing_is_restored(session: Session, tmp_path: Path) -> None:
    _delete(session)
    number = session.earlier.states[0].number
    session.close_project()
    session.door.open(tmp_path / "project", read_only=True)
    with pytest.raises(UserError, match="reading only"):
        session.earlier.restore(number)


def test_a_picture_has_the_colours_of_the_objects(session: Session) -> None:
    _delete(session)
    got: list[np.ndarray] = []
    session.earlier.picture(session.earlier.states[0].number, 100, (RED,), got.append)
    (picture,) = got
    assert picture.shape == (75, 100, 3)
    assert (picture == np.array(RED, np.uint8)).all(axis=2).any(), "outlines"


def test_sampled_takes_what_lies_in_the_middle_also_across_tiles() -> None:
    labels = np.kron(np.arange(1, 13, dtype=np.int32).reshape(3, 4), np.ones((350, 400), np.int32))
    small = sampled(LabelMap.from_array(labels), (3, 4))
    assert small.tolist() == np.arange(1, 13).reshape(3, 4).tolist()


def test_objects_are_filled_and_their_edges_are_strong() -> None:
    labels = np.zeros((7, 7), np.int32)
    labels[1:6, 1:6] = 4
    grey = np.full((7, 7, 3), 100, np.uint8)
    drawn = with_labels(grey, labels, (RED, BLUE))
    assert tuple(drawn[0, 0]) == (100, 100, 100)
    assert tuple(drawn[1, 3]) == BLUE
    assert tuple(drawn[3, 3]) == (60, 60, 162)
    hatched = with_shades(grey, (labels, {Shade(RED, 1.0, hatched=True): {4}}))
    inside = hatched[2:5, 2:5].reshape(-1, 3).tolist()
    assert [255, 0, 0] in inside
    assert [100, 100, 100] in inside
    assert np.array_equal(with_shades(grey, (labels, {Shade(RED): set()})), grey)


def test_the_states_of_an_image_that_cannot_be_opened_are_shown_and_restored(session: Session) -> None:
    document, project = session.document, session.project
    then = set(document.planes.objects)
    _delete(session)
    document.close()
    session.front.leave()
    shutil.rmtree(document.files.journal)
    document.files.objects.write_bytes(b"{")
    session.select(document.entry.id)
    assert (session.document, session.front.damaged) == (None, document.entry.id)
    session.earlier.turn_to(session.front.damaged)
    assert (session.earlier.image, session.earlier.damaged) == (project.entry(document.entry.id), True)
    number = session.earlier.states[0].number
    assert _preview(session, number).changes.back == then
    told = _told(session)
    session.earlier.restore(number)
    assert set(session.document.planes.objects) == then
    assert (session.earlier.damaged, session.front.damaged) == (False, "")
    assert told[0].message == "The labels of img.tif are as they were before “Delete 12 objects”."
