"""Undo and redo of a large action in the real window, with strokes right after."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from factories import cells
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.labels import history
from segstudio.labels.edits import Delete, PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project
from segstudio.session import steps_ahead

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_the_window_unpacks_no_large_step_and_keeps_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = cells((600, 700), 40)
    tifffile.imwrite(tmp_path / "a.tif", made.image)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    with project:
        document = project.document(project.images[0].id)
        infos = {number: ObjectInfo() for number in range(1, made.count + 1)}
        document.apply(PasteLabels(made.labels, Window.whole(made.labels.shape), infos))
        document.close()
    monkeypatch.setattr(steps_ahead, "MANY_TILES", 1)
    unpack, threads = history.apply_delta, []

    def watched(*args: Any) -> Any:
        threads.append(threading.current_thread())
        return unpack(*args)

    def script(hand: Driver) -> None:
        session = hand.session
        hand.wait(lambda: session.document is not None, what="the image")
        document = session.document
        hand.key(Qt.Key.Key_B)
        before = document.planes.labels.to_array()
        document.apply(Delete(tuple(document.planes.objects)))
        monkeypatch.setattr(history, "apply_delta", watched)
        for name, count in (("undo", made.count), ("redo", 0)):
            hand.action(f"edit.{name}")
            hand.wait(lambda: not session.steps.busy, what=name)
            assert len(document.planes.objects) == count
        assert threads
        assert threading.main_thread() not in threads
        hand.window.actions_table["edit.undo"].trigger()
        hand.drag([(300, 5), (330, 5), (360, 5)])
        assert document.history.undo_name != "Add objects", "the stroke came after the step"
        (new,) = document.planes.objects.keys() - infos.keys()
        labels = document.planes.labels.to_array()
        assert np.array_equal(labels[labels != new], before[labels != new])
        assert (labels == new).any()

    run_program([str(tmp_path / "project")], script)
