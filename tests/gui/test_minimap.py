"""The minimap over a real canvas: when it shows, what it shows, and where it leads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from segstudio.core.tiles import Window
from segstudio.gui.viewer.canvas import Canvas
from segstudio.project.project import Project
from segstudio.session.session import Session

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class Desk:
    """A canvas of 640 x 480 pixels with one image twice as wide as high, bright in its right half.

    With two planes the second one is bright in its left half.
    """

    def __init__(self, qtbot: QtBot, folder: Path, planes: int = 1) -> None:
        self.qtbot = qtbot
        image = np.full((400, 800), 20, np.uint8)
        image[:, 400:] = 220
        path = folder / "halves.tif"
        tifffile.imwrite(path, np.stack((image, image[:, ::-1]))[:planes].squeeze())
        project, _ = Project.create(folder / "project", [path])
        self.session = Session()
        self.session.project = project
        self.session.front.document = project.document(project.images[0].id)
        self.canvas = Canvas(self.session)
        qtbot.addWidget(self.canvas)
        self.canvas.resize(640, 480)
        self.canvas.show()
        self.canvas.set_document(self.session.front.document)
        self.settle()

    @property
    def minimap(self) -> Any:
        return self.canvas.minimap

    def settle(self) -> None:
        self.qtbot.waitUntil(self.canvas.is_idle, timeout=10_000)
        QApplication.processEvents()

    def place(self, x: float, y: float) -> QPoint:
        """Return where an image point lies on the minimap."""
        room = self.minimap.rect().adjusted(4, 4, -4, -4)
        return QPointF(room.x() + x / 800 * room.width(), room.y() + y / 400 * room.height()).toPoint()

    def middle(self) -> tuple[float, float]:
        return self.canvas.camera.to_image(self.canvas.width_px / 2, self.canvas.height_px / 2)


@pytest.fixture
def desk(tmp_path: Path, qtbot: QtBot) -> Iterator[Desk]:
    desk = Desk(qtbot, tmp_path)
    yield desk
    desk.canvas.close_threads()
    desk.session.close()


def test_it_shows_only_while_a_part_of_the_image_is_out_of_sight(desk: Desk) -> None:
    assert desk.minimap.isHidden()
    desk.canvas.zoom(3)
    assert desk.minimap.isVisible()
    assert not desk.minimap.geometry().intersects(desk.canvas.hint_card.geometry()), "it lies over the hint"
    desk.canvas.hint_card.learn()
    left, bottom = desk.minimap.x(), desk.canvas.height() - desk.minimap.geometry().bottom() - 1
    assert (left, bottom) == (12, 12), "the lower left corner"
    desk.canvas.fit()
    assert desk.minimap.isHidden()
    desk.canvas.set_camera(desk.canvas.camera.moved(20, 10))
    assert desk.minimap.isHidden(), "a small part out of sight leads nobody astray"
    desk.canvas.set_document(None)
    assert desk.minimap.isHidden()


def test_it_shows_the_image_with_its_contrast(desk: Desk) -> None:
    desk.canvas.zoom(3)
    desk.canvas.set_camera(desk.canvas.camera.aimed(400, 200, 640, 480))
    desk.settle()

    def brightness(x: float) -> int:
        return int(desk.minimap.grab().toImage().pixelColor(desk.place(x, 200)).lightness())

    assert brightness(450) > 200 > 60 > brightness(350)
    desk.session.view.contrast = (200.0, 1000.0)
    desk.settle()
    assert brightness(450) < 60


def test_it_shows_the_plane_that_is_in_front(qtbot: QtBot, tmp_path: Path) -> None:
    desk = Desk(qtbot, tmp_path, planes=2)
    desk.canvas.zoom(3)
    desk.canvas.set_camera(desk.canvas.camera.aimed(400, 200, 640, 480))
    desk.settle()
    desk.session.document.turn_to(1)
    desk.settle()
    picture = desk.minimap.grab().toImage()
    left, right = (picture.pixelColor(desk.place(x, 200)).lightness() for x in (350, 450))
    assert left > 200 > 60 > right
    desk.canvas.close_threads()
    desk.session.close()


def test_a_click_goes_there_and_a_drag_takes_the_view_along(desk: Desk) -> None:
    desk.canvas.zoom(4)
    desk.settle()
    scale = desk.canvas.camera.scale
    desk.qtbot.mouseClick(desk.minimap, LEFT, pos=desk.place(600, 120))
    assert desk.middle() == pytest.approx((600, 120), abs=6)
    start = desk.place(610, 125)  # within the frame, beside its middle: nothing jumps
    desk.qtbot.mousePress(desk.minimap, LEFT, pos=start)
    assert desk.middle() == pytest.approx((600, 120), abs=6)
    desk.qtbot.mouseMove(desk.minimap, start - (desk.place(300, 0) - desk.place(0, 0)))
    desk.qtbot.mouseRelease(desk.minimap, LEFT, pos=start)
    assert desk.middle() == pytest.approx((300, 120), abs=12)
    assert desk.canvas.camera.scale == scale


def test_it_never_leads_away_from_the_image(desk: Desk) -> None:
    desk.canvas.zoom(4)
    desk.qtbot.mouseClick(desk.minimap, LEFT, pos=desk.place(0, 0))
    assert 0 <= desk.canvas.camera.left <= 24, "the edge of the image, not the ground beside it"
    assert 0 <= desk.canvas.camera.top <= 24


def test_a_click_on_it_labels_nothing(desk: Desk) -> None:
    desk.session.view.tool = "brush"
    desk.canvas.zoom(4)
    for button in (LEFT, RIGHT):
        desk.qtbot.mouseClick(desk.minimap, button, pos=desk.place(400, 200))
    document = desk.session.front.document
    assert document is not None
    assert not document.planes.objects
    assert not document.editing


def test_it_steps_aside_for_a_stroke_that_comes_near(desk: Desk) -> None:
    desk.session.view.tool = "brush"
    desk.canvas.zoom(4)
    viewport, near = desk.canvas.viewport(), desk.minimap.geometry().center()
    far = QPoint(600, 40)
    desk.qtbot.mousePress(viewport, LEFT, pos=far)
    desk.qtbot.mouseMove(viewport, far - QPoint(40, 0))
    assert desk.minimap.isVisible()
    desk.qtbot.mouseMove(viewport, near)
    assert desk.minimap.isHidden()
    desk.qtbot.mouseMove(viewport, far)
    assert desk.minimap.isHidden(), "no flicker within one stroke"
    desk.qtbot.mouseMove(viewport, near)
    desk.qtbot.mouseRelease(viewport, LEFT, pos=near)
    desk.qtbot.mouseMove(viewport, near + QPoint(5, 0))
    assert desk.minimap.isHidden(), "what was painted there is seen as long as the pointer stays"
    desk.qtbot.mouseMove(viewport, far)
    assert desk.minimap.isVisible()


def test_it_never_covers_what_the_user_was_brought_to(desk: Desk) -> None:
    desk.canvas.hint_card.learn()
    desk.canvas.zoom(3)
    desk.canvas.fly_to(Window(370, 10, 390, 30))
    assert desk.minimap.isHidden(), "the object lies in the lower left corner"
    desk.canvas.fly_to(Window(200, 500, 220, 520))
    assert desk.minimap.isVisible()


def test_who_does_not_want_it_does_not_see_it(desk: Desk) -> None:
    desk.canvas.zoom(4)
    preferences = desk.session.preferences
    desk.session.set_preferences(preferences.model_copy(update={"minimap": False}))
    assert desk.minimap.isHidden()
    desk.session.set_preferences(preferences)
    assert desk.minimap.isVisible()
