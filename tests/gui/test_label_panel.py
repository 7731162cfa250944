"""The step Label: classes, overlays, and what is completely labelled."""

import pytest
from PySide6.QtGui import QColor, QContextMenuEvent
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QColorDialog, QComboBox, QMenu
from studio import Studio

from segstudio.core.tiles import Window
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.labels.edits import RegionFill

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_without_an_image_there_is_nothing_to_draw_with(studio: Studio) -> None:
    studio.open()
    session = studio.session
    panel = studio.show(LabelPanel(session))
    names = ("New object", "Complete", "Ignore", "Clear", "This image is completely labelled", "Protect neighbours")
    drawing = [item for item in panel.findChildren(QAbstractButton) if item.text() in names]
    assert len(drawing) == len(names)
    assert all(item.isEnabled() for item in drawing)
    session.front.leave()
    assert not any(item.isEnabled() for item in drawing)
    (add,) = (item for item in panel.findChildren(QAbstractButton) if item.text() == "Add class")
    assert add.isEnabled()


def test_classes_are_added_chosen_and_renamed(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    project = studio.session.project
    assert project is not None
    panel.classes.add()
    assert studio.session.view.class_id == 2
    panel.classes.item(1).setText("mitotic")
    assert project.classes.names == ("cell", "mitotic")
    panel.classes.item(0).setText("mitotic")
    assert project.classes.names == ("cell", "mitotic")
    assert "mitotic" in studio.notices[-1]
    panel.classes.setCurrentRow(0)
    assert studio.session.view.class_id == 1


def test_a_class_tells_the_number_that_settings_and_files_call_it(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    panel.classes.add()
    panel.classes.add()
    assert studio.session.project is not None
    studio.session.project.set_classes(studio.session.project.classes.remove(2))
    tips = [panel.classes.item(row).toolTip() for row in range(2)]
    assert tips == ["cell: number 1, key 1", "class 3: number 3, key 2"]


# Said by the offscreen platform of every menu.
@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_class_gets_another_colour_which_is_kept(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    project = studio.session.project
    assert project is not None
    place = panel.classes.visualItemRect(panel.classes.item(0)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, panel.classes.viewport().mapToGlobal(place))
    panel.classes.contextMenuEvent(event)
    colours = {action.text(): action for menu in panel.classes.findChildren(QMenu) for action in menu.actions()}
    colours["Vermillion"].trigger()
    assert project.classes[1].colour == "#d55e00"
    panel.classes.contextMenuEvent(event)
    colours = {action.text(): action for menu in panel.classes.findChildren(QMenu) for action in menu.actions()}
    colours["Other…"].trigger()
    dialog = panel.classes.findChild(QColorDialog, "class-colour")
    dialog.setCurrentColor(QColor("#123456"))
    dialog.accept()
    assert project.classes[1].colour == "#123456"
    studio.until(lambda: '"#123456"' in (project.folder / "project.json").read_text())


def test_overlays_follow_the_view_and_the_view_follows_them(studio: Studio) -> None:
    panel = studio.show(LabelPanel(studio.session))
    named = {box.text(): box for box in panel.findChildren(QCheckBox)}
    named["Rotated boxes"].click()
    assert studio.session.view.show_boxes
    studio.session.view.show_fill = False
    assert not named["Filled labels"].isChecked()
    (colours,) = (box for box in panel.findChildren(QComboBox) if box.findData("solidity") >= 0)
    colours.setCurrentIndex(colours.findData("state"))
    assert studio.session.view.colour_by == "state"
    studio.session.view.colour_by = "object"
    assert colours.currentData() == "object"


def test_a_finished_image_is_stated_by_one_edit_that_can_be_undone(studio: Studio) -> None:
    studio.open()
    panel = studio.show(LabelPanel(studio.session))
    document = studio.session.document
    assert document is not None
    (stated,) = (box for box in panel.findChildren(QCheckBox) if "completely" in box.text())
    assert not stated.isChecked()
    stated.click()
    assert (document.planes.regions.to_array() == 1).all()
    assert stated.isChecked()
    assert studio.session.states.state(document.entry.id) == "labelled", "before any file is written"
    document.undo()
    assert studio.session.states.state(document.entry.id) == "empty"
    assert not document.planes.regions.to_array().any()
    assert not stated.isChecked()
    document.redo()
    assert stated.isChecked()
    stated.click()
    assert not document.planes.regions.to_array().any()


def test_one_pixel_that_is_not_stated_is_seen(studio: Studio) -> None:
    studio.open()
    panel, document = studio.show(LabelPanel(studio.session)), studio.session.document
    (stated,) = (box for box in panel.findChildren(QCheckBox) if "completely" in box.text())
    document.apply(RegionFill(None, 1))
    document.apply(RegionFill(Window(3, 3, 4, 4), 2))
    assert stated.isChecked()
    document.apply(RegionFill(Window(3, 3, 4, 4), 0))
    assert not stated.isChecked()
