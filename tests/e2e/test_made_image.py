"""The image that a model made, in the real window: flipped with a key, its own contrast and values, kept in mind."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from window_driver import Driver, run_program

from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.io.image_file import image_tiff_by_tile
from segstudio.jobs.messages import Finished
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project

HEIGHT, WIDTH = 96, 128
LEFT, RIGHT = (20.0, 40.0), (108.0, 40.0)


def _halves(left: float, right: float, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    pixels = np.full(size, left, np.float32)
    pixels[:, size[1] // 2 :] = right
    return pixels


def _make(path: Path, *pages: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stack = np.stack(pages)
    path.write_bytes(b"".join(image_tiff_by_tile(stack.shape, lambda window: stack[(slice(None), *window.slices)])))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of images dark on the left, and a model; what it made of the first is bright on the left."""
    (tmp_path / "images").mkdir()
    for number, name in enumerate("abcd"):
        pixels = _halves(50, 200).astype(np.uint8)
        pixels[0, 0] = number  # the same image twice is one
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", pixels)
    Project.create(tmp_path / "project", [tmp_path / "images"])[0].close()
    job = TrainJob(
        job_id="clean",
        name="Clean",
        run_folder=tmp_path / "project" / "runs" / "clean",
        samples=(),
        classes=(ClassSpec(id=1, name="cell"),),
    )
    run = RunFolder.create(job)
    run.append(Finished(job_id="clean", outcome="done"))
    run.model.mkdir(parents=True)
    (run.model / "model.json").write_text(json.dumps({"target_scale": {"low": [0], "high": [1]}}))
    made = tmp_path / "project" / "predictions" / "clean"
    _make(made / "a.tif", _halves(900.5, 100.25))
    _make(made / "c.tif", _halves(9, 1, (HEIGHT, 100)))
    (made / "d.tif").write_bytes(b"II*\0 and no more")
    return tmp_path / "project"


def _ready(hand: Driver) -> None:
    """Wait until the image in front has been looked at and everything is drawn."""
    made = hand.session.made
    hand.wait(lambda: hand.session.document is not None, what="the first image")
    hand.wait(lambda: made.model == "Clean" and not made.looking, what="what the model made")
    hand.wait(hand.window.canvas.is_idle, what="the tiles")


def _light(hand: Driver, at: tuple[float, float]) -> int:
    return _colour(hand, at).lightness()


def _colour(hand: Driver, at: tuple[float, float]) -> QColor:
    return hand.window.canvas.grab().toImage().pixelColor(hand.place(at))


def _switch(hand: Driver) -> tuple[QPushButton, QPushButton]:
    found = {button.text(): button for button in hand.window.prediction.made.findChildren(QPushButton)}
    return found["Image"], found["Made by the model"]


def _said(hand: Driver) -> str:
    labels = hand.window.prediction.made.findChildren(QLabel)
    return " ".join(label.text() for label in labels if label.isVisible())


