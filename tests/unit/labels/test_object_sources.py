"""Who made an object: what a hand corrects is hand-made from then on, and undo brings back what was said before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.tiles import Window
from segstudio.labels.edits import (
    Delete,
    Edit,
    EraseStroke,
    Fill,
    Merge,
    PasteLabels,
    Polygon,
    RegionFill,
    Relabel,
    Split,
    Stroke,
)
from segstudio.labels.history import EditRecord, ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History

SHAPE = (40, 60)
MODEL = ObjectInfo(2, "model", "accepted")
IMPORT = ObjectInfo(3, "import", "accepted")
SQUARE = np.array([(8, 8), (15, 8), (15, 15), (8, 15)])


def apply(planes: Planes, edit: Edit) -> EditRecord | None:
    transaction = Transaction(planes, edit.name)
    edit.apply(transaction)
    return transaction.commit()


def found() -> Planes:
    """Return planes with 1 (of a model) beside 2 (imported), and 3 (of a model) alone with a hole in it."""
    array = np.zeros(SHAPE, np.int32)
    array[10:20, 10:20] = 1
    array[10:20, 20:30] = 2
    array[25:35, 40:50] = 3
    array[28:31, 43:46] = 0
    planes = Planes.empty(SHAPE)
    apply(planes, PasteLabels(array, Window.whole(SHAPE), {1: MODEL, 2: IMPORT, 3: MODEL}))
    return planes


def sources(planes: Planes) -> dict[int, str]:
    return {object_id: info.source for object_id, info in sorted(planes.objects.items())}


def test_what_is_pasted_keeps_its_source() -> None:
    assert sources(found()) == {1: "model", 2: "import", 3: "model"}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Stroke([(9, 15)], 6, 1), {1: "hand", 2: "import", 3: "model"}),
        (Stroke([(20, 15)], 6, 1), {1: "model", 2: "import", 3: "model"}),
        (Stroke([(20, 15)], 6, 1, protect=False), {1: "hand", 2: "hand", 3: "model"}),
        (Stroke([(20, 15)], 6, 4, protect=False), {1: "hand", 2: "hand", 3: "model", 4: "hand"}),
        (EraseStroke([(25, 15)], 4), {1: "model", 2: "hand", 3: "model"}),
        (EraseStroke([(20, 15)], 4, only=2), {1: "model", 2: "hand", 3: "model"}),
        (Fill((44, 29), 3), {1: "model", 2: "import", 3: "hand"}),
        (Polygon(SQUARE, 1), {1: "hand", 2: "import", 3: "model"}),
        (Polygon(SQUARE), {1: "model", 2: "import", 3: "model", 4: "hand"}),
        (Merge((1, 2)), {1: "hand", 3: "model"}),
        (Split(1, [(15, 5), (15, 25)]), {1: "hand", 2: "import", 3: "model", 4: "hand"}),
        (Split(1, [(5, 5), (5, 25)]), {1: "model", 2: "import", 3: "model"}),
        (Delete((1,)), {2: "import", 3: "model"}),
        (EraseStroke([(15, 15)], 30), {2: "hand", 3: "model"}),
        (Relabel((1, 2), 7), {1: "model", 2: "import", 3: "model"}),
        (RegionFill(None, 1), {1: "model", 2: "import", 3: "model"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_with_other_pixels_are_hand_made_in_the_same_action(edit: Edit, expected: dict[int, str]) -> None:
    planes, history = found(), History()
    before = dict(planes.objects)
    record = apply(planes, edit)
    assert sources(planes) == expected
    if record is not None:
        history.push(record)
        history.undo(planes)
        assert dict(planes.objects) == before
        history.redo(planes)
        assert sources(planes) == expected


def test_a_correction_keeps_class_and_review_state_and_is_one_row_of_the_record() -> None:
    planes = found()
    record = apply(planes, EraseStroke([(12, 12)], 4))
    assert record is not None
    assert record.objects == (ObjectChange(1, MODEL, ObjectInfo(2, "hand", "accepted")),)
    again = apply(planes, EraseStroke([(17, 17)], 4))
    assert again is not None
    assert again.objects == ()


def test_what_a_gesture_takes_back_itself_is_no_correction() -> None:
    planes = found()
    transaction = Transaction(planes, "there and back")
    Stroke([(9, 15)], 6, 1).apply(transaction)
    EraseStroke([(7, 15)], 6).apply(transaction)
    transaction.write("labels", Window(10, 5, 20, 10), np.zeros((10, 5), np.int32))
    transaction.write("labels", Window(10, 10, 20, 12), np.ones((10, 2), np.int32))
    assert transaction.commit() is None
    assert sources(planes) == {1: "model", 2: "import", 3: "model"}


def test_a_correction_on_either_side_of_a_tile_border_counts() -> None:
    planes = Planes.empty((20, 1100))
    labels = np.zeros((20, 1100), np.int32)
    labels[5:15, 500:520] = 1
    apply(planes, PasteLabels(labels, Window.whole(planes.shape), {1: MODEL}))
    apply(planes, EraseStroke([(519, 10)], 3))
    assert sources(planes) == {1: "hand"}


points = st.tuples(st.integers(0, SHAPE[1]), st.integers(0, SHAPE[0]))
ids = st.integers(1, 5)
edits = st.one_of(
    st.builds(lambda p, q, i, safe: Stroke([p, q], 5, i, 2, safe), points, points, ids, st.booleans()),
    st.builds(lambda p, q: EraseStroke([p, q], 7), points, points),
    st.builds(lambda p, q, r, i, safe: Polygon([p, q, r], i, 1, safe), points, points, points, ids, st.booleans()),
    st.builds(lambda i, j: Merge((i, j)), ids, ids),
    st.builds(lambda i, p, q: Split(i, [p, q]), ids, points, points),
    st.builds(lambda i: Delete((i,)), ids),
    st.builds(lambda i, j: Relabel((i,), j), ids, ids),
)
steps = st.lists(st.one_of(edits, st.sampled_from(["undo", "redo"])), max_size=10)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_in_any_order_with_undo_and_redo_the_rows_say_what_the_pixels_say(actions: list[Edit | str]) -> None:
    planes, history = found(), History()
    past = [(planes.labels.to_array(), dict(planes.objects))]
    future: list[tuple[np.ndarray, dict[int, ObjectInfo]]] = []
    for action in actions:
        if action == "undo":
            if history.undo(planes) is not None:
                future.append(past.pop())
        elif action == "redo":
            if history.redo(planes) is not None:
                past.append(future.pop())
        elif not isinstance(action, str):
            before, rows = past[-1]
            if isinstance(action, Merge) and action.ids[0] not in rows:
                continue
            record = apply(planes, action)
            if record is None:
                continue
            history.push(record)
            future.clear()
            after = planes.labels.to_array()
            differs = before != after
            changed = set(before[differs].tolist()) | set(after[differs].tolist())
            for object_id, info in planes.objects.items():
                said = rows[object_id].source if object_id in rows else "hand"
                assert info.source == ("hand" if object_id in changed else said)
            past.append((after, dict(planes.objects)))
        assert np.array_equal(planes.labels.to_array(), past[-1][0])
        assert dict(planes.objects) == past[-1][1]
