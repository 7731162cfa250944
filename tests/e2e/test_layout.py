"""The window comes back as it was left; a broken memory of it does no harm."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSettings
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.banner import Banner
from segstudio.session.notice import Notice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


def _open(hand: Driver) -> None:
    hand.wait(lambda: hand.session.document is not None, what="the first image")


@pytest.mark.timeout(60)
def test_panels_are_remembered_also_when_the_project_was_closed_before(folder: Path, qapp: object) -> None:
    def change(hand: Driver) -> None:
        _open(hand)
        panels = hand.window.layout_of_panels
        panels.images.hide()
        panels.drawer.show()
        hand.action("file.close")
        hand.wait(lambda: hand.session.project is None, what="no project")
        assert not panels.drawer.isVisible(), "the welcome page has no panels"

    def look(hand: Driver) -> None:
        _open(hand)
        panels = hand.window.layout_of_panels
        assert [dock.isVisible() for dock in (panels.images, panels.steps, panels.drawer)] == [False, True, True]
        hand.action("view.reset")
        assert [dock.isVisible() for dock in (panels.images, panels.steps, panels.drawer)] == [True, True, False]

    run_program([str(folder)], change)
    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_the_step_measure_shows_the_table_of_objects(folder: Path, qapp: object) -> None:
    def look(hand: Driver) -> None:
        _open(hand)
        assert not hand.window.instances.isVisible()
        hand.action("view.step_4")
        assert hand.window.instances.isVisible()

    run_program([str(folder)], look)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", [b"", b"\x00\xff[[", b"[General]\nstate=5\ngeometry=@ByteArray(xx)\n"])
def test_a_broken_memory_of_the_layout_gives_the_first_one(content: bytes, folder: Path, qapp: object) -> None:
    # Qt keeps the folder that it found first in a process.
    file = Path(QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window").fileName())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)

    def look(hand: Driver) -> None:
        _open(hand)
        panels = hand.window.layout_of_panels
        assert [dock.isVisible() for dock in (panels.images, panels.steps, panels.drawer)] == [True, True, False]

    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_the_size_of_the_window_is_kept_without_an_orderly_close(folder: Path, qapp: object) -> None:
    def look(hand: Driver) -> None:
        _open(hand)
        hand.window.resize(1111, 777)
        file = hand.window.layout_of_panels._settings.fileName()

        def kept() -> bool:
            stored = QSettings(file, QSettings.Format.IniFormat).value("geometry")
            return bool(stored == hand.window.saveGeometry())

        hand.wait(kept, 5, "the size")

    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_a_window_left_on_a_screen_that_is_gone_comes_back_into_sight(folder: Path, qapp: object) -> None:
    def leave(hand: Driver) -> None:
        _open(hand)
        hand.window.setGeometry(9000, 9000, 900, 700)

    def look(hand: Driver) -> None:
        assert hand.window.screen().availableGeometry().contains(hand.window.geometry().topLeft())

    run_program([str(folder)], leave)
    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_a_message_that_comes_and_goes_does_not_move_the_cells(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        QTest.qWait(50)
        window = hand.window
        before = window.canvas.camera, window.canvas.mapToGlobal(QPoint(0, 0))
        hand.session.noticed.emit(Notice("Could not read a14.tif.", "Copy it again.", "warning", group="a"))
        QTest.qWait(50)
        (shown,) = window.banners.findChildren(Banner)
        assert shown.isVisible()
        assert shown.height() > 20
        assert (window.canvas.camera, window.canvas.mapToGlobal(QPoint(0, 0))) == before
        window.banners.withdraw("a")
        QTest.qWait(50)
        assert (window.canvas.camera, window.canvas.mapToGlobal(QPoint(0, 0))) == before

    run_program([str(folder)], script)
