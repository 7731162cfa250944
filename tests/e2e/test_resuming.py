"""The window opens a project where the user left it: image, place, zoom, tool, step; images keep their contrast."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QSettings
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.gui.viewer.camera_view import Look
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = []
    for seed, name in enumerate("abc"):
        images.append(tmp_path / "images" / f"{name}.tif")
        images[-1].parent.mkdir(exist_ok=True)
        tifffile.imwrite(images[-1], np.random.default_rng(seed).integers(0, 4000, (300, 400), dtype=np.uint16))
    project, _ = Project.create(tmp_path / "project", images)
    project.close()
    return tmp_path / "project"


def _ready(hand: Driver) -> None:
    hand.wait(lambda: hand.session.document is not None, what="the image")
    hand.wait(hand.window.canvas.is_idle, what="the picture")
    QTest.qWait(20)


def _look(hand: Driver) -> Look:
    look = hand.window.canvas.look()
    assert look is not None, "the whole image is fitted"
    return look


def _zoom_in(hand: Driver) -> Look:
    """Zoom to a place beside the middle."""
    canvas = hand.window.canvas
    for _ in range(5):
        canvas.zoom_in()
    canvas.set_camera(canvas.camera.moved(90, -60))
    return _look(hand)


def _near(a: Look, b: Look) -> bool:
    return a.scale == pytest.approx(b.scale) and abs(a.x - b.x) < 1 and abs(a.y - b.y) < 1


@pytest.mark.timeout(60)
def test_a_project_opens_where_it_was_left(folder: Path, qapp: object) -> None:
    left: list[Look] = []

    def leave(hand: Driver) -> None:
        _ready(hand)
        hand.open_image("b.tif")
        _ready(hand)
        left.append(_zoom_in(hand))
        hand.action("tool.brush")
        hand.window.show_step(2)

    def look(hand: Driver) -> None:
        _ready(hand)
        assert hand.session.document.entry.name == "b.tif"
        assert hand.window.images._view.currentIndex().row() == 1
        assert hand.session.view.tool == "brush"
        assert hand.window.actions_table["tool.brush"].isChecked()
        assert hand.window.steps.currentIndex() == 2
        assert _near(_look(hand), left[0])

    before = (folder / "project.json").read_bytes()
    run_program([str(folder)], leave)
    assert (folder / "project.json").read_bytes() == before, "where somebody looks is not part of the project"
    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_closing_the_project_remembers_it_too_and_the_drawer_stays_closed(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        hand.open_image("c.tif")
        hand.window.show_step(3)
        hand.window.layout_of_panels.drawer.hide()
        left = _zoom_in(hand)
        hand.action("file.close")
        hand.wait(lambda: hand.session.project is None, what="no project")
        hand.session.open_project(folder)
        _ready(hand)
        assert hand.session.document.entry.name == "c.tif"
        assert hand.window.steps.currentIndex() == 3
        assert not hand.window.layout_of_panels.drawer.isVisible()
        assert _near(_look(hand), left)

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_that_is_gone_gives_the_first(folder: Path, qapp: object) -> None:
    def leave(hand: Driver) -> None:
        _ready(hand)
        hand.open_image("c.tif")
        _zoom_in(hand)

    run_program([str(folder)], leave)
    with Project.open(folder) as project:
        project.remove_images([entry.id for entry in project.images if entry.name == "c.tif"])

    def look(hand: Driver) -> None:
        _ready(hand)
        assert hand.session.document.entry.name == "a.tif"
        assert hand.window.canvas.look() is None, "the whole image"

    run_program([str(folder)], look)


@pytest.mark.timeout(60)
def test_each_image_keeps_its_place_and_all_of_a_kind_their_contrast(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        first = _zoom_in(hand)
        hand.session.view.contrast, hand.session.view.gamma = (100.0, 900.0), 2.0
        hand.open_image("b.tif")
        _ready(hand)
        assert hand.window.canvas.look() is None, "a new image is shown whole"
        assert (hand.session.view.contrast, hand.session.view.gamma) == ((100.0, 900.0), 2.0), "of the same kind"
        hand.session.view.contrast, hand.session.view.gamma = (0.0, 50.0), 0.5
        hand.open_image("a.tif")
        _ready(hand)
        assert _near(_look(hand), first)
        hand.open_image("b.tif")
        _ready(hand)
        assert hand.window.canvas.look() is None
        assert (hand.session.view.contrast, hand.session.view.gamma) == ((0.0, 50.0), 0.5)
        assert hand.window.status._zoom.text() == f"{hand.window.canvas.camera.scale * 100:.0f} %"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_middle_of_what_is_looked_at_stays_when_the_window_changes(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        look = _zoom_in(hand)
        for size in ((1000, 700), (1600, 1000), (1440, 900)):
            hand.window.resize(*size)
            QTest.qWait(20)
        hand.window.layout_of_panels.images.hide()
        QTest.qWait(20)
        assert _near(_look(hand), look)

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "content", ["{", "[1]", '{"PLACE": 5}', '{"PLACE": {"image": 3, "look": [1], "tool": [], "step": 99}}']
)
def test_a_broken_memory_gives_the_first_image_with_select(folder: Path, qapp: object, content: str) -> None:
    settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
    settings.setValue("projects", content.replace("PLACE", str(folder)))
    settings.sync()

    def look(hand: Driver) -> None:
        _ready(hand)
        assert hand.session.document.entry.name == "a.tif"
        assert hand.session.view.tool == "select"
        assert hand.window.steps.currentIndex() == 0
        assert hand.window.canvas.look() is None

    run_program([str(folder)], look)
