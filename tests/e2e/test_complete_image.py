"""Stating that an image is completely labelled: what list, notices and panel say, also after it was taken back."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.labels.edits import Polygon
from segstudio.labels.regions import COMPLETE, NOT_STATED
from segstudio.project.project import Project

STATE = Qt.ItemDataRole.UserRole + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for seed, name in enumerate(("ant", "bee")):
        picture = np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", picture)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "images"])
    project.close()
    return tmp_path / "project"


def _state(hand: Driver, row: int = 0) -> str:
    return hand.window.images._sorted.index(row, 0).data(STATE)


def _levels(hand: Driver) -> list[str]:
    return [notice.level for notice in hand.window.banners.messages()]


def _square(hand: Driver) -> None:
    hand.session.document.apply(Polygon(np.array([(10, 10), (40, 10), (40, 30), (10, 30)]), None))


@pytest.mark.timeout(60)
def test_the_notice_goes_with_what_it_says(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        _square(hand)
        hand.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
        assert _levels(hand) == ["good"]
        assert "completely labelled now" in hand.window.banners.messages()[0].message
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert _levels(hand) == []
        hand.action("image.complete")
        hand.open_image("bee.tif")
        assert _levels(hand) == [], "it was about the image before"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_without_objects_is_stated_complete_with_a_warning_and_a_way_back(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
        (notice,) = hand.window.banners.messages()
        assert notice.level == "warning"
        assert "no cells" in notice.message
        assert "Ctrl+Z" in notice.hint
        assert "no cells" in hand.window.label_step._says.text()
        assert hand.session.states.labelled_count() == (1, 2)
        hand.click(hand.window.banners, "Take it back")
        assert not hand.session.completeness.complete
        assert _levels(hand) == []
        assert _state(hand) == "empty"
        assert hand.window.images._progress.text() == "0 of 2 labelled"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_region_that_was_wiped_away_again_labels_nothing(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.session.view.tool = "region"
        for value, state in ((COMPLETE, "labelled"), (NOT_STATED, "empty")):
            hand.session.view.region_value = value
            hand.drag([(20, 20), (30, 30)])
            assert _state(hand) == state
        assert hand.window.images._progress.text() == "0 of 2 labelled"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_list_tells_complete_images_from_those_labelled_in_part(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        _square(hand)
        assert _state(hand) == "labelled"
        hand.action("image.complete")
        assert _state(hand) == "complete"
        hand.action("edit.undo")
        assert _state(hand) == "labelled"
        hand.action("edit.redo")
        hand.open_image("bee.tif")
        _square(hand)
        hand.wait(lambda: (_state(hand, 0), _state(hand, 1)) == ("complete", "labelled"), 10, "the image to be saved")

    def again(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="an image")
        hand.open_image("bee.tif")
        hand.wait(lambda: (_state(hand, 0), _state(hand, 1)) == ("complete", "labelled"), 10, "the states")

    run_program([str(folder)], script)
    run_program([str(folder)], again)
