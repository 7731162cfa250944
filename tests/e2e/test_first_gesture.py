"""The card that teaches to circle a cell: small, in its corner, only while labelling, and not for ever."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from window_driver import Driver, run_program

from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for seed, name in enumerate(("ant", "bee")):
        picture = np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", picture)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "images"])
    project.close()
    return tmp_path / "project"


@pytest.mark.timeout(60)
def test_the_card_is_small_and_only_seen_while_labelling(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        canvas, card = hand.window.canvas, hand.window.canvas.hint_card
        hand.wait(card.isVisible, what="the card")
        assert card.height() < 50
        assert card.geometry().bottom() > canvas.height() - 20
        hand.window.show_step(1)
        assert not card.isVisible()
        hand.window.show_step(0)
        assert card.isVisible()
        hand.session.view.tool = "polygon"
        for at in ((10, 10), (40, 10), (40, 40), (10, 10)):
            hand.click_at(at)
        assert len(hand.session.document.planes.objects) == 1
        assert not card.isVisible()
        hand.action("edit.undo")
        assert card.isVisible(), "a polygon is not the gesture"
        circle = [(10, 10), (25, 8), (40, 10), (40, 40), (10, 40), (10, 10)]
        hand.drag(circle, button=Qt.MouseButton.RightButton)
        assert len(hand.session.document.planes.objects) == 1
        hand.open_image("bee.tif")
        assert not card.isVisible()

    def again(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image("bee.tif")
        assert not hand.window.canvas.hint_card.isVisible(), "known for good"

    run_program([str(folder)], script)
    run_program([str(folder)], again)


@pytest.mark.timeout(60)
def test_the_card_can_be_sent_away(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        card = hand.window.canvas.hint_card
        hand.wait(card.isVisible, what="the card")
        QTest.mouseClick(card.findChild(QToolButton), Qt.MouseButton.LeftButton)
        assert not card.isVisible()
        hand.open_image("bee.tif")
        assert not card.isVisible()

    run_program([str(folder)], script)
