"""Masks of images that come into a project after it was made: offered, taken, and never over labels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import discs
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from window_driver import Driver, run_program

from segstudio.labels.edits import Polygon
from segstudio.project.project import Project

_SQUARE = np.array([(10, 10), (40, 10), (40, 30), (10, 30)])


def _picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8))
    return path


def _mask(image: Path, folder: str = "masks") -> NDArray[np.int32]:
    labels = discs((96, 96), [(20.0, 20.0), (60.0, 60.0)], 8)
    labels[labels == 2] = 7
    (image.parent / folder).mkdir(exist_ok=True)
    tifffile.imwrite(image.parent / folder / image.name, labels.astype(np.uint16))
    return labels


def _drop(hand: Driver, paths: list[Path]) -> None:
    content = QMimeData()
    content.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enters = QDragEnterEvent(QPoint(300, 300), Qt.DropAction.CopyAction, content, buttons, keys)
    QApplication.sendEvent(hand.window, enters)
    QApplication.sendEvent(hand.window, QDropEvent(QPoint(300, 300), Qt.DropAction.CopyAction, content, buttons, keys))


def _says(hand: Driver, words: str) -> bool:
    return any(words in notice.text for notice in hand.window.banners.messages())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of one image without labels."""
    project, _ = Project.create(tmp_path / "project", [_picture(tmp_path / "first" / "a.tif", 1)])
    project.close()
    return tmp_path / "project"


@pytest.mark.timeout(90)
def test_masks_beside_dropped_images_are_offered_and_taken(folder: Path, qapp: object, tmp_path: Path) -> None:
    images = [_picture(tmp_path / "more" / f"{name}.tif", seed) for seed, name in enumerate("bcde", 2)]
    labels = [_mask(image) for image in images[:3]]

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        _drop(hand, images)
        hand.wait(lambda: _says(hand, "3 of the 4 images that were added have masks"), what="the question")
        # Meanwhile: one is labelled by hand, one is looked at, and one was drawn in and undone.
        hand.open_image("d.tif")
        hand.session.document.apply(Polygon(_SQUARE, None))
        hand.session.document.undo()
        hand.open_image("b.tif")
        hand.session.document.apply(Polygon(_SQUARE, None))
        mine = hand.session.document.planes.labels.to_array()
        hand.open_image("c.tif")
        hand.wait(lambda: hand.session.states.labelled_count() == (1, 5), what="what was drawn by hand")
        hand.click(hand.window.banners, "Take as labels")
        hand.wait(lambda: _says(hand, "The labels of 2 images were taken from masks"), what="the labels")
        document = hand.session.document
        assert document.entry.name == "c.tif"
        assert np.array_equal(document.planes.labels.to_array(), labels[1])
        assert {info.source for info in document.planes.objects.values()} == {"import"}
        assert hand.session.completeness.complete
        assert hand.session.states.labelled_count() == (3, 5)
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert document.planes.blank, "the mask of the image in front is one action"
        hand.open_image("d.tif")
        assert np.array_equal(hand.session.document.planes.labels.to_array(), labels[2])
        hand.open_image("b.tif")
        assert np.array_equal(hand.session.document.planes.labels.to_array(), mine), "labels are never written over"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_masks_of_images_in_the_project_are_taken_from_any_folder(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "first" / "a.tif"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "first"))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.action("file.import_masks")
        hand.wait(lambda: _says(hand, "first holds no mask"), what="that there is none")
        assert hand.session.document.planes.blank, "the image itself is no mask"
        labels = _mask(image, "truth")
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "first" / "truth"))
        hand.action("file.import_masks")
        hand.wait(lambda: _says(hand, "The labels of 1 image were"), what="the labels")
        assert np.array_equal(hand.session.document.planes.labels.to_array(), labels)
        hand.action("file.import_masks")
        hand.wait(lambda: _says(hand, "holds no mask for an image without labels"), what="that nothing is left")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_mask_that_does_not_fit_is_told_and_the_question_goes_with_the_project(
    folder: Path, qapp: object, tmp_path: Path
) -> None:
    image = _picture(tmp_path / "more" / "b.tif", 2)
    (tmp_path / "more" / "masks").mkdir()
    tifffile.imwrite(tmp_path / "more" / "masks" / "b.tif", np.ones((9, 96), np.uint16))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        _drop(hand, [image])
        hand.wait(lambda: _says(hand, "The image that was added has a mask"), what="the question")
        hand.click(hand.window.banners, "Take as labels")
        hand.wait(lambda: _says(hand, "b.tif has 9 × 96 pixels, its image has 96 × 96"), what="what is wrong")
        assert hand.session.states.labelled_count() == (0, 2)
        another = _picture(tmp_path / "more" / "c.tif", 3)
        _mask(another)
        _drop(hand, [another])
        hand.wait(lambda: _says(hand, "The image that was added has a mask"), what="the next question")
        hand.action("file.close")
        assert not _says(hand, "has a mask"), "the project of the question is closed"

    run_program([str(folder)], script)
