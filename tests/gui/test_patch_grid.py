"""Patches with their outlines: painted away from the window's thread, and shown as they were painted."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from carrier import Carrier
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.gui.dialogs import patch_grid
from segstudio.gui.dialogs.patch_grid import PatchGrid
from segstudio.session.background import Background
from segstudio.session.patch_preview import Patch


@pytest.fixture
def background() -> Iterator[Background]:
    carrier = Carrier()
    made = Background(carrier.posted.emit)
    yield made
    made.close()


def patches(grey: int = 90) -> tuple[Patch, ...]:
    """Return eight patches of 64 px, each with a square object at 16 to 48 and an unknown corner."""
    square = np.array([[16.0, 16], [48, 16], [48, 48], [16, 48]])
    corner = np.array([[0.0, 0], [10, 0], [10, 10], [0, 10]])
    image = np.full((64, 64, 3), grey, np.uint8)
    return tuple(Patch(image, ((square,),), (corner,)) for _ in range(8))


def test_patches_are_painted_away_from_the_thread_of_the_window(
    background: Background, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    painters: list[threading.Thread] = []
    real = patch_grid._paint

    def noted(patch: Patch, side: int, ratio: float) -> object:
        painters.append(threading.current_thread())
        return real(patch, side, ratio)

    monkeypatch.setattr(patch_grid, "_paint", noted)
    grid = PatchGrid(background)
    qtbot.addWidget(grid)
    grid.resize(560, 280)
    grid.show_patches(patches())
    assert grid.count == 0
    qtbot.waitUntil(lambda: grid.count == 8)
    assert threading.main_thread() not in painters


def test_outlines_hatching_and_the_bare_patch_under_the_pointer(background: Background, qtbot: QtBot) -> None:
    grid = PatchGrid(background)
    qtbot.addWidget(grid)
    grid.resize(4 * 128 + 3 * 8, 2 * 128 + 8)
    grid.show()
    grid.show_patches(patches())
    qtbot.waitUntil(lambda: grid.count == 8)
    ratio = grid.devicePixelRatioF()

    def at(x: int, y: int) -> str:
        return str(grid.grab().toImage().pixelColor(round(x * ratio), round(y * ratio)).name())

    ground = "#5a5a5a"
    qtbot.waitUntil(lambda: at(64, 64) == ground)
    assert at(32, 64) != ground, "the outline at the left"
    assert at(2, 2) != ground, "the unknown corner"
    place = QPointF(60, 60)
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(
        grid, QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier.NoModifier)
    )
    assert [at(32, 64), at(2, 2)] == [ground, ground]
    assert at(136 + 32, 64) != ground, "the next patch keeps its outline"


def test_what_is_painted_for_an_earlier_wish_is_not_shown(background: Background, qtbot: QtBot) -> None:
    grid = PatchGrid(background)
    qtbot.addWidget(grid)
    grid.resize(560, 280)
    grid.show_patches(patches(10))
    grid.show_patches(patches(200))
    qtbot.waitUntil(lambda: grid.count == 8)
    qtbot.wait(50)
    assert grid._painted[0].bare.pixelColor(30, 30).red() == 200
    grid.show_patches(patches(90))
    grid.let_go()
    qtbot.wait(100)
    assert grid._painted[0].bare.pixelColor(30, 30).red() == 200, "nobody is there to see it"
