"""What is left of an object that others cut into: crumbs and rings."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.labels.paste import surrounds, without_crumbs

MASKS = arrays(bool, (7, 9))


def square(side: int, *holes: tuple[slice, slice]) -> NDArray[np.bool_]:
    mask = np.ones((side, side), bool)
    for hole in holes:
        mask[hole] = False
    return mask


def test_parts_of_the_smallest_size_stay_and_smaller_ones_go() -> None:
    mask = np.array([[1, 1, 1, 1, 0, 1, 1, 0, 1]], bool)
    np.testing.assert_array_equal(without_crumbs(mask, 2), [[1, 1, 1, 1, 0, 1, 1, 0, 0]])


@given(MASKS, st.integers(0, 100))
def test_the_largest_part_always_stays(mask: NDArray[np.bool_], smallest: int) -> None:
    kept = without_crumbs(mask, smallest)
    assert not (kept & ~mask).any()
    assert kept.any() == mask.any()


def test_something_in_the_middle_is_surrounded_and_something_at_the_edge_is_not() -> None:
    assert surrounds(square(6), square(6, np.s_[2:4, 2:4]))
    assert not surrounds(square(6), square(6, np.s_[0:4, 2:4]))
    assert not surrounds(square(6), square(6, np.s_[:, 2:4]))


def test_a_hole_that_was_there_before_makes_no_ring() -> None:
    holed = square(8, np.s_[2:4, 2:4])
    assert not surrounds(holed, holed)
    assert not surrounds(holed, square(8, np.s_[2:5, 2:5]))
    assert surrounds(holed, holed & square(8, np.s_[5:7, 5:7]))
