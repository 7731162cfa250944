"""The gallery: pictures of objects, sorted, of which only those in sight are read; keys change the chosen ones."""

import numpy as np
import pytest
from factories import grid_of_squares
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from studio import Studio

from segstudio.gui.panels.gallery import GalleryPanel

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def opened(studio: Studio) -> GalleryPanel:
    """Return a gallery of 81 squares, the one with the largest id a pixel smaller."""
    studio.open()
    labels = grid_of_squares((96, 96))
    rows, columns = np.nonzero(labels == 81)
    labels[rows[0], columns[0]] = 0
    studio.label(labels)
    studio.until(lambda: not studio.session.objects.busy)
    panel: GalleryPanel = studio.show(GalleryPanel(studio.session), 500, 260)
    studio.until(lambda: len(panel.grid.ids) == 81)
    return panel


def test_pictures_are_sorted_and_only_those_in_sight_are_made(studio: Studio) -> None:
    panel = opened(studio)
    studio.until(lambda: panel._crops.pictures and not panel._crops._busy)
    assert 0 < len(panel._crops.pictures) <= 15
    assert panel._crops.pictures[1].shape == (88, 88, 3)
    panel._sort.setCurrentIndex(panel._sort.findData("area"))
    studio.until(lambda: panel.grid.ids[0] == 81)
    studio.until(lambda: 81 in panel._crops.pictures)


def test_keys_change_the_chosen_objects_in_one_step_and_go_on(studio: Studio) -> None:
    panel, session = opened(studio), studio.session
    document = session.document
    assert document is not None
    objects, grid, key = document.planes.objects, panel.grid, Qt.Key
    grid.setFocus()
    QTest.keyClick(grid, key.Key_Home)
    QTest.keyClick(grid, key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert session.view.selected == {1, 2}
    QTest.keyClick(grid, key.Key_S)
    assert [objects[item].state for item in (1, 2, 3)] == ["suspicious", "suspicious", "accepted"]
    assert session.view.selected == {3}
    QTest.keyClick(grid, key.Key_Delete)
    assert 3 not in objects
    assert (grid.ids[2], session.view.selected) == (4, {4})
    with studio.qtbot.waitSignal(panel.fix_wanted) as asked:
        QTest.keyClick(grid, key.Key_F)
    assert (asked.args, session.view.current_object) == ([4], 4)
    document.undo()
    studio.until(lambda: len(grid.ids) == 81)
    document.undo()
    assert objects[1].state == "accepted"
    panel._sort.setCurrentIndex(panel._sort.findData("state"))
    panel._sort.activated.emit(panel._sort.currentIndex())
    studio.until(lambda: grid.ids[0] == 1)
    session.view.selected = frozenset({40})
    panel.mark("suspicious")
    assert grid.ids[0] == 1, "pictures keep their place"
    panel._sort.activated.emit(panel._sort.currentIndex())
    studio.until(lambda: grid.ids[0] == 40)
    document.undo()
    panel._shown.setCurrentIndex(panel._shown.findData("suspicious"))
    studio.until(lambda: not grid.ids)
    QTest.keyClick(grid, key.Key_Delete)  # chosen elsewhere, but not shown
    assert len(objects) == 81
