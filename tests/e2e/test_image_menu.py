"""The menu of the list of images: files that moved, files that changed, images taken out, the size of a pixel."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu
from window_driver import Driver, run_program

from segstudio.gui.dialogs.pixel_size import PixelSizeDialog
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project

# Menus and questions come to the front, which a screen that is none cannot do.
pytestmark = pytest.mark.qt_log_ignore("plugin does not support")


def _picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of three images with one object each."""
    images = [_picture(tmp_path / "images" / f"{name}.tif", seed) for seed, name in enumerate("abc")]
    project, problems = Project.create(tmp_path / "project", images)
    assert not problems
    with project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Polygon(np.array([(10, 10), (40, 10), (40, 30), (10, 30)]), None))
            document.close()
    return tmp_path / "project"


def _choose(hand: Driver, row: int, text: str) -> None:
    """Right-click a row of the list and choose from its menu."""
    images = hand.window.images
    index = images._sorted.index(row, 0)
    images._view.setCurrentIndex(index)
    images._open_menu(images._view.visualRect(index).center())
    hand.wait(lambda: isinstance(QApplication.activePopupWidget(), QMenu), what="the menu")
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    action = next(action for action in menu.actions() if action.text() == text)
    hand.wait(action.isVisible, what=f"the offer {text}")
    assert action.isEnabled(), f"{text} is grey"
    menu.close()
    action.trigger()


def _offers(hand: Driver, row: int, text: str) -> bool:
    """Right-click a row of the list; return whether its menu offers something a second later."""
    images = hand.window.images
    index = images._sorted.index(row, 0)
    images._view.setCurrentIndex(index)
    images._open_menu(images._view.visualRect(index).center())
    hand.wait(lambda: isinstance(QApplication.activePopupWidget(), QMenu), what="the menu")
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    for _ in range(20):
        QTest.qWait(20)
    shown = any(action.text() == text and action.isVisible() for action in menu.actions())
    menu.close()
    return shown


def _says(hand: Driver, words: str) -> None:
    hand.wait(lambda: any(words in notice.message for notice in hand.window.banners.messages()), what=words)


@pytest.mark.timeout(60)
def test_a_moved_image_is_found_by_its_file(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "images" / "b.tif"
    moved = moved.rename(tmp_path / "renamed.tif")
    answers = [str(tmp_path / "images" / "a.tif"), str(moved)]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (answers.pop(0), ""))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        assert not _offers(hand, 0, "Find the image file…"), "it is there"
        _choose(hand, 1, "Find the image file…")
        _says(hand, "is not the image b.tif")
        assert "Choose the file itself" in " ".join(notice.hint for notice in hand.window.banners.messages())
        _choose(hand, 1, "Find the image file…")
        _says(hand, "renamed.tif is found again")
        hand.wait(lambda: hand.session.document.entry.name == "renamed.tif", what="the image")
        assert len(hand.session.document.planes.objects) == 1

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_content_of_a_changed_image_is_used_when_the_user_says_so(
    folder: Path, qapp: object, tmp_path: Path
) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        assert not _offers(hand, 0, "Use the changed image"), "it has not changed"
        _picture(tmp_path / "images" / "a.tif", seed=7)
        _choose(hand, 0, "Use the changed image")
        changed = tifffile.imread(tmp_path / "images" / "a.tif")

        def shown() -> bool:
            document = hand.session.document
            return document is not None and np.array_equal(document.source.read(), changed)

        hand.wait(shown, what="the new content")
        assert len(hand.session.document.planes.objects) == 1

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_images_leave_the_project_after_a_question_and_their_labels_stay(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        project = hand.session.project
        gone = project.images[0]
        labels = project.label_path(gone.id)
        hand.when_asked("Cancel")
        _choose(hand, 0, "Remove from the project…")
        assert len(project.images) == 3
        hand.when_asked("Remove")
        _choose(hand, 0, "Remove from the project…")
        assert [entry.name for entry in project.images] == ["b.tif", "c.tif"]
        hand.wait(lambda: hand.session.document is not None, what="the next image")
        assert hand.session.document.entry.name == "b.tif"
        assert hand.window.images._rows.rowCount() == 2
        assert labels.is_file()
        assert hand.session.states.labelled_count() == (2, 2)

    run_program([str(folder)], script)
    with Project.open(folder) as project:
        assert [entry.name for entry in project.images] == ["b.tif", "c.tif"]


@pytest.mark.timeout(60)
def test_sizes_are_in_micrometres_once_the_pixel_size_is_said(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.wait(lambda: hand.session.objects.unit == "px", what="pixels")
        hand.window.show_step(3)
        link = hand.window.measure._pixels
        hand.wait(link.isVisible, what="the way to the pixel size")
        link.click()
        dialog = hand.dialog(PixelSizeDialog)
        dialog.size_um.setValue(0.5)
        dialog.scope.button(1).click()
        hand.click(dialog, "Set pixel size")
        hand.wait(lambda: not link.isVisible(), what="the measurements")
        hand.wait(lambda: hand.session.objects.rows()[0].length == 15.0, what="the length in µm")
        assert hand.session.objects.unit == "µm"
        hand.wait(lambda: hand.window.measure._table.item(0, 0).text() == "Area, µm²", what="the area in µm²")
        assert {entry.pixel_size_um for entry in hand.session.project.images} == {0.5}
        assert hand.session.document.pixel_size.x == 0.5

    run_program([str(folder)], script)
