"""The canvas with a real project: what is there arrives on the screen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from canvas_desk import LEFT, NONE, Desk
from factories import discs
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.core.tiles import Window
from segstudio.gui.viewer.box_layer import BoxLayer
from segstudio.gui.viewer.canvas import Canvas
from segstudio.gui.viewer.histogram import HistogramWidget
from segstudio.gui.viewer.palette import label_colours
from segstudio.io import coarse_cache, coarse_levels
from segstudio.labels.edits import Polygon, RegionFill
from segstudio.labels.label_map import LabelMap
from segstudio.labels.state_edit import SetState


def test_gray_is_stretched_by_percentiles_and_by_the_chosen_contrast(desks: Any) -> None:
    image = np.full((96, 128), 1000, np.uint16)
    image[:, 64:] = 3000
    desk = desks(image)
    desk.canvas.set_proposals(None)
    assert desk.colour(20, 20).lightness() < 3
    assert desk.colour(100, 20).lightness() > 252
    desk.view.contrast = (1000, 5000)
    assert desk.colour(100, 20).lightness() == pytest.approx(128, abs=2)
    desk.view.gamma = 2.0
    assert desk.colour(100, 20).lightness() == pytest.approx(180, abs=2)


def test_colour_image_keeps_its_colours(desks: Any) -> None:
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, :64] = (200, 30, 10)
    image[:, 64:] = (10, 60, 220)
    desk = desks(image)
    assert desk.colour(20, 20).getRgb() == (200, 30, 10, 255)
    assert desk.colour(100, 20).getRgb() == (10, 60, 220, 255)


def test_image_with_nan_is_shown(desks: Any) -> None:
    image = np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128)
    image[40:60, 40:60] = np.nan
    desk = desks(image)
    assert desk.colour(50, 50).saturation() > 40
    assert desk.colour(20, 20).saturation() == 0
    desk.session.set_preferences(desk.session.preferences.model_copy(update={"missing_colour": "#00ff00"}))
    assert desk.colour(50, 50).name() == "#00ff00"


def test_a_large_image_is_seen_at_once_and_then_exactly(desks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse_levels, "_SMALL", 1000)
    image = np.zeros((2400, 3200), np.uint8)
    image[:, 1::2] = 200  # as bright as its left half in the mean, and black where every fourth pixel is picked
    image[:, :1600] = 100
    image[0, 0], image[-1, -1] = 0, 255
    desk = desks(image)
    shares: list[float] = []
    desk.canvas._pictures.prepared.connect(shares.append)
    desk.view.contrast = (0, 200)
    left, right = desk.colour(400, 1200), desk.colour(2800, 1200)
    assert left.lightness() == pytest.approx(right.lightness(), abs=3)
    assert not shares, "nobody has to wait for what is quickly read"
    assert [path.suffix for path in coarse_cache.cache_folder().iterdir()] == [".levels"]


def test_overlays_follow_their_switches(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    desk.document.apply(Polygon(np.array([(40, 30), (80, 30), (80, 70), (40, 70)]), None))
    assert desk.colour(60, 48) != plain
    desk.view.peek = True
    assert desk.colour(60, 48) == plain
    desk.view.peek = False
    desk.view.show_fill = False
    assert desk.colour(60, 48) == plain
    assert desk.colour(40.2, 48) != plain
    desk.view.show_contours = False
    assert desk.colour(40.2, 48) == plain
    desk.view.show_boxes = True
    assert desk.colour(60, 30) != plain


def test_regions_are_shown(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    desk.document.apply(RegionFill(Window(20, 20, 90, 100), 2))
    assert desk.colour(60, 48) != plain
    desk.view.show_regions = False
    assert desk.colour(60, 48) == plain


def test_proposals_lie_in_a_layer_of_their_own(desk: Desk) -> None:
    plain = desk.colour(60, 48)
    proposals = LabelMap.from_array(discs((96, 128), [(48, 60)], 15))
    desk.canvas.set_proposals(proposals, {})
    assert desk.colour(60, 48) != plain
    assert not desk.labels.any()
    desk.view.show_predictions = False
    assert desk.colour(60, 48) == plain
    desk.view.show_predictions = True
    desk.canvas.set_proposals(proposals, {1: "rejected"})
    assert desk.colour(60, 48) == plain


def test_classes_have_their_colours(desk: Desk) -> None:
    desk.project.set_classes(desk.project.classes.add("mitotic"))
    for x, class_id in ((20, 1), (70, 2)):
        ring = np.array([(x, 20), (x + 30, 20), (x + 30, 50), (x, 50)])
        desk.document.apply(Polygon(ring, None, class_id=class_id))
    desk.view.colour_by, desk.view.fill_opacity = "class", 1.0
    desk.view.class_id, desk.view.tool = 2, "brush"
    desk.press(20, 80)
    desk.move(30, 80, LEFT)
    assert desk.colour(25, 80).name() == desk.project.classes[2].colour, "while it is being drawn"
    desk.release(30, 80)
    desk.view.selected = frozenset()
    assert desk.colour(25, 80).name() == desk.project.classes[2].colour
    assert desk.colour(35, 35).name() == desk.project.classes[1].colour
    assert desk.colour(85, 35).name() == desk.project.classes[2].colour
    first, second = desk.project.classes.classes
    desk.project.set_classes(ClassTable((first, replace(second, colour="#aabbcc"))))
    assert desk.colour(85, 35).name() == "#aabbcc"


def test_states_have_their_colours_and_a_changed_one_is_drawn_again(desk: Desk) -> None:
    for x in (20, 70):
        desk.document.apply(Polygon(np.array([(x, 20), (x + 30, 20), (x + 30, 50), (x, 50)]), None))
    desk.view.colour_by, desk.view.fill_opacity = "state", 1.0
    accepted = desk.colour(35, 35)
    assert desk.colour(85, 35) == accepted
    desk.document.apply(SetState((2,), "suspicious"))
    assert desk.colour(35, 35) == accepted
    assert desk.colour(85, 35).name() == "#e69f00"
    desk.document.undo()
    assert desk.colour(85, 35) == accepted
    legend = desk.canvas._overlays.legend
    assert [name for name, _ in legend.legend.entries] == ["accepted", "unreviewed", "suspicious"]
    assert legend.isVisible()
    desk.view.peek = True
    assert not legend.isVisible()


def test_another_palette_colours_objects_anew(desk: Desk) -> None:
    desk.document.apply(Polygon(np.array([(20, 20), (50, 20), (50, 50), (20, 50)]), None))
    desk.view.fill_opacity = 1.0
    before = desk.colour(35, 35)
    desk.session.set_preferences(desk.session.preferences.model_copy(update={"palette": "Okabe-Ito"}))
    after = desk.colour(35, 35)
    assert after != before
    assert after.name() in {QColor(*colour).name() for colour in label_colours("Okabe-Ito")}


def test_proposals_too_are_coloured_by_class(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.project.set_classes(ClassTable((*desk.project.classes.classes, ObjectClass(2, "mitotic", "#ff0000"))))
    monkeypatch.setattr(desk.session.review, "classes", lambda: {1: 1, 2: 2})
    labels = discs((96, 128), [(48, 30), (48, 90)], 15)
    desk.canvas.set_proposals(LabelMap.from_array(labels), {})
    desk.view.colour_by = "class"
    one, two = (desk.colour(x, 48) for x in (30, 90))
    assert two.red() > two.blue(), "the red of its class"
    assert one.blue() > one.red(), "the blue of the first class"


def test_fly_to_brings_a_small_object_into_the_middle(desks: Any) -> None:
    desk = desks(np.zeros((1200, 1600), np.uint8))
    desk.document.apply(Polygon(np.array([(1200, 800), (1220, 800), (1220, 810), (1200, 810)]), None))
    desk.canvas.fly_to(int(desk.labels[805, 1210]))
    assert desk.screen(1210, 805).x() == pytest.approx(320, abs=2)
    assert desk.screen(1210, 805).y() == pytest.approx(240, abs=2)
    assert 1.5 < desk.canvas.camera.scale <= 4
    assert desk.canvas.camera.visible(640, 480, (1200, 1600)).height > 180
    desk.canvas.fly_to(Window(0, 0, 1200, 1600))
    assert desk.canvas.camera.scale < 1


def test_large_image_shows_pixels_of_the_right_place_at_every_zoom(desks: Any) -> None:
    image = np.zeros((3000, 4000), np.uint8)
    image[1024:1536, 2048:2560] = 255
    desk = desks(image)
    for _ in range(8):
        assert desk.colour(2300, 1300).lightness() == 255, desk.canvas.camera
        desk.wheel(2300, 1300, 3)
    desk.canvas.actual_size()
    assert desk.canvas.camera.scale == 1


def test_hint_disappears_with_the_first_object(desk: Desk) -> None:
    place = desk.canvas.hint_card.geometry().center()
    hinted = desk.canvas.grab().toImage()
    desk.document.apply(Polygon(np.array([(2, 2), (6, 2), (6, 6), (2, 6)]), None))
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(place) != hinted.pixelColor(place)
    desk.document.undo()
    assert desk.canvas.hint_card.isVisible(), "nothing was circled by hand"


def test_switching_images_while_tiles_load_never_shows_the_old_one(desk: Desk) -> None:
    for _ in range(5):
        desk.canvas.set_document(None)
        desk.canvas.set_document(desk.document)
    assert desk.colour(60, 20).lightness() > 0
    desk.canvas.set_document(None)
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(5, 5).name() == "#101113"


def test_histogram_handles_change_the_contrast(desk: Desk) -> None:
    widget = HistogramWidget(desk.session)
    desk.qtbot.addWidget(widget)
    assert not widget.plot.isEnabled(), "nothing was sampled yet"
    desk.canvas.sampled.connect(widget.take)
    desk.canvas.set_document(None)
    desk.canvas.set_document(desk.document)
    desk.settle()
    assert widget.plot.isEnabled()
    widget.resize(240, 140)
    widget.grab()  # lays it out; the offscreen platform warns when a window with size hints is shown
    plot = widget.plot
    before = plot.x_of(0.0)
    at = QPoint(round(before), plot.height() // 2)
    desk.qtbot.mousePress(plot, LEFT, NONE, at)
    desk.qtbot.mouseMove(plot, QPoint(plot.width() // 2, at.y()))
    desk.qtbot.mouseRelease(plot, LEFT, NONE, QPoint(plot.width() // 2, at.y()))
    assert desk.view.contrast is not None
    low, high = desk.view.contrast
    assert low < high
    desk.qtbot.mouseClick(widget.auto, LEFT)
    assert desk.view.contrast is None
    widget.gamma.setValue(1.5)
    assert desk.view.gamma == 1.5
    widget.gamma.selectAll()
    desk.qtbot.keyClicks(widget.gamma, QLocale().toString(2.75, "f", 2))
    desk.qtbot.keyClick(widget.gamma, Qt.Key.Key_Return)
    assert desk.view.gamma == 2.75, "typed digit by digit"


def test_file_in_which_zero_is_white_is_shown_so_and_keeps_its_values(desk: Desk, tmp_path: Path) -> None:
    image = np.zeros((96, 128), np.uint8)
    image[:, 64:] = 200
    tifffile.imwrite(tmp_path / "scan.tif", image, photometric="miniswhite")
    desk.project.add_images([tmp_path / "scan.tif"])
    document = desk.project.document(desk.project.images[1].id)
    desk.canvas.set_document(document)
    desk.canvas.set_proposals(None)
    assert desk.colour(20, 20).lightness() > 250
    assert desk.colour(100, 20).lightness() < desk.colour(20, 20).lightness() - 150
    assert document.source.read()[0, 100] == 200
    desk.canvas.set_document(desk.document)
    document.close()


def test_hint_makes_way_for_proposals(desk: Desk) -> None:
    place = desk.canvas.hint_card.geometry().center()
    hinted = desk.canvas.grab().toImage().pixelColor(place)
    desk.canvas.set_proposals(LabelMap.from_array(discs((96, 128), [(20, 20)], 5)), {})
    desk.settle()
    assert desk.canvas.grab().toImage().pixelColor(place) != hinted


def test_many_boxes_are_copied_from_pictures_and_not_drawn_again_under_the_brush(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.document.apply(Polygon(np.array([(20, 20), (60, 20), (60, 50), (20, 50)]), None))
    desk.view.show_fill = desk.view.show_contours = False
    before = desk.colour(40, 20)
    desk.view.show_boxes = True
    desk.qtbot.waitUntil(lambda: desk.colour(40, 20) != before, timeout=10_000)
    assert desk.colour(40, 35) == desk.colour(90, 35), "only the outline"
    painted: list[int] = []
    paint = BoxLayer.paint
    monkeypatch.setattr(BoxLayer, "paint", lambda *args: (painted.append(1), paint(*args)))
    desk.view.tool = "brush"
    for x in range(20, 60, 5):
        desk.move(x, 20)
        QApplication.processEvents()
    assert not painted


def test_a_canvas_that_was_closed_follows_nothing(desk: Desk) -> None:
    session = desk.session
    told: list[bool] = []
    signals = [
        session.review.changed, session.review.focused, session.made.changed, session.pixel_size_changed,
        session.preferences_changed, session.view.events, desk.project.classes_changed,
    ]  # fmt: skip
    before = [len(signal) for signal in signals]
    other = Canvas(session)
    desk.qtbot.addWidget(other)
    other.set_document(desk.document)
    assert [len(signal) for signal in signals] != before
    other.close_threads()
    other._follower.exchanged.connect(lambda: told.append(True))
    session.review.changed.emit(None)
    assert not told
    assert [len(signal) for signal in signals] == before
