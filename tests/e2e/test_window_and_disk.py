"""The window never asks the disk of the project itself: a drive that is slow, or gone, keeps no hand waiting."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from disk_touches import DiskTouches
from factories import cells
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.labels.edits import PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project.changes import SAVED
from segstudio.project.project import Project

#: Of a worker whose job is given up as its window closes, a timer looks for a while whether it obeys.
pytestmark = [pytest.mark.qt_log_ignore("propagateSizeHints"), pytest.mark.leaves_threads]

#: These leave the project, open windows of other programs, or take minutes.
_LEFT_OUT = frozenset({"file.close", "file.quit", "file.sample", "help.log", "help.pages", "train.start"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = cells((300, 400), 30)
    (tmp_path / "disk" / "images").mkdir(parents=True)
    for number in range(3):
        tifffile.imwrite(tmp_path / "disk" / "images" / f"{number}.tif", made.image + number)
    project, _ = Project.create(tmp_path / "disk" / "project", tmp_path / "disk" / "images")
    infos = {number: ObjectInfo() for number in range(1, made.count + 1)}
    with project:
        document = project.document(project.images[0].id)
        document.apply(PasteLabels(made.labels, Window.whole(made.labels.shape), infos))
        document.close()
    return tmp_path / "disk" / "project"


@pytest.fixture(autouse=True)
def _no_dialogs_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("getExistingDirectory", "getOpenFileName", "getOpenFileNames", "getSaveFileName"):
        empty: object = "" if name == "getExistingDirectory" else ([] if name.endswith("s") else "", "")
        monkeypatch.setattr(QFileDialog, name, lambda *_words, empty=empty, **_more: empty)


def _close_all() -> None:
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog | QMenu) and widget.isVisible():
            widget.close()


def _every_action(hand: Driver, pause_ms: int) -> None:
    """Choose each action of the menus that can be chosen, and close what it opens."""
    table = hand.window.actions_table
    closer = QTimer(hand.window)  # also what holds up the program until it is answered
    closer.timeout.connect(_close_all)
    closer.start(pause_ms)
    for name in table.qt:
        table.refresh()
        if name not in _LEFT_OUT and table[name].isEnabled():
            table[name].trigger()
            QTest.qWait(pause_ms)
            _close_all()
            QTest.qWait(10)
    closer.stop()


def test_nothing_that_is_done_in_the_window_asks_the_disk_of_the_project(
    folder: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(hand: Driver) -> None:
        window, session = hand.window, hand.session
        hand.wait(lambda: session.document is not None, what="the image")
        touches = DiskTouches(folder.parent, monkeypatch)
        (folder / "project.json").stat()
        assert len(touches.seen) == 1, "what it would look like"
        touches.seen.clear()
        for number in range(4):
            window.show_step(number)
            QTest.qWait(400)
        for number in range(3):
            window.show_drawer(number)
            QTest.qWait(50)
        window.show_step(0)
        hand.key(Qt.Key.Key_B)
        for at in (50.0, 90.0):
            hand.drag([(at + 5 * n, at) for n in range(10)])
        hand.action("edit.undo")
        for entry in (*session.project.images, session.project.images[0]):
            hand.open_image(entry.name)
            QTest.qWait(50)
        session.view.selected = frozenset(list(session.document.planes.objects)[:12])
        hand.action("edit.delete")
        hand.wait(lambda: session.document.save_state == SAVED, what="all to be saved")
        _every_action(hand, 120)
        QTest.qWait(300)
        monkeypatch.undo()
        assert touches.seen == []

    run_program([str(folder)], script)


def test_what_comes_after_a_window_was_closed_is_no_error(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.window.apply(PasteLabels(np.ones((9, 9), np.int32), Window(0, 0, 9, 9), {1: ObjectInfo()}))
        for pause in (1, 30):
            _every_action(hand, pause)
            QTest.qWait(200)

    run_program([str(folder)], script)
