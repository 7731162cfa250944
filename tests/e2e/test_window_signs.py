"""What the window itself shows: recent projects, a sign for what is dragged over it, the image alone, tools."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QMenu, QWidget
from window_driver import Driver, run_program

from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.gui.theme import tokens
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


def _project(folder: Path, name: str) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(0).integers(0, 200, (96, 96), dtype=np.uint8)
    tifffile.imwrite(folder / "images" / "ant.tif", picture)
    project, _ = Project.create(folder / name, [folder / "images"])
    project.close()
    return folder / name


@pytest.mark.timeout(60)
def test_recent_projects_are_in_the_menu_file(tmp_path: Path, qapp: object) -> None:
    first, second = _project(tmp_path, "first"), _project(tmp_path, "second")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.project is not None, what="the project")
        hand.session.open_project(second)
        hand.wait(lambda: hand.session.project is not None and hand.session.project.name == "second", what="the other")
        recent = hand.window.layout_of_panels.recent
        hand.wait(lambda: [item.text() for item in recent.actions()] == [str(second), str(first)], what="both")
        recent.actions()[1].trigger()
        hand.wait(lambda: hand.session.project is not None and hand.session.project.name == "first", what="the first")

    run_program([str(first)], script)


@pytest.mark.timeout(60)
def test_what_is_dragged_over_the_window_is_answered_with_a_sign(tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        files = QMimeData()
        files.setUrls([QUrl.fromLocalFile(str(tmp_path))])
        enter = QDragEnterEvent(
            hand.window.rect().center(),
            Qt.DropAction.CopyAction,
            files,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(hand.window, enter)
        assert enter.isAccepted()
        assert hand.window.drop_sign.isVisible()
        assert hand.window.drop_sign.size() == hand.window.size()
        assert "open" in hand.window.drop_sign.words()
        QApplication.sendEvent(hand.window, QDragLeaveEvent())
        assert not hand.window.drop_sign.isVisible()

    run_program([], script)


@pytest.mark.timeout(60)
def test_files_dropped_on_an_image_reach_the_window(tmp_path: Path, qapp: object) -> None:
    def asked(window: QWidget, place: QPoint) -> QWidget | None:
        """Return whom Qt asks about what is dragged over a place: the first that takes drops, from the inside out."""
        widget = window.childAt(place)
        while widget is not None and not widget.isWindow() and not widget.acceptDrops():
            widget = widget.parentWidget()
        return widget

    def script(hand: Driver) -> None:
        window = hand.window
        hand.wait(lambda: hand.session.document is not None, what="the image")
        window.show_drawer(1)
        QTest.qWait(50)
        for part in (window.canvas.viewport(), window.drawer, window.images, window.steps):
            middle = part.mapTo(window, part.rect().center())
            assert asked(window, middle) is window, part
        assert not [view for view in window.findChildren(QGraphicsView) if view.viewport().acceptDrops()]

    run_program([str(_project(tmp_path, "project"))], script)


@pytest.mark.timeout(60)
def test_the_words_about_what_is_dragged_lie_on_a_plain_card(tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        sign = hand.window.drop_sign
        sign.appear(False)
        picture = hand.window.grab().toImage()
        ratio = picture.devicePixelRatio()
        middle, reach = sign.rect().center(), 200
        card = tokens().colour("panel").name()
        for line in (-20, 20):  # just above and below the words, where the icons and names of the first page are
            row = [QPoint(middle.x() + step, middle.y() + line) for step in range(-reach // 2, reach // 2, 5)]
            assert {picture.pixelColor(place * ratio).name() for place in row} == {card}

    run_program([], script)


@pytest.mark.timeout(60)
def test_holding_tab_shows_only_the_image(tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.window.canvas.setFocus()
        parts = (hand.window.images, hand.window.steps, hand.window.layout_of_panels.toolbar)
        QTest.keyPress(hand.window.canvas, Qt.Key.Key_Tab)
        assert not [part for part in parts if part.isVisible()]
        QTest.keyRelease(hand.window.canvas, Qt.Key.Key_Tab)
        assert all(part.isVisible() for part in parts)

    run_program([str(_project(tmp_path, "project"))], script)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("light", [False, True])
def test_the_tool_in_the_hand_is_marked_in_its_menu(tmp_path: Path, qapp: object, light: bool) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        if light:
            hand.action("view.theme")
        hand.session.view.tool = "brush"
        hand.window.actions_table.refresh()
        brush = hand.window.actions_table["tool.brush"]
        menu = next(menu for menu in hand.window.findChildren(QMenu) if brush in menu.actions())
        menu.ensurePolished()
        menu.resize(menu.sizeHint())
        picture = menu.grab().toImage()
        marked = []
        for action in menu.actions():
            room = menu.actionGeometry(action)
            accent = QColor(tokens().accent)
            if any(picture.pixelColor(x, room.center().y()) == accent for x in range(room.left(), room.left() + 40)):
                marked.append(action.text())
        assert marked == ["Brush"]
        hand.action("view.theme")

    run_program([str(_project(tmp_path, "project"))], script)


@pytest.mark.timeout(60)
def test_a_new_project_says_how_many_images_were_found(tmp_path: Path, qapp: object) -> None:
    for number in range(3):
        tifffile.imwrite(tmp_path / f"{number}.tif", np.full((32, 32), number, np.uint8))

    def script(hand: Driver) -> None:
        hand.window.opening.open_paths([tmp_path])
        dialog = hand.dialog(NewProjectDialog)
        assert dialog.found.isVisible()
        assert dialog.found.text() == "3 images found."

    run_program([], script)


@pytest.mark.timeout(60)
def test_an_image_that_opens_slowly_is_named_until_it_is_there(
    tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _project(tmp_path, "cells")
    tifffile.imwrite(tmp_path / "bee.tif", np.random.default_rng(1).integers(0, 200, (96, 96), dtype=np.uint8))
    with Project.open(folder) as project:
        project.add_images([tmp_path / "bee.tif"])
    goes_on, opened = threading.Event(), Project.document

    def slow(project: Project, image_id: str) -> ImageDocument:
        if project.entry(image_id).name == "bee.tif":
            assert goes_on.wait(30)
        return opened(project, image_id)

    monkeypatch.setattr(Project, "document", slow)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        sign = hand.window.canvas.loading_sign
        assert not sign.isVisible()
        hand.action("image.next")
        hand.wait(sign.isVisible, what="the sign")
        assert sign.text() == "Opening bee.tif …"
        middle = hand.window.canvas.rect().center()
        assert sign.geometry().contains(middle)
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            hand.window.grab().save(f"{picture}/loading.png")
        goes_on.set()
        hand.wait(lambda: hand.session.document.entry.name == "bee.tif", what="the image")
        assert not sign.isVisible()

    run_program([str(folder)], script)
