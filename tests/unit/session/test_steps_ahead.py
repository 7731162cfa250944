"""Undo and redo of large actions: unpacked on a thread, exact, and in the order in which all was asked for."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from factories import cells
from later_background import LaterBackground

from segstudio.core.tiles import Window
from segstudio.labels import history
from segstudio.labels.edits import Delete, PasteLabels, Relabel, Stroke
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.restoring import restoration
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session import steps_ahead
from segstudio.session.background import Background
from segstudio.session.edits_ahead import EditsAhead, Wish
from segstudio.session.session import Session
from segstudio.session.steps_ahead import StepsAhead

SHAPE = (600, 700)
STROKE = Stroke(np.array([[5.0, 5.0], [60.0, 5.0]]), 7, 900)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr(steps_ahead, "MANY_TILES", 1)
    made = cells(SHAPE, 40)
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", made.image if name == "a" else made.image + 1)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    project.close()
    opened = Session()
    opened.open_project(tmp_path / "project")
    infos = {number: ObjectInfo() for number in range(1, made.count + 1)}
    _front(opened).apply(PasteLabels(made.labels, Window.whole(SHAPE), infos))
    yield opened
    opened.close()


@pytest.fixture
def background() -> LaterBackground:
    return LaterBackground()


@pytest.fixture
def steps(session: Session, background: LaterBackground) -> StepsAhead:
    return StepsAhead(session.front, background)


def _front(session: Session) -> ImageDocument:
    assert session.document is not None
    return session.document


def _delete_all(document: ImageDocument) -> Delete:
    return Delete(tuple(document.planes.objects))


def _state(document: ImageDocument) -> tuple[int, dict[int, ObjectInfo]]:
    return hash(document.planes.labels.to_array().tobytes()), dict(document.planes.objects)


def test_tiles_and_rows_are_changed_on_another_thread(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    posts: queue.Queue[Callable[[], None]] = queue.Queue()
    background, document = Background(posts.put), _front(session)
    steps, where = StepsAhead(session.front, background), set()
    told: list[frozenset[int]] = []

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*args: Any) -> Any:
            where.add(threading.get_ident())
            return call(*args)

        return watching

    before = _state(document)
    document.apply(_delete_all(document))
    monkeypatch.setattr(history, "apply_delta", watched(history.apply_delta))
    monkeypatch.setattr(ObjectTable, "set", watched(ObjectTable.set))
    document.changed.connect(lambda change: told.append(change.object_ids))
    try:
        steps.undo(document)
        assert steps.busy
        posts.get(timeout=30)()
        assert not steps.busy
        assert _state(document) == before
        assert told == [frozenset(before[1])]
        assert where
        assert threading.get_ident() not in where
    finally:
        background.close()


def test_it_is_the_same_as_in_place_and_stays(
    session: Session, steps: StepsAhead, background: LaterBackground, tmp_path: Path
) -> None:
    document = _front(session)
    states = [_state(document)]
    document.apply(_delete_all(document))
    states.append(_state(document))
    for step, expected in (("undo", 0), ("redo", 1), ("undo", 0)):
        getattr(steps, step)(document)
        assert _state(document) == states[1 - expected], "nothing is done yet"
        background.work()
        assert _state(document) == states[expected]
        assert (document.can_undo, document.can_redo) == (True, expected == 0)
    assert document.planes.labels.values() == set(document.planes.objects)
    session.close_project()
    session.open_project(tmp_path / "project")
    assert _state(_front(session)) == states[0]
    _front(session).redo()
    assert _state(_front(session)) == states[1]


def test_a_stroke_comes_after_the_step_that_was_asked_for_before(
    session: Session, steps: StepsAhead, background: LaterBackground
) -> None:
    document = _front(session)
    before = _state(document)
    document.apply(_delete_all(document))
    steps.undo(document)
    document.apply(STROKE)
    assert not steps.busy
    assert document.planes.objects.keys() == before[1].keys() | {900}
    background.work()  # too late: it has been done
    assert document.planes.objects.keys() == before[1].keys() | {900}
    document.undo()
    assert _state(document) == before


def test_steps_wait_for_each_other(session: Session, steps: StepsAhead, background: LaterBackground) -> None:
    document = _front(session)
    states = [_state(document)]
    for edit in (
        _delete_all(document),
        STROKE,
        PasteLabels(np.full(SHAPE, 3, np.int32), Window.whole(SHAPE), {3: ObjectInfo()}),
    ):
        document.apply(edit)
        states.append(_state(document))
    for step in ("undo", "undo", "redo", "undo", "undo"):
        getattr(steps, step)(document)
    assert _state(document) == states[3]
    for expected in (2, 1, 2, 1, 0):
        assert steps.busy
        background.work()
        assert _state(document) == states[expected]
    assert not steps.busy
    assert not background.waiting


def test_an_undo_while_an_undo_is_unpacked_goes_on_in_place_when_somebody_paints(
    session: Session, steps: StepsAhead, background: LaterBackground
) -> None:
    document = _front(session)
    before = _state(document)
    document.apply(Relabel(tuple(document.planes.objects), 2))
    document.apply(_delete_all(document))
    steps.undo(document)
    steps.undo(document)
    document.apply(STROKE)
    document.undo()
    assert _state(document) == before
    while background.waiting:
        background.work()
    assert _state(document) == before


def test_more_steps_than_actions(session: Session, steps: StepsAhead, background: LaterBackground) -> None:
    document = _front(session)
    for _ in range(3):
        steps.undo(document)
    background.work()
    assert (steps.busy, document.asked, document.can_undo) == (False, False, False)
    steps.redo(document)
    background.work()
    assert document.planes.objects


def test_nothing_is_left_undone_when_the_image_is_left(
    session: Session, steps: StepsAhead, background: LaterBackground, tmp_path: Path
) -> None:
    document = _front(session)
    before = _state(document)
    document.apply(_delete_all(document))
    steps.undo(document)
    session.close_project()
    assert not steps.busy
    background.work()
    session.open_project(tmp_path / "project")
    assert _state(_front(session)) == before


def test_what_is_worked_out_ahead_comes_after_the_step(
    session: Session, steps: StepsAhead, background: LaterBackground
) -> None:
    document, later = _front(session), LaterBackground()
    ahead, found = EditsAhead(session.front, later), []
    document.apply(_delete_all(document))
    edit = Relabel((1, 2, 3), 2)
    ahead.apply(document, Wish(lambda: edit, lambda _edit, record: found.append(record)))
    steps.undo(document)
    later.work()
    assert (found, ahead.busy) == ([], True)
    background.work()
    while later.waiting:
        later.work()
    assert len(found) == 1
    assert document.planes.objects[1].class_id == 2
    assert document.history.undo_name == edit.name


def test_a_state_that_was_worked_out_before_the_step_is_refused(session: Session, steps: StepsAhead) -> None:
    document = _front(session)
    then = document.planes.snapshot()
    document.apply(_delete_all(document))
    to = restoration(document.planes.snapshot(), then)
    assert to is not None
    steps.undo(document)
    assert document.restore(to, document.seq) is None


def test_a_step_that_fails_bars_no_other(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    posts: queue.Queue[Callable[[], None]] = queue.Queue()
    background, document = Background(posts.put), _front(session)
    steps = StepsAhead(session.front, background)
    document.apply(_delete_all(document))
    after = _state(document)

    def fail(*_args: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(history, "apply_delta", fail)
        steps.undo(document)
        posts.get(timeout=30)()
        with pytest.raises(MemoryError):
            posts.get(timeout=30)()
    try:
        assert (steps.busy, document.asked) == (False, False)
        assert _state(document) == after
        steps.undo(document)
        posts.get(timeout=30)()
        assert document.planes.objects
    finally:
        background.close()


def test_a_small_step_is_done_at_once(session: Session, steps: StepsAhead, background: LaterBackground) -> None:
    document = _front(session)
    document.apply(STROKE)
    steps.undo(document)
    assert 900 not in document.planes.objects
    assert not background.waiting


def test_many_rows_are_a_large_step_too(
    session: Session, steps: StepsAhead, background: LaterBackground, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = _front(session)
    before = _state(document)
    document.apply(Relabel(tuple(document.planes.objects), 2))
    monkeypatch.setattr(steps_ahead, "MANY_ROWS", 10)
    steps.undo(document)
    assert _state(document) != before
    background.work()
    assert _state(document) == before


def test_a_prepared_step_is_journalled_as_one_in_place(session: Session, steps: StepsAhead) -> None:
    document = _front(session)
    document.apply(_delete_all(document))
    said: list[tuple[str, Any, bytes, bytes]] = []
    saving = document._saving
    record = saving.record

    def listened(*args: Any, **options: Any) -> Any:
        made = record(*args, **options)
        said.append((made.kind, made.edit, made.table_before, made.table_after))
        return made

    saving.record = listened  # type: ignore[method-assign]
    for step in ("undo", "redo"):
        getattr(document, step)()
        prepare = document.preparing("undo" if step == "redo" else "redo")
        assert prepare is not None
        document.step("undo" if step == "redo" else "redo", prepare())
        getattr(document, step)()
    in_place_undo, ahead_redo, again_undo, in_place_redo, ahead_undo, _ = said
    assert ahead_redo == in_place_redo
    assert ahead_undo == in_place_undo == again_undo
