"""Filters of lists hide rows and do nothing else: no image comes to the front, no hidden object is deleted."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for seed, name in enumerate(("ant", "bee", "cow", "dog")):
        picture = np.random.default_rng(seed).integers(0, 200, (96, 96), dtype=np.uint8)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", picture)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "images"])
    project.close()
    return tmp_path / "project"


def _squares(hand: Driver, count: int) -> None:
    for number in range(count):
        x = 4 + 20 * number
        hand.session.document.apply(Polygon(np.array([(x, 10), (x + 12, 10), (x + 12, 30), (x, 30)]), None))


def _open_objects(hand: Driver, count: int) -> None:
    hand.window.show_drawer(0)
    hand.wait(lambda: hand.window.instances.model.rowCount() == count, what="the rows")


@pytest.mark.timeout(60)
def test_typing_in_the_filter_of_the_images_leaves_the_one_in_front(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image("cow.tif")
        images = hand.window.images
        images._filter.setFocus()
        for words in ("d", "do", "dog"):
            QTest.keyClick(images._filter, words[-1])
            QTest.qWait(50)
        assert images._sorted.rowCount() == 1
        assert hand.session.front.wanted == hand.session.document.entry.id
        assert hand.session.document.entry.name == "cow.tif"
        assert images.selected_ids() == []
        QTest.keyClick(images._filter, "z")
        assert images._sorted.rowCount() == 0
        assert images._none.isVisible(), "an empty list says why"
        images._filter.clear()
        assert not images._none.isVisible()
        assert hand.session.document.entry.name == "cow.tif"
        assert images.selected_ids() == [hand.session.document.entry.id], "its row is the chosen one again"
        assert images._view.currentIndex().data(Qt.ItemDataRole.DisplayRole) == "cow.tif"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_brought_to_the_front_behind_the_filter_leaves_no_other_row_chosen(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.window.images._filter.setText("ant")
        hand.open_image("bee.tif")
        assert hand.window.images.selected_ids() == []
        hand.window.images._view.setCurrentIndex(hand.window.images._sorted.index(0, 0))
        hand.wait(lambda: hand.session.document.entry.name == "ant.tif", what="the row that was chosen")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_next_and_previous_pass_over_images_that_the_filter_hides(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.window.images._filter.setText("o")  # cow and dog
        hand.window.canvas.setFocus()
        for key, name in ((Qt.Key.Key_D, "cow"), (Qt.Key.Key_D, "dog"), (Qt.Key.Key_D, "dog"), (Qt.Key.Key_A, "cow")):
            hand.key(key)
            hand.wait(lambda name=name: hand.session.document.entry.name == f"{name}.tif", what=name)
        hand.key(Qt.Key.Key_A)
        QTest.qWait(100)
        assert hand.session.front.wanted == hand.session.document.entry.id
        assert hand.session.document.entry.name == "cow.tif", "the first that the list shows is the end"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_objects_whose_rows_the_filter_hides_are_not_deleted(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        _squares(hand, 4)
        _open_objects(hand, 4)
        panel = hand.window.instances
        hand.action("edit.select_all")
        hand.wait(lambda: len(panel.selected_ids()) == 4, what="the rows of all")
        panel._filter.setText("1")
        assert panel.selected_ids() == hand.session.view.selected == {1}
        assert panel._count.text() == "1 of 4 objects, 1 selected"
        panel._filter.setText("nothing like this")
        assert not hand.session.view.selected
        assert not panel._delete.isEnabled()
        assert panel._none.isVisible()
        assert panel._count.text() == "0 of 4 objects"
        panel.delete_selected()
        assert len(hand.session.document.planes.objects) == 4
        hand.session.view.selected = frozenset({2})  # on the canvas, where it is seen
        hand.wait(lambda: "hides" in panel._count.text(), what="the words")
        assert panel._count.text() == "0 of 4 objects, 1 selected that the filter hides"
        assert not panel._delete.isEnabled()
        panel.delete_selected()
        assert len(hand.session.document.planes.objects) == 4
        panel._filter.clear()
        assert panel.selected_ids() == {2}
        hand.click(panel, "Delete")
        assert 2 not in hand.session.document.planes.objects

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_sorted_column_says_so_and_its_first_row_is_seen(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        for row in range(6):
            for column in range(6):
                x, y = 2 + 15 * column, 2 + 15 * row
                corners = np.array([(x, y), (x + 6 + row, y), (x + 6 + row, y + 8), (x, y + 8)])
                hand.session.document.apply(Polygon(corners, None))
        _open_objects(hand, 36)
        panel = hand.window.instances
        header = panel.view.horizontalHeader()

        def titles() -> list[str]:
            return [panel.model.headerData(number, Qt.Orientation.Horizontal) for number in range(8)]

        assert [title for title in titles() if title.endswith(("▲", "▼"))] == ["Id ▲"]
        panel.view.scrollToBottom()
        assert panel.view.verticalScrollBar().value() > 0
        place = header.sectionViewportPosition(3) + 20
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place, 8))
        hand.wait(lambda: panel.view.verticalScrollBar().value() == 0, 5, "the first row")
        assert [title[-1] for title in titles() if title.endswith(("▲", "▼"))] == ["▲"]
        assert titles()[3].endswith("▲")
        QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place, 8))
        assert titles()[3].endswith("▼")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_key_of_the_next_image_to_review_selects_only_that(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.open_image("ant.tif")
        hand.key(Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
        hand.wait(lambda: hand.session.document.entry.name == "bee.tif", what="the next image")
        assert hand.window.images.selected_ids() == [hand.session.document.entry.id]

    run_program([str(folder)], script)
