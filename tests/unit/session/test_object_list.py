from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from factories import grid_of_squares, rectangle
from later_background import LaterBackground
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, Relabel, Stroke
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.paste import PasteLabels
from segstudio.labels.transaction import Transaction
from segstudio.project.changes import DocumentChange
from segstudio.session import object_list
from segstudio.session.background import Background
from segstudio.session.object_list import ObjectList
from segstudio.session.object_rows import Row

SHAPE = (100, 120)


class MemoryDocument:
    """Planes and pixels of one image, without files: what the table needs of an `ImageDocument`."""

    changed = Signal(DocumentChange)
    turned = Signal(int)
    plane = 0

    def __init__(self, shape: tuple[int, int] = SHAPE, pixel_size: float | None = None) -> None:
        self.entry = SimpleNamespace(id="image", pixel_size_um=pixel_size)
        self.planes = Planes.empty(shape)
        self.image = np.full(shape, 50, np.uint8)
        self.source = self
        self.reads: list[Window | None] = []

    def objects_in_front(self) -> ObjectTable:
        return self.planes.objects

    def read(self, window: Window | None = None, plane: int = 0) -> NDArray[np.uint8]:
        self.reads.append(window)
        return self.image if window is None else self.image[window.slices]

    def apply(self, edit: Any) -> None:
        tx = Transaction(self.planes, edit.name, on_commit=self._on_commit)
        edit.apply(tx)
        tx.commit()

    def paste(self, labels: NDArray[np.int32]) -> None:
        infos = {int(i): ObjectInfo() for i in np.unique(labels) if i}
        self.apply(PasteLabels(labels, Window.whole(self.planes.shape), infos))

    def _on_commit(self, record: EditRecord) -> None:
        ids = set(np.unique(self.planes.labels.read(record.window)).tolist()) - {0}
        ids |= {change.id for change in record.objects}
        self.changed.emit(DocumentChange(record.window, frozenset({"labels"}), frozenset(ids)))


def table_of(document: MemoryDocument) -> ObjectList:
    table = ObjectList(lambda: cast("Any", document), Background())
    table.load(cast("Any", document))
    return table


def test_rows_give_class_source_size_direction_and_intensity() -> None:
    document = MemoryDocument()
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 0))
    (row,) = table_of(document).rows()
    assert (row.id, row.class_id, row.source) == (1, 1, "hand")
    assert (row.area, row.length, row.width, row.angle, row.intensity) == (400, 40, 10, 0, 50)


def test_lengths_are_micrometres_where_the_pixel_size_is_known() -> None:
    document = MemoryDocument(pixel_size=0.5)
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 90))
    table = table_of(document)
    (row,) = table.rows()
    assert table.unit == "µm"
    assert (row.area, row.length, row.width, row.angle) == (100, 20, 5, 90)


def test_after_a_large_undo_the_next_edit_need_not_look_at_all_tiles() -> None:
    document = MemoryDocument((900, 900))
    document.paste(np.arange(1, 901, dtype=np.int32).reshape(30, 30).repeat(30, 0).repeat(30, 1))
    table = table_of(document)
    tx = Transaction(document.planes, "Delete", on_commit=document._on_commit)
    Delete(tuple(range(1, 600))).apply(tx)
    record = tx.commit()
    assert record is not None
    document.planes.apply(record, back=True)
    assert not document.planes.labels.indexed
    document.changed.emit(DocumentChange(record.window, frozenset({"labels"}), frozenset(range(1, 901))))
    assert document.planes.labels.indexed
    assert document.planes.labels.values() == set(table.ids()) == set(range(1, 901))


def test_an_edit_measures_only_what_it_touched() -> None:
    document = MemoryDocument()
    document.paste(grid_of_squares(SHAPE))
    table = table_of(document)
    count = len(table.rows())
    document.reads.clear()
    document.apply(Stroke(np.array([[4.0, 4.0], [4.0, 5.0]]), 3, object_id=1, protect=True))
    assert len(table.rows()) == count
    assert all(window is not None and window.height < 12 for window in document.reads)
    document.apply(Delete((1,)))
    assert len(table.rows()) == count - 1
    assert table.row(1) is None


def test_other_objects_in_the_window_of_an_object_do_not_count() -> None:
    document = MemoryDocument()
    labels = rectangle(SHAPE, (60, 50), 60, 4, 45)
    labels[(rectangle(SHAPE, (60, 20), 10, 10, 0) > 0) & (labels == 0)] = 2
    document.paste(labels)
    table = table_of(document)
    before = table.row(1)
    document.apply(Relabel((1,), 1))
    document.changed.emit(DocumentChange(Window(0, 0, 9, 9), frozenset({"labels"}), frozenset({1})))
    assert table.row(1) == before


def test_a_new_class_shows_at_once() -> None:
    document = MemoryDocument()
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 0))
    table = table_of(document)
    changes: list[int] = []
    table.changed.connect(lambda: changes.append(1))
    document.apply(Relabel((1,), 3))
    assert table.rows()[0].class_id == 3
    assert changes


