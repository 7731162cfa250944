"""The list of images: what each one is used for, and a choice made while images are being added."""

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


def _picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = [_picture(tmp_path / "images" / f"{name}.tif", seed) for seed, name in enumerate("abcd")]
    project, _ = Project.create(tmp_path / "project", images)
    project.close()
    return tmp_path / "project"


def _uses(hand: Driver) -> list[str]:
    """Return what the rows of the list say behind the name."""
    model = hand.window.images._sorted
    return [model.index(row, 0).data(Qt.ItemDataRole.UserRole + 2) for row in range(model.rowCount())]


def _square(hand: Driver) -> None:
    hand.session.document.apply(Polygon(np.array([(10, 10), (40, 10), (40, 30), (10, 30)]), None))


@pytest.mark.timeout(60)
def test_the_list_says_what_each_image_is_used_for_before_anybody_chose(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        assert set(_uses(hand)) == {""}, "what an image without labels becomes is not decided yet"
        for name in ("a.tif", "b.tif"):
            hand.open_image(name)
            _square(hand)
            hand.wait(lambda: hand.session.document.save_state == "saved", what="saved")
        hand.wait(
            lambda: set(_uses(hand)[:2]) == {"train", "val"}, 5, "one labelled image for each, as training takes them"
        )
        model = hand.window.images._sorted
        assert "automatic" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
        first = hand.session.project.images[0].id
        hand.session.states.set_split([first], "test")
        hand.wait(lambda: _uses(hand)[0] == "test", what="the user's choice")
        assert "automatic" not in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_first_label_shows_at_once_what_its_image_is_for_and_moves_no_other(folder: Path, qapp: object) -> None:
    """What is seen follows the hand, not the next saving."""

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        repainted: list[tuple[int, int]] = []
        hand.window.images._rows.dataChanged.connect(lambda a, b, *_: repainted.append((a.row(), b.row())))
        hand.open_image("a.tif")
        _square(hand)
        assert _uses(hand) == ["train", "", "", ""]
        hand.open_image("b.tif")
        hand.wait(lambda: hand.session.project.labelled_count()[0] == 1, what="the labels of the image before")
        repainted.clear()
        _square(hand)
        assert _uses(hand) == ["train", "val", "", ""]
        assert any(first <= 1 <= last for first, last in repainted)
        hand.open_image("c.tif")
        hand.wait(lambda: hand.session.project.labelled_count()[0] == 2, what="the labels of both images before")
        _square(hand)
        assert _uses(hand) == ["train", "val", "train", ""]

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_chosen_while_others_are_being_added_comes(
    folder: Path, tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [_picture(tmp_path / "more" / f"{name}.tif", seed) for seed, name in enumerate("xyz", start=9)]
    goes_on = threading.Event()
    add_images = Project.add_images

    def slow(project: Project, *words: Any) -> list[str]:
        goes_on.wait(20)
        return add_images(project, *words)

    monkeypatch.setattr(Project, "add_images", slow)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        view = hand.window.images._view
        hand.session.add_images(more)
        # Not the view's own way: it asks which keys are held, and other tests hold some.
        only = QItemSelectionModel.SelectionFlag.ClearAndSelect
        view.selectionModel().setCurrentIndex(hand.window.images._sorted.index(2, 0), only)
        hand.wait(lambda: hand.session.document.entry.name == "c.tif", 10, what="the image that was chosen")
        assert len(_uses(hand)) == 4, "it did not wait for them"
        goes_on.set()
        hand.wait(lambda: len(_uses(hand)) == 7, what="seven images")
        assert view.currentIndex().row() == 2
        assert hand.window.images.selected_ids() == [hand.session.project.images[2].id]

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_chosen_in_an_empty_project_while_images_come_is_the_one_shown(
    folder: Path, tmp_path: Path, qapp: object
) -> None:
    more = [_picture(tmp_path / "more" / "x.tif", 9)]

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        third = hand.session.project.images[2]
        hand.session.front.leave()
        hand.session.add_images(more)
        hand.session.select(third.id)
        hand.wait(lambda: len(_uses(hand)) == 5, what="five images")
        hand.wait(lambda: hand.session.document is not None, what="an image")
        assert hand.session.front.wanted == third.id
        assert hand.session.document.entry.id == third.id

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_images_selected_in_the_list_stay_selected_when_others_come(
    folder: Path, tmp_path: Path, qapp: object
) -> None:
    more = [_picture(tmp_path / "more" / "x.tif", 9)]
    shutil.copy(more[0], tmp_path / "more" / "y.tif")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.window.images._view.selectAll()
        chosen = hand.window.images.selected_ids()
        assert len(chosen) == 4
        hand.session.add_images(more)
        hand.wait(lambda: len(_uses(hand)) == 5, what="five images")
        assert hand.window.images.selected_ids() == chosen

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_click_beside_the_rows_leaves_the_image_in_front_marked(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image("b.tif")
        images = hand.window.images
        view = images._view
        beside = view.visualRect(view.model().index(3, 0)).bottomLeft() + QPoint(40, 30)
        assert view.viewport().rect().contains(beside)
        assert not view.indexAt(beside).isValid()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=beside)
        QTest.qWait(20)
        assert images.selected_ids() == [hand.session.document.entry.id]

    run_program([str(folder)], script)
