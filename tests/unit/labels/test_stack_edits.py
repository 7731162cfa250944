"""Objects copied to another plane of a stack, and drawn between two."""

import numpy as np
import pytest

from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import plane_window
from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.stack_edits import CopyFromPlane, Interpolate, gaps, planes_along
from segstudio.labels.transaction import Transaction

SHAPE = StackShape(520, 400, 6)


def disc(centre: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[:520, :400]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def stack_with(*drawn: tuple[int, int, tuple[float, float], float]) -> Planes:
    planes = Planes.empty(SHAPE)
    for plane, number, centre, radius in drawn:
        page = planes.page(plane).labels.to_array()
        page[disc(centre, radius)] = number
        planes.labels.write(plane_window(SHAPE, plane), page)
        planes.objects.set(number, ObjectInfo())
    return planes


def do(planes: Planes, edit: Edit, plane: int | None) -> EditRecord | None:
    transaction = Transaction(planes, edit.name, plane=plane)
    edit.apply(transaction)
    return transaction.commit()


def test_copies_keep_their_id_and_leave_what_is_there() -> None:
    planes = stack_with((1, 1, (100, 100), 30), (1, 2, (300, 300), 30), (2, 3, (100, 120), 20))
    before = planes.labels.to_array()
    record = do(planes, CopyFromPlane(1), 2)
    page = planes.page(2).labels.to_array()
    there = disc((100, 120), 20)
    assert (page[there] == 3).all()
    assert (page[disc((100, 100), 30) & ~there] == 1).all()
    assert (page[disc((300, 300), 30)] == 2).all()
    assert set(planes.objects) == {1, 2, 3}
    assert record is not None
    planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    do(planes, CopyFromPlane(1, frozenset({2})), 5)
    assert planes.page(5).labels.values() == {2}


def test_between_two_discs_lie_discs_of_sizes_between_on_the_way_between() -> None:
    planes = stack_with((0, 1, (100, 100), 20), (4, 1, (200, 140), 40))
    along = planes_along((6,), 0, 0)
    assert gaps(planes, along, 1) == [(0, 4)]
    before = planes.labels.to_array()
    record = do(planes, Interpolate(along, frozenset({1})), None)
    for plane in (1, 2, 3):
        wanted = disc((100 + 25 * plane, 100 + 10 * plane), 20 + 5 * plane)
        found = planes.page(plane).labels.to_array() == 1
        assert np.count_nonzero(wanted & found) / np.count_nonzero(wanted | found) > 0.95
    assert planes.page(5).labels.blank
    assert gaps(planes, along, 1) == []
    assert record is not None
    planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)


def test_at_the_edge_of_the_image_nothing_goes_into_the_next_plane() -> None:
    planes = stack_with((0, 1, (515, 395), 30), (2, 1, (519, 200), 30))
    do(planes, Interpolate(planes_along((6,), 0, 0), frozenset({1})), None)
    assert planes.page(1).labels.values() == {1}
    assert planes.page(3).labels.blank
    assert planes.page(2).labels.to_array()[:480].any() == np.False_


@pytest.mark.parametrize(("axis", "planes"), [(0, (1, 4)), (1, (3, 4, 5))])
def test_planes_lie_along_an_axis(axis: int, planes: tuple[int, ...]) -> None:
    assert planes_along((2, 3), 4, axis) == planes