def test_a_gesture_that_goes_on_measures_nothing() -> None:
    document = MemoryDocument()
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 0))
    table = table_of(document)
    document.reads.clear()
    document.changed.emit(DocumentChange(Window(0, 0, 9, 9), frozenset({"labels"}), frozenset(), live=True))
    assert document.reads == []
    assert len(table.rows()) == 1


def test_closing_the_image_empties_the_table() -> None:
    document = MemoryDocument()
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 0))
    table = table_of(document)
    table.load(None)
    document.apply(Delete((1,)))
    assert table.rows() == []
    assert table.ids() == []


def test_colour_images_give_the_mean_of_their_channels() -> None:
    document = MemoryDocument()
    document.paste(rectangle(SHAPE, (60, 50), 40, 10, 0))
    document.image = np.dstack([np.full(SHAPE, value, np.uint8) for value in (10, 20, 60)])
    (row,) = table_of(document).rows()
    assert row.intensity == pytest.approx(30)


def test_ten_thousand_objects_are_listed() -> None:
    document = MemoryDocument((1000, 1000))
    document.paste(grid_of_squares((1000, 1000)))
    rows = table_of(document).rows()
    assert len(rows) == 10_000
    assert {row.area for row in rows} == {64.0}


def test_objects_of_an_image_that_cannot_be_read_have_all_but_an_intensity(monkeypatch: pytest.MonkeyPatch) -> None:
    document = MemoryDocument()
    readable = document.read

    def refuse(_window: Window | None = None, _plane: int = 0) -> NDArray[np.uint8]:
        raise BadInput("a.tif is damaged.", code="image-damaged")

    monkeypatch.setattr(document, "read", refuse)
    first, second = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)
    first[10:20, 10:30], second[50:60, 50:60] = 1, 2
    document.paste(first)
    table = table_of(document)  # all at once
    document.paste(second)  # one by one
    assert [(row.area, row.length) for row in table.rows()] == [(200, 20), (100, 10)]
    assert np.isnan([row.intensity for row in table.rows()]).all()
    monkeypatch.setattr(document, "read", readable)
    third = np.zeros(SHAPE, np.int32)
    third[80:90, 80:90] = 3
    document.paste(third)
    assert table.rows()[2].intensity == 50, "what can be read again is measured again"


def later_table(
    document: MemoryDocument, monkeypatch: pytest.MonkeyPatch, many: int = 3
) -> tuple[ObjectList, LaterBackground]:
    monkeypatch.setattr(object_list, "_MANY_ROWS", many)
    background = LaterBackground()
    table = ObjectList(lambda: cast("Any", document), background)
    table.load(cast("Any", document))
    return table, background


def test_thousands_of_rows_are_made_away_from_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    document = MemoryDocument()
    document.paste(grid_of_squares(SHAPE, 4, 6))
    asked: list[int] = []
    make = object_list.row_of

    def counted(item: int, *rest: Any) -> Row:
        asked.append(item)
        return make(item, *rest)

    monkeypatch.setattr(object_list, "row_of", counted)
    table, background = later_table(document, monkeypatch)
    assert (table.listing, table.rows(), asked) == (True, [], [])
    background.work()
    made = len(asked)
    assert made == len(document.planes.objects)
    assert [row.id for row in table.rows()] == sorted(document.planes.objects)
    assert all(np.isnan(row.area) for row in table.rows())
    while background.waiting:
        background.work()
    measured = len(asked)
    assert all(row.area > 0 for row in table.rows())
    assert (measured, len(asked)) == (2 * made, 2 * made), "the window makes none"


def test_what_changes_while_rows_are_made_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    document = MemoryDocument()
    document.paste(grid_of_squares(SHAPE, 4, 6))
    table, background = later_table(document, monkeypatch)
    first, second, *_, last = sorted(document.planes.objects)
    listing, index, measuring = background.waiting
    document.apply(Relabel((first,), 2))
    listing()
    assert next(row for row in table.rows() if row.id == first).class_id == 2
    index()
    document.apply(Relabel((second,), 2))
    document.apply(Delete((last,)))
    measuring()
    rows = {row.id: row for row in table.rows()}
    assert (rows[first].class_id, rows[second].class_id, last in rows) == (2, 2, False)
    for work in background.waiting[3:]:
        work()
    assert {row.id: row.class_id for row in table.rows()} == {
        item: info.class_id for item, info in document.planes.objects.items()
    }
    assert all(row.area > 0 for row in table.rows())


@pytest.mark.parametrize("many", [3, 1000])
def test_another_pixel_size_while_rows_are_made(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    document = MemoryDocument()
    document.paste(grid_of_squares(SHAPE, 4, 6))
    table, background = later_table(document, monkeypatch, many)
    document.entry.pixel_size_um = 0.5
    table.load(cast("Any", document))
    labels = document.planes.labels.to_array()
    areas = {item: np.count_nonzero(labels == item) / 4 for item in document.planes.objects}
    while background.waiting:
        background.work()
        assert all(row.area == areas[row.id] for row in table.rows() if not np.isnan(row.area))
    assert {row.id: row.area for row in table.rows()} == areas
