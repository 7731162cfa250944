"""An image document: gestures, undo over sessions, and what is told of them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_document import SHAPE, files_in, opened, stroke

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, EraseStroke, PasteLabels, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    steps=st.lists(st.sampled_from(["paint", "erase", "delete", "undo", "redo", "reopen", "publish"]), max_size=14),
    seed=st.integers(0, 100),
)
def test_any_order_of_actions_restarts_and_checkpoints_is_exact(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("d")
    tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
    rng = np.random.default_rng(seed)
    document = opened(folder)
    past = [(document.planes.labels.to_array(), dict(document.planes.objects))]
    future: list[tuple[np.ndarray, dict[int, object]]] = []
    for step in steps:
        points = rng.uniform(0, 700, (3, 2))
        if step in ("paint", "erase", "delete"):
            new_id = document.planes.objects.next_id()
            edits = {"paint": Stroke(points, 20, new_id), "erase": EraseStroke(points, 30), "delete": Delete((1,))}
            if document.apply(edits[step]) is not None:
                past.append((document.planes.labels.to_array(), dict(document.planes.objects)))
                future.clear()
        elif step == "undo" and document.undo() is not None:
            future.append(past.pop())
        elif step == "redo" and document.redo() is not None:
            past.append(future.pop())
        elif step == "publish":
            document.checkpoint()
        elif step == "reopen":
            assert document.close()
            document = opened(folder)
        assert np.array_equal(document.planes.labels.to_array(), past[-1][0])
        assert dict(document.planes.objects) == past[-1][1]
        assert len(document.history.entries()) == len(past) - 1
        assert document.history.can_redo == bool(future)
    document.close()


def test_undo_and_redo_after_a_restart_are_exact_over_a_thousand_actions(folder: Path) -> None:
    document = opened(folder)
    states = []
    for number in range(1, 1001):
        window = Window(number % 600, number % 800, number % 600 + 9, number % 800 + 7)
        tx = document.begin("paint")
        tx.write("labels", window, np.full(window.shape, number, np.int32))
        tx.commit()
        if number % 250 == 0:
            states.append(document.planes.labels.to_array())
    document.close()
    document = opened(folder)
    assert len(document.history.entries()) == 1000
    for expected in reversed(states):
        assert np.array_equal(document.planes.labels.to_array(), expected)
        for _ in range(250):
            document.undo()
    assert not document.planes.labels.to_array().any()
    assert document.undo() is None
    while document.redo():
        pass
    assert np.array_equal(document.planes.labels.to_array(), states[-1])
    document.close()


def test_listeners_hear_of_gestures_live_and_of_actions_once(folder: Path) -> None:
    document = opened(folder)
    heard: list[DocumentChange] = []
    document.changed.connect(heard.append)
    document.apply(stroke(1))
    final = [change for change in heard if not change.live]
    assert any(change.live for change in heard)
    assert len(final) == 1
    assert final[0].object_ids == {1}
    assert final[0].planes == {"labels"}
    document.undo()
    assert heard[-1].object_ids >= {1}
    document.close()


def _noted(name: str, calls: list[str]) -> Callable[..., object]:
    """Return a method of `LabelMap` that is noted where the window's thread calls it."""
    real, main = getattr(LabelMap, name), threading.get_ident()

    def noted(*words: object) -> object:
        if threading.get_ident() == main:
            calls.append(name)
        return real(*words)

    return noted


def test_undoing_a_large_action_tells_of_all_objects_without_a_look_at_the_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 1496
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((side, side), np.uint8))
    entry = ImageEntry("img", "img.tif", "img.tif", "img", side, side)
    document = ImageDocument.open(entry, tmp_path / "img.tif", files_in(tmp_path))
    labels = np.arange(1, 122, dtype=np.int32).reshape(11, 11).repeat(136, 0).repeat(136, 1)
    document.apply(PasteLabels(labels, Window.whole(labels.shape), {item: ObjectInfo() for item in range(1, 122)}))
    document.apply(Delete(tuple(range(1, 61))))
    heard: list[DocumentChange] = []
    document.changed.connect(heard.append)
    looks: list[str] = []
    with monkeypatch.context() as patch:
        for look in ("index", "read", "values_in", "digest"):
            patch.setattr(LabelMap, look, _noted(look, looks))
        document.undo()
        document.redo()
    assert looks == []
    assert [change.object_ids for change in heard] == [set(range(1, 122))] * 2
    assert set(document.planes.objects) == document.planes.labels.values() == set(range(61, 122))
    document.close()


def test_an_aborted_gesture_leaves_no_trace(folder: Path) -> None:
    document = opened(folder)
    tx = document.begin("paint")
    tx.write("labels", Window(0, 0, 5, 5), np.ones((5, 5), np.int32))
    tx.abort()
    assert not document.planes.labels.to_array().any()
    assert not document.history.can_undo
    assert document.close()
    assert not files_in(folder).journal.exists()


def test_an_edit_that_raises_changes_nothing(folder: Path) -> None:
    class Broken:
        name = "Broken"

        def apply(self, tx: Transaction) -> None:
            tx.write("labels", Window(0, 0, 5, 5), np.ones((5, 5), np.int32))
            raise ValueError("broken")

    document = opened(folder)
    with pytest.raises(ValueError, match="broken"):
        document.apply(Broken())
    assert not document.planes.labels.to_array().any()
    document.close()


def test_events_come_on_the_editing_thread_through_deliver(folder: Path) -> None:
    document = opened(folder)
    calls: list[object] = []
    document.deliver_with(calls.append)
    document.apply(stroke(1))
    document.flush()
    deadline = time.monotonic() + 30
    while not calls and time.monotonic() < deadline:
        time.sleep(0.01)
    assert calls
    document.close()


def test_one_gesture_at_a_time_and_none_after_closing(folder: Path) -> None:
    document = opened(folder)
    assert document.pixel_size is None
    document.apply(stroke(1))
    gesture = document.begin("Draw")
    assert not document.can_undo
    assert document.undo() is None
    with pytest.raises(RuntimeError, match="still going on"):
        document.begin("Draw another")
    gesture.write("labels", Window(0, 0, 5, 5), np.full((5, 5), 9, np.int32))
    assert document.close(), "what was begun is taken back"
    with pytest.raises(RuntimeError, match="closed"):
        document.apply(stroke(2))
    again = opened(folder)
    assert set(again.planes.objects) == {1}
    assert again.can_undo
    assert not again.can_redo
    again.close()
    looking = opened(folder, read_only=True)
    assert not looking.can_undo
    assert looking.checkpoint()
    looking.publish()()
    looking.close()


def test_news_that_comes_after_closing_is_told_to_nobody(folder: Path) -> None:
    document = opened(folder)
    waiting: list[object] = []
    document.deliver_with(waiting.append)
    heard: list[str] = []
    document.saved.connect(heard.append)
    document.apply(stroke(1))
    assert document.flush()
    deadline = time.monotonic() + 10
    while not waiting and time.monotonic() < deadline:
        time.sleep(0.005)
    assert document.close()
    heard.clear()
    for call in waiting:
        call()  # type: ignore[operator]
    assert heard == []