@pytest.mark.timeout(60)
def test_a_key_flips_between_image_and_made_image(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        hand.window.show_step(2)
        window, view = hand.window, hand.session.view
        told: list[str] = []
        window.canvas.hovered.connect(lambda _x, _y, value, _object: told.append(value))
        view.contrast = (0, 250)
        hand.wait(window.canvas.is_idle)
        dark = _light(hand, LEFT)
        assert dark < 60 < _light(hand, RIGHT)
        QTest.mouseMove(window.canvas.viewport(), hand.place(LEFT))
        hand.wait(lambda: told and told[-1] == "50", what="the value of the image")
        camera = window.canvas.camera

        hand.key(Qt.Key.Key_I)
        assert window.canvas.is_idle(), "its tiles are there before they are wanted"
        assert _light(hand, LEFT) > 200, "stretched by its own values"
        assert _light(hand, RIGHT) < 30
        assert told[-1] == "900.5", "the value under the pointer that rests is that of what is seen"
        assert window.canvas.camera == camera
        assert window.canvas.accessibleDescription() == "Made by Clean  ·  press I for the image"
        image, made = _switch(hand)
        assert made.isChecked()
        assert not image.isChecked()

        QTest.mouseClick(image, Qt.MouseButton.LeftButton)
        assert view.contrast == (0, 250)
        hand.wait(window.canvas.is_idle)
        assert _light(hand, LEFT) == dark
        assert told[-1] == "50"
        assert not window.canvas.accessibleDescription()
        assert image.isChecked()

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_minimap_and_histogram_are_of_what_is_seen(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        window, minimap = hand.window, hand.window.canvas.minimap
        plot = window.label_step.findChild(HistogramWidget).plot
        window.canvas.zoom(4)
        hand.wait(lambda: minimap.isVisible() and window.canvas.is_idle(), what="the minimap")

        def left_of_minimap() -> int:
            return minimap.grab().toImage().pixelColor(20, 20).lightness()

        def spread() -> float:
            return plot.x_of(900.5) - plot.x_of(500)

        dark = left_of_minimap()
        assert spread() == 0, "both are brighter than any pixel of the image"
        for _ in range(2):
            hand.key(Qt.Key.Key_I)
            hand.wait(lambda: left_of_minimap() > dark + 60, what="the image made on the minimap")
            hand.wait(lambda: spread() > 50, what="its histogram")
            hand.key(Qt.Key.Key_I)
            hand.wait(lambda: left_of_minimap() == dark, what="the image on the minimap")
            hand.wait(lambda: spread() == 0, what="the histogram of the image")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_what_is_seen_has_a_plate_and_labels_over_it(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        hand.window.show_step(2)
        canvas = hand.window.canvas
        foot = QPointF(canvas.width_px / 2, canvas.height_px - 22).toPoint()

        def at_the_foot() -> set[int]:
            picture = canvas.grab().toImage()
            return {picture.pixelColor(foot.x() + x, foot.y()).lightness() for x in range(-60, 60)}

        before = at_the_foot()
        hand.action("view.made")
        assert max(at_the_foot()) > max(before) + 100, "light words"
        assert _colour(hand, RIGHT).saturation() == 0
        ring = np.array([(100, 30), (118, 30), (118, 50), (100, 50)], np.float64)
        hand.session.document.apply(Polygon(ring, None))
        hand.wait(canvas.is_idle, what="the object")
        assert _colour(hand, RIGHT).saturation() > 0
        hand.session.view.show_fill = False
        hand.wait(canvas.is_idle)
        assert _colour(hand, RIGHT).saturation() == 0

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_it_follows_the_image_in_front_and_the_next_start(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _ready(hand)
        hand.window.show_step(2)
        window = hand.window
        hand.key(Qt.Key.Key_I)
        assert _light(hand, LEFT) > 200

        sentences = {
            "b.tif": "has made no image of the one in front yet",
            "c.tif": "has 96 × 100 pixels, the image itself 96 × 128. Predict the image again.",
            "d.tif": "made of d.tif cannot be shown",
        }
        for name, sentence in sentences.items():
            hand.open_image(name)
            _ready(hand)
            assert sentence in _said(hand)
            assert _light(hand, LEFT) < 60, f"{name} is shown itself"
            assert not window.canvas.accessibleDescription()
            assert not any(button.isEnabled() for button in _switch(hand))
            hand.key(Qt.Key.Key_I)
            assert _light(hand, LEFT) < 60

        hand.open_image("a.tif")
        _ready(hand)
        assert _light(hand, LEFT) > 200

    def again(hand: Driver) -> None:
        _ready(hand)
        assert _light(hand, LEFT) > 200
        hand.key(Qt.Key.Key_I)
        assert _light(hand, LEFT) < 60

    run_program([str(folder)], script)
    run_program([str(folder)], again)


@pytest.mark.timeout(60)
def test_an_image_made_in_colour_is_shown_in_colour(folder: Path, qapp: object) -> None:
    red, rest = _halves(255, 0), _halves(0, 0)
    _make(folder / "predictions" / "clean" / "a.tif", red, rest, rest)

    def script(hand: Driver) -> None:
        _ready(hand)
        hand.window.show_step(2)
        hand.key(Qt.Key.Key_I)
        colour = _colour(hand, LEFT)
        assert (colour.red(), colour.green(), colour.blue()) == (255, 0, 0)

    run_program([str(folder)], script)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_a_folder_with_targets_to_the_image_made(tmp_path: Path, qapp: object) -> None:
    """Nothing is labelled and nothing chosen: train, predict, and the image made is in sight."""
    for place, scale in (("images", 1), ("targets", 3)):
        (tmp_path / "cells" / place).mkdir(parents=True)
        for number in range(4):
            pixels = np.random.default_rng(number).normal(60, 5, (64, 64))
            pixels[16:40, 8 + 4 * number : 40] += 100
            tifffile.imwrite(tmp_path / "cells" / place / f"{number}.tif", (pixels * scale).astype(np.uint16))

    def script(hand: Driver) -> None:
        window, session = hand.window, hand.session
        dialog = hand.dialog(NewProjectDialog)
        dialog.findChild(object, "project-folder").setText(str(tmp_path / "project"))
        hand.click(dialog, "Create project")
        hand.wait(lambda: session.document is not None, what="the first image")
        window.show_step(1)
        said = "No object is labelled yet: it learns the images in targets/. Trains on 3 pairs of images"
        hand.wait(lambda: window.training.summary_text().startswith(said), 90, said)
        rows = window.training.setup.form.rows
        for path, value in {"architecture.width": 8, "training.steps_per_epoch": 5, "training.epochs": 2}.items():
            rows[path].set_value(value)
        hand.click(window.training, "Train")
        hand.wait(lambda: any(run.makes_images for run in session.runs.all), 120, "a model that makes images")
        hand.wait(lambda: not session.jobs.active, what="the end of the training")
        hand.wait(lambda: session.made.model, what="the new model in Predict")
        assert not session.made.shown
        hand.action("predict.current")
        hand.wait(lambda: session.made.shown, 90, "the image made")
        (file,) = session.project.predictions_folder.rglob("*.tif")
        assert file.name == "0.tif"
        assert json.loads(file.with_suffix(".json").read_text())["image_id"] == session.document.entry.id
        assert window.canvas.accessibleDescription().startswith("Made by Model 1")
        hand.action("image.next")
        hand.wait(lambda: session.document.entry.name == "1.tif", what="the next image")
        hand.wait(lambda: not session.made.looking)
        assert not session.made.shown

    run_program([str(tmp_path / "cells")], script)
