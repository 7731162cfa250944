"""A class is removed in the real window; its objects get another one, and an undo brings both back."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QInputDialog
from window_driver import Driver, run_program

from segstudio.core.classes import ClassTable
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import Relabel
from segstudio.project.manifest_file import load_manifest
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images, masks = tmp_path / "images", tmp_path / "masks"
    for number in range(3):
        labels = np.zeros((64, 64), np.uint16)
        labels[8:20, 8:20], labels[30:44, 30:44] = 1, 2
        for place, content in ((images, (labels > 0).astype(np.uint8) * 90 + number), (masks, labels)):
            place.mkdir(exist_ok=True)
            tifffile.imwrite(place / f"{number}.tif", content)
    project, _ = Project.create(tmp_path / "project", [images])
    project.import_masks()
    project.set_classes(project.classes.add("debris").add("unused"))
    for entry in project.images[:2]:
        document = project.document(entry.id)
        document.apply(Relabel((1,), 2))
        document.close()
    project.close()
    return tmp_path / "project"


def _classes_on_disk(folder: Path) -> list[set[int]]:
    with Project.open(folder, read_only=True) as project:
        tables = [read_objects(project.files(entry.id).objects)[0] for entry in project.images]
    return [{info.class_id for info in table.values()} for table in tables]


@pytest.mark.timeout(90)
def test_a_class_with_objects_in_two_images_is_removed_and_undo_brings_it_back(folder: Path) -> None:
    def script(hand: Driver) -> None:
        session = hand.session
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image("0.tif")
        classes = hand.window.label_step.classes
        assert session.project.classes.names == ("cell", "debris", "unused")
        classes.setFocus()
        classes.setCurrentRow(2)
        QTest.keyClick(classes, Qt.Key.Key_Delete)  # nothing has it: no question
        hand.wait(lambda: session.project.classes.names == ("cell", "debris"), what="one class less")
        classes.setCurrentRow(1)
        QTest.keyClick(classes, Qt.Key.Key_Delete)
        question = hand.dialog(QInputDialog)
        assert "2 objects in 2 images have this class" in question.labelText()
        assert question.comboBoxItems() == ["cell"]
        hand.click(question, "Move and remove")
        hand.wait(lambda: session.project.classes.names == ("cell",), what="the class to go")
        assert session.view.class_id == 1
        assert {info.class_id for info in session.document.planes.objects.values()} == {1}
        classes.setCurrentRow(0)
        QTest.keyClick(classes, Qt.Key.Key_Delete)
        hand.wait(lambda: "last class" in hand.window.banners.messages()[0].message, what="the last class to stay")
        classes.add()
        assert session.project.classes.ids == (1, 4)  # no id is given twice
        hand.open_image("1.tif")
        hand.action("edit.undo")
        assert set(session.project.classes.names) == {"cell", "debris", "class 2"}
        assert session.document.planes.objects[1].class_id == 2
        hand.wait(lambda: "is back" in hand.window.banners.messages()[0].message, what="the class to be back")
        assert not any("is removed" in notice.message for notice in hand.window.banners.messages())

    run_program([str(folder)], script)
    assert _classes_on_disk(folder) == [{1}, {1, 2}, {1}]
    manifest, _ = load_manifest(folder)
    assert [item.name for item in manifest.classes.removed] == ["unused"]


def test_the_last_class_stays_and_a_removed_one_comes_back_as_it_was() -> None:
    table = ClassTable().add("debris")
    less = table.remove(1)
    assert less.names == ("debris",)
    with pytest.raises(ValueError, match="at least one"):
        less.remove(2)
    assert set(less.with_ids((1,)).classes) == set(table.classes)
    assert less.with_ids((9,))[9].name == "class 9"
