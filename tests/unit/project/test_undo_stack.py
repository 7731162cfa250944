"""Undo goes back to the first stroke, however little memory there is for it: the journal has what is not held."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from later_background import LaterBackground
from one_document import SHAPE, opened, stroke
from refused_work import Refusing

from segstudio.labels.objects import ObjectInfo
from segstudio.project import undo_stack
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, encode_header, read_journal
from segstudio.project.journal_records import encode_record
from segstudio.session.background import Background
from segstudio.session.front_image import FrontImage
from segstudio.session.steps_ahead import StepsAhead

#: Room for two strokes.
_FEW = 3000


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageDocument:
    monkeypatch.setattr(undo_stack, "LIMIT_BYTES", _FEW)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    return opened(tmp_path)


def _state(document: ImageDocument) -> tuple[bytes, dict[int, ObjectInfo]]:
    return document.planes.labels.to_array().tobytes(), dict(document.planes.objects)


def _steps(background: Background) -> StepsAhead:
    return StepsAhead(FrontImage(lambda: None, background, "images"), background)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=st.lists(st.sampled_from(["stroke", "stroke", "undo", "undo", "redo", "reopen"]), max_size=25))
def test_any_way_back_and_forth_is_exact(
    wishes: list[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_stack, "LIMIT_BYTES", _FEW)
    folder = tmp_path_factory.mktemp("image")
    tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
    document = opened(folder)
    states, at = [_state(document)], 0
    for number in range(1, 7):
        document.apply(stroke(number))
        states.append(_state(document))
        at += 1
    for number, wish in enumerate(wishes, 7):
        if wish == "stroke":
            assert document.apply(stroke(number)) is not None
            del states[at + 1 :]
            states.append(_state(document))
            at += 1
        elif wish == "reopen":
            document.close()
            document = opened(folder)
        elif wish == "undo":
            _steps(Background()).undo(document)
            at = max(0, at - 1)
        else:
            _steps(Background()).redo(document)
            at = min(len(states) - 1, at + 1)
        assert _state(document) == states[at]
        assert (document.can_undo, document.can_redo) == (at > 0, at < len(states) - 1)
    document.close()


def test_the_window_reads_no_journal(document: ImageDocument, monkeypatch: pytest.MonkeyPatch) -> None:
    states, read = [_state(document)], 0
    for number in range(1, 9):
        document.apply(stroke(number))
        states.append(_state(document))
    assert document.flush()
    background = LaterBackground()
    steps = _steps(background)
    for state in reversed(states[:-1]):
        lacks = document.history.lacks("undo")
        steps.undo(document)
        assert bool(background.waiting) == lacks
        if lacks:
            background.work()
            read += 1
        assert _state(document) == state
    assert read > 1
    assert document.history.nbytes <= _FEW
    document.close()


def _back_to_what_lacks(document: ImageDocument) -> list[str]:
    """Draw and undo until a step has to be read; return where news will come."""
    for number in range(1, 9):
        document.apply(stroke(number))
    while not document.history.lacks("undo"):
        document.undo()
    assert document.flush()
    told: list[str] = []
    document.noticed.connect(told.append)
    return told


def test_while_the_journal_cannot_be_read_nothing_is_undone_and_nothing_lost(
    document: ImageDocument, tmp_path: Path
) -> None:
    told, steps, before = _back_to_what_lacks(document), _steps(Background()), _state(document)
    (tmp_path / "journal").rename(tmp_path / "away")
    steps.undo(document)
    (tmp_path / "away").rename(tmp_path / "journal")
    assert told == [
        "Earlier actions on img.tif cannot be undone now: their journal cannot be read. Check the drive of the project "
        "and try again. The labels stay as they are."
    ]
    assert _state(document) == before
    steps.undo(document)
    assert _state(document) != before
    document.close()


def test_an_action_of_another_program_behind_the_next_one_is_never_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_stack, "LIMIT_BYTES", 6 * _FEW)
    monkeypatch.setattr(undo_stack, "_SHARE", 2)
    documents = []
    for place, numbers in (("here", range(1, 21)), ("there", range(21, 41))):
        (tmp_path / place).mkdir()
        tifffile.imwrite(tmp_path / place / "img.tif", np.zeros(SHAPE, np.uint8))
        documents.append(opened(tmp_path / place))
        for number in numbers:
            documents[-1].apply(stroke(number))
        assert documents[-1].flush()
    ours, others = documents
    place = JournalPlace(ours.files.journal, "img", SHAPE)
    theirs = read_journal(replace(place, folder=others.files.journal)).records[2]
    path = place.folder / f"{1:012d}-{'0' * 12}-0.sj"
    path.write_bytes(encode_header(place, "0" * 12, 1) + encode_record(theirs))
    steps = _steps(Background())
    for _ in range(20):
        steps.undo(ours)
        assert set(ours.planes.objects) == ours.planes.labels.values() <= set(range(1, 21))
    assert ours.planes.labels.values() == {1, 2, 3}, "up to the action that is another one"
    ours.close()
    others.close()


def test_who_goes_on_while_a_step_is_read_waits_for_no_drive_and_is_told_once(
    document: ImageDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, background = _back_to_what_lacks(document), LaterBackground()
    steps, objects = _steps(background), set(document.planes.objects)
    with monkeypatch.context() as hung:
        hung.setattr(undo_stack, "read_journal", lambda _place: pytest.fail("read in the window"))
        assert document.undo() is None
        steps.undo(document)
        steps.undo(document)
        assert document.apply(stroke(20)) is not None
    assert told == [
        "An earlier action on img.tif was not undone: it was still being read from the drive of the project when you "
        "went on. The labels stay as they are."
    ]
    background.work()  # too late
    assert set(document.planes.objects) == {*objects, 20}
    for _ in objects | {20}:
        steps.undo(document)
    while background.waiting:
        background.work()
    assert document.planes.blank
    document.close()


def test_what_the_disk_refuses_can_be_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo_stack, "LIMIT_BYTES", _FEW)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    disk = Refusing()
    document, steps = opened(tmp_path, disk=disk), _steps(Background())
    disk.full = True
    for number in range(1, 9):
        document.apply(stroke(number))
    for _ in range(8):
        steps.undo(document)
    assert document.planes.blank
    disk.full = False
    document.retry()
    assert document.close()
