"""The table of objects and their figures."""

import numpy as np
import pytest
from factories import discs, grid_of_squares
from PySide6.QtCore import Qt
from studio import Studio

from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.object_menu import change_objects
from segstudio.labels.state_edit import SetState
from segstudio.session.object_rows import Row

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_the_selection_of_table_and_canvas_is_one(studio: Studio) -> None:
    studio.open()
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    studio.label(grid_of_squares((96, 96)))
    studio.until(lambda: panel.model.rowCount() == 81)
    studio.session.view.selected = frozenset({3, 4, 40})
    studio.until(lambda: panel.selected_ids() == {3, 4, 40})
    panel.view.selectRow(6)
    assert studio.session.view.selected == {7}
    with studio.qtbot.waitSignal(panel.fly_to) as flown:
        panel.view.clicked.emit(panel.model.index(6, 0))
    assert flown.args == [7]
    panel.delete_selected()
    document = studio.session.document
    assert document is not None
    assert 7 not in document.planes.objects
    studio.until(lambda: panel.model.rowCount() == 80)


def test_rows_are_sorted_and_filtered_and_the_selection_stays_with_its_objects(studio: Studio) -> None:
    studio.open()
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    labels = discs((96, 96), [(20, 20)], 4)
    labels[discs((96, 96), [(60, 60)], 12) > 0] = 2
    studio.label(labels)
    studio.until(lambda: panel.model.data(panel.model.index(0, 4)) == "49")
    panel.view.selectRow(0)
    panel.view.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert panel.model.object_at(0) == 2
    assert panel.selected_ids() == {1}
    panel._filter.setText(">100")
    assert panel.model.rowCount() == 1
    panel._filter.setText("model")
    assert panel.model.rowCount() == 0
    change_objects(studio.session, SetState((2,), "suspicious"))
    panel._filter.setText("suspicious")
    studio.until(lambda: panel.model.rowCount() == 1)
    assert [panel.model.data(panel.model.index(0, column)) for column in (0, 2)] == ["2", "suspicious"]
    panel._filter.clear()
    assert panel.model.rowCount() == 2


def test_of_ten_thousand_rows_only_the_visible_ones_are_drawn(studio: Studio) -> None:
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    rng = np.random.default_rng(0)
    rows = [Row(i, 1, "hand", "accepted", float(rng.integers(900)), 9.0, 5.0, 0.0, 50.0) for i in range(1, 10_001)]
    panel.model.show_rows(rows, "px", None)
    panel.model.sort(4, Qt.SortOrder.DescendingOrder)
    panel.model.filter(">450")
    assert 4000 < panel.model.rowCount() < 6000
    panel._pages.setCurrentIndex(1)
    asked: list[int] = []
    look = panel.model.data
    panel.model.data = lambda index, *role: asked.append(index.row()) or look(index, *role)  # type: ignore[method-assign]
    panel.view.scrollTo(panel.model.index(3800, 0))
    panel.view.grab()
    assert 0 < len(set(asked)) < 100


def test_ten_thousand_selected_rows_are_not_followed_cell_by_cell(studio: Studio) -> None:
    studio.open()
    studio.until(lambda: not studio.session.objects.busy)  # the table would show the image's own objects again
    panel = studio.show(InstancesPanel(studio.session), 900, 300)
    rows = [Row(i, 1, "hand", "accepted", float(i), 9.0, 5.0, 0.0, 50.0) for i in range(1, 10_001)]
    panel.model.show_rows(rows, "px", None)
    panel._pages.setCurrentIndex(1)
    studio.session.view.selected = frozenset(range(1, 10_001, 2))
    studio.until(lambda: len(panel.selected_ids()) == 5000)
    asked: list[None] = []
    count = panel.model.rowCount
    panel.model.rowCount = lambda *parent: asked.append(None) or count(*parent)  # type: ignore[method-assign]
    followed: list[int] = []
    panel.model.layoutAboutToBeChanged.connect(lambda: followed.append(len(panel.model.persistentIndexList())))
    panel.view.sortByColumn(4, Qt.SortOrder.DescendingOrder)
    assert max(followed) < 10
    assert panel.selected_ids() == studio.session.view.selected == frozenset(range(1, 10_001, 2))
    panel._filter.setText("12 <900")
    assert [panel.model.object_at(row) for row in range(panel.model.rowCount())][:3] == [812, 712, 612]
    panel._filter.clear()
    asked.clear()
    panel.view.selectAll()
    assert studio.session.view.selected == frozenset(range(1, 10_001))
    assert len(asked) < 1000


def test_measure_shows_figures_and_their_distribution(studio: Studio) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    panel = studio.show(MeasurePanel(studio.session))
    studio.until(lambda: sum(panel.distribution.counts()) == 81)
    assert panel._says.text() == "81 objects in 1 image"
    assert panel._table.item(0, 1).text() == "64"
    panel.choose("length")
    assert sum(panel.distribution.counts()) == 81


def test_one_object_is_not_called_objects(studio: Studio) -> None:
    studio.open()
    studio.label(discs((96, 96), [(20, 20)], 8))
    measured, listed = studio.show(MeasurePanel(studio.session)), studio.show(InstancesPanel(studio.session))
    studio.until(lambda: measured._says.text() == "1 object in 1 image")
    assert listed._count.text() == "1 object"


def test_an_image_whose_labels_are_damaged_is_left_out_of_the_figures_and_named(studio: Studio) -> None:
    studio.open(2)
    studio.label_images(2)
    project = studio.session.project
    project.publish()()
    damaged = project.files(project.images[0].id).labels
    damaged.write_bytes(damaged.read_bytes()[:-40])
    panel = studio.show(MeasurePanel(studio.session))
    panel._scope.button(1).click()
    studio.until(lambda: "left out" in panel._says.text())
    assert " in 1 image. " in panel._says.text()
    assert f"{project.images[0].name} was left out: {damaged.name} is damaged" in panel._says.text()
