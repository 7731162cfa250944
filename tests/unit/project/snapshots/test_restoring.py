"""An image goes back to an earlier state: exactly, as one action, and only from where it was worked out."""

import numpy as np
from earlier_states import SHAPE, paint, restore, state

from segstudio.labels.edits import Delete, RegionFill, Relabel
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.regions import COMPLETE
from segstudio.labels.restoring import restoration
from segstudio.project.document import ImageDocument
from segstudio.project.going_back import changes
from segstudio.project.project import Project


def test_a_restore_is_exact_undoable_and_itself_preceded_by_a_snapshot(
    document: ImageDocument, project: Project
) -> None:
    paint(document, *range(1, 13))
    document.apply(Relabel((3,), 2))
    first = state(document)
    document.apply(Delete(tuple(range(1, 12))))
    paint(document, 20, 21, y=300.0)
    document.apply(RegionFill(None, COMPLETE))
    second = state(document)
    assert document.checkpoint(wait=True)
    restore(document, document.snapshots.all()[0].number)
    assert state(document) == first
    document.undo()
    assert state(document) == second
    document.redo()
    assert state(document) == first
    assert document.checkpoint(wait=True)
    assert [item.name for item in document.snapshots.all()] == ["Restore earlier labels", "Delete 11 objects"]
    restore(document, document.snapshots.all()[0].number)
    assert state(document) == second
    document.close()
    again = project.document(project.images[0].id)
    assert state(again) == second
    again.undo()
    assert state(again) == first
    assert again.planes.objects.next_id() > 21


def test_what_the_screen_has_to_repaint_after_a_restore_is_told(document: ImageDocument) -> None:
    paint(document, *range(1, 13))
    document.apply(Delete(tuple(range(1, 13))))
    assert document.checkpoint(wait=True)
    told = []
    document.changed.connect(told.append)
    restore(document, 1)
    (change,) = told
    assert not change.announced
    assert not change.live
    assert change.object_ids == set(range(1, 13))
    assert change.window.clip(SHAPE) == change.window
    assert not change.window.empty


def test_a_restore_made_for_another_state_is_refused(document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    now = Planes(document.planes.labels.snapshot(), document.planes.regions.snapshot(), ObjectTable())
    to, seq = restoration(now, document.snapshots.read(1)), document.seq
    paint(document, 30)
    before = state(document)
    assert document.restore(to, seq) is None
    assert state(document) == before


def test_what_would_change_is_counted(document: ImageDocument) -> None:
    paint(document, *range(1, 13))
    document.apply(Relabel((12,), 3, "A reason"))
    document.apply(Delete(tuple(range(1, 11))))
    paint(document, 11, y=45.0)
    paint(document, 40, y=300.0)
    assert document.checkpoint(wait=True)
    oldest = document.snapshots.all()[-1]
    found = changes(document.planes, document.snapshots.read(oldest.number, document.planes))
    assert found.back == set(range(1, 11))
    assert found.gone == {40}
    assert found.other == {11, 12}
    assert not found.regions
    assert found
    assert not changes(document.planes, document.planes)


def test_restoring_and_undoing_by_turns_fills_the_history_with_nothing(document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    for _ in range(4):
        restore(document, 1)
        assert document.checkpoint(wait=True)
        document.undo()
        assert document.checkpoint(wait=True)
    assert [item.name for item in document.snapshots.all()] == ["Restore earlier labels", "Delete 11 objects"]
    assert len(list(document.files.snapshots.iterdir())) == 2


def test_pixels_without_a_row_get_one_and_rows_without_pixels_go() -> None:
    labels = LabelMap.from_array(np.kron(np.array([[1, 2], [0, 3]], np.int32), np.ones((9, 9), np.int32)))
    then = Planes(labels, LabelMap(labels.shape, np.uint8), ObjectTable({1: ObjectInfo(2), 9: ObjectInfo()}))
    to = restoration(Planes.empty(labels.shape), then)
    assert {change.id: change.after.source for change in to.record.objects} == {1: "hand", 2: "import", 3: "import"}
