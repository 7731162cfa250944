"""New objects beside the largest id that pixels can hold: no id wraps around, none is given twice."""

import numpy as np
import pytest

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.edits import PasteLabels, Polygon
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import LARGEST_ID, ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction


def planes_with(*ids: int) -> Planes:
    labels = np.zeros((40, 40), np.int32)
    for number, object_id in enumerate(ids):
        labels[2 * number, :2] = object_id
    return Planes(
        LabelMap.from_array(labels),
        LabelMap((40, 40), np.uint8),
        ObjectTable(dict.fromkeys(ids, ObjectInfo())),
    )


def test_an_object_drawn_beside_the_largest_id_gets_a_free_one() -> None:
    planes = planes_with(1, 2, LARGEST_ID)
    tx = Transaction(planes, "Outline")
    Polygon([(10, 10), (20, 10), (20, 20), (10, 20)]).apply(tx)
    tx.commit()
    assert planes.labels.value(15, 15) == 3
    assert set(planes.objects) == {1, 2, 3, LARGEST_ID}


def test_proposals_beside_the_largest_id_take_a_gap_that_holds_them_all() -> None:
    planes = planes_with(2, 4, LARGEST_ID - 1)
    proposals = np.zeros((40, 40), np.int32)
    proposals[20:22], proposals[24:26], proposals[28:30] = 7, 8, 9
    tx = Transaction(planes, "Add")
    PasteLabels(proposals, Window.whole((40, 40)), dict.fromkeys((7, 8, 9), ObjectInfo(source="model"))).apply(tx)
    tx.commit()
    assert set(planes.objects) == {2, 4, 5, 6, 7, LARGEST_ID - 1}
    assert planes.labels.to_array().min() == 0


def test_an_image_without_room_for_more_says_so() -> None:
    table = ObjectTable({LARGEST_ID // 2: ObjectInfo(), LARGEST_ID: ObjectInfo()})
    assert table.free_id(1000) == 1
    with pytest.raises(UserError, match="no room"):
        table.free_id(LARGEST_ID)
