"""An object made of a mask."""

import numpy as np

from segstudio.core.tiles import Window
from segstudio.labels.history import Planes
from segstudio.labels.mask_edit import AddMask
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction


def test_a_mask_becomes_an_object_where_nothing_is_or_over_what_is() -> None:
    for protect in (True, False):
        planes = Planes.empty((30, 40))
        mask = np.zeros((10, 20), bool)
        mask[2:6, 3:9] = True
        for number, left in ((1, 5), (2, 8)):
            tx = Transaction(planes, "")
            AddMask(mask, Window(10, left, 20, left + 20), number, protect).apply(tx)
            assert tx.commit() is not None
        values = planes.labels.to_array()
        assert (values[12:16, 11:14] == (1 if protect else 2)).all()
        assert (values > 0).sum() == 4 * 9
        assert planes.objects[2] == ObjectInfo(class_id=2)
        tx = Transaction(planes, "")
        AddMask(np.zeros((3, 3), bool), Window(0, 0, 3, 3)).apply(tx)
        assert tx.commit() is None
