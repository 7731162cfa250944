"""A monkey at the real window: random keys and mouse actions raise nothing, hang nothing and lose nothing."""

import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeySequence, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMessageBox
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.io.labels_file import read_label_tiff
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

_ACTIONS = int(os.environ.get("SEGSTUDIO_MONKEY", "250"))
#: An action that takes longer counts as a hang, seconds; far above what a busy computer makes of a slow one.
_HANG = 15.0
#: These, or what can be chosen in them, leave the project, open windows of other programs, or take minutes.
_LEFT_OUT = frozenset(
    {"file.close", "file.quit", "file.sample", "train.start", "help.log", "help.pages", "help.palette"}
)
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton)
_HELD = (
    *[Qt.KeyboardModifier.NoModifier] * 5,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


class Monkey:
    """Does one random thing after the other, always the same for the same seed."""

    def __init__(self, hand: Driver, seed: int) -> None:
        self.hand = hand
        self.random = random.Random(seed)
        self.done: list[str] = []
        specs = [spec for key, spec in hand.window.actions_table.specs.items() if key not in _LEFT_OUT]
        self._actions = [spec.id for spec in specs]
        self._keys = [key for spec in specs for key in spec.keys]
        self._keys += ["Escape", "Space", "Tab", "H", "D", "A"] + ["Return", "Backspace", "Delete"] * 2 + ["Ctrl+Z"] * 6

    def act(self) -> None:
        """Do something."""
        deeds = (self._key, self._drag, self._click, self._double, self._wheel, self._press, self._release)
        deed = self.random.choices((*deeds, self._move, self._choose, self._row), (30, 25, 14, 4, 4, 5, 8, 10, 6, 3))[0]
        for dialog in self.hand._dialogs(QDialog):
            dialog.close()
        start = time.perf_counter()
        self.done.append(f"{deed.__name__} {deed()}")
        QApplication.processEvents()
        assert time.perf_counter() - start < _HANG, f"hangs after {self.done[-5:]}"

    def let_go(self) -> None:
        """Let go of all buttons and gestures."""
        viewport = self.hand.window.canvas.viewport()
        for button in _BUTTONS:
            QTest.mouseRelease(viewport, button, Qt.KeyboardModifier.NoModifier, QPoint(50, 50))
        QTest.keyClick(self.hand.window.canvas, Qt.Key.Key_Escape)

    def _key(self) -> str:
        key = self.random.choice(self._keys)
        if self.random.random() < 0.6:
            self.hand.window.canvas.setFocus()
        chord = QKeySequence(key)[0]
        QTest.keyClick(QApplication.focusWidget() or self.hand.window.canvas, chord.key(), chord.keyboardModifiers())
        return key

    def _drag(self) -> str:
        viewport, held = self.hand.window.canvas.viewport(), self.random.choice(_HELD)
        button = self.random.choice((*_BUTTONS, _BUTTONS[0], _BUTTONS[0], _BUTTONS[1]))
        at, keys = self._point(), []
        QTest.mousePress(viewport, button, held, at)
        for _ in range(self.random.randint(1, 12)):
            at = QPoint(at.x() + self.random.randint(-60, 60), at.y() + self.random.randint(-60, 60))
            QTest.mouseMove(viewport, at)
            if self.random.random() < 0.1:
                keys.append(self._key())
            if self.random.random() < 0.2:
                QApplication.processEvents()
        QTest.mouseRelease(viewport, button, held, at)
        return f"{button.name} {held.name} {keys}"

    def _click(self) -> str:
        button, held = self.random.choice(_BUTTONS), self.random.choice(_HELD)
        QTest.mouseClick(self.hand.window.canvas.viewport(), button, held, self._point())
        return f"{button.name} {held.name}"

    def _double(self) -> str:
        button = self.random.choice(_BUTTONS)
        QTest.mouseDClick(self.hand.window.canvas.viewport(), button, self.random.choice(_HELD), self._point())
        return button.name

    def _wheel(self) -> str:
        viewport, at = self.hand.window.canvas.viewport(), QPointF(self._point())
        turn = QPoint(0, self.random.choice((-480, -120, 120, 240)))
        none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        held = self.random.choice(_HELD)
        QApplication.sendEvent(
            viewport, QWheelEvent(at, viewport.mapToGlobal(at), QPoint(), turn, none, held, phase, False)
        )
        return held.name

    def _press(self) -> str:
        button = self.random.choice(_BUTTONS)
        QTest.mousePress(self.hand.window.canvas.viewport(), button, self.random.choice(_HELD), self._point())
        return button.name

    def _release(self) -> str:
        button = self.random.choice(_BUTTONS)
        QTest.mouseRelease(self.hand.window.canvas.viewport(), button, self.random.choice(_HELD), self._point())
        return button.name

    def _move(self) -> str:
        for _ in range(3):
            QTest.mouseMove(self.hand.window.canvas.viewport(), self._point())
        return ""

    def _choose(self) -> str:
        action = self.hand.window.actions_table[self.random.choice(self._actions)]
        if action.isEnabled():
            action.trigger()
        return action.objectName()

    def _row(self) -> str:
        panel = self.hand.window.instances
        self.hand.window.show_drawer(0)
        if panel.model.rowCount():
            panel.view.selectRow(self.random.randrange(panel.model.rowCount()))
        return ""

    def _point(self) -> QPoint:
        viewport = self.hand.window.canvas.viewport()
        return QPoint(self.random.randint(-20, viewport.width() + 20), self.random.randint(-20, viewport.height() + 20))


def _state(document: ImageDocument) -> tuple[Any, Any, dict[int, Any]]:
    planes = document.planes
    return planes.labels.to_array(), planes.regions.to_array(), dict(planes.objects)


def _check(document: ImageDocument | None) -> None:
    """Every pixel belongs to an object of the table, and every object has a pixel."""
    if document is not None and not document.editing:
        labels = document.planes.labels.to_array()
        assert set(np.unique(labels).tolist()) - {0} == set(document.planes.objects), document.entry.name


@pytest.fixture(autouse=True)
def _no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    monkeypatch.setattr(QMessageBox, "about", lambda *_: None)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [int(seed) for seed in os.environ.get("SEGSTUDIO_SEED", "1,2").split(",")])
def test_a_monkey_breaks_nothing(seed: int, tmp_path: Path, qapp: object) -> None:
    folder = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, folder)
    left: dict[str, tuple[Any, Any, dict[int, Any]]] = {}

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.window.resize(1200, 800)
        monkey = Monkey(hand, seed)
        for number in range(_ACTIONS):
            monkey.act()
            if number % 25 == 0:
                QTest.qWait(5)
                _check(hand.session.document)
        monkey.let_go()
        for entry in hand.session.project.images:
            hand.open_image(entry.name)
            _check(hand.session.document)
            left[entry.id] = _state(hand.session.document)

    run_program([str(folder)], script)
    with Project.open(folder) as project:
        for entry in project.images:
            document = project.document(entry.id)
            labels, regions, objects = _state(document)
            document.close()
            assert np.array_equal(labels, left[entry.id][0]), entry.name
            assert np.array_equal(regions, left[entry.id][1]), entry.name
            assert objects == left[entry.id][2], entry.name
            if project.label_path(entry.id).exists():
                assert np.array_equal(read_label_tiff(project.label_path(entry.id), np.int32).to_array(), labels)
            else:
                assert not labels.any()
