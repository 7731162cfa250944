"""Intervals of scores and of differences, against what is known about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.bootstrap import paired_difference, pooled_figure, score_interval

Row = tuple[int, int, int]
ROWS = st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=2, max_size=12)


def table(rows: list[Row]) -> np.ndarray:
    return np.array(rows)[:, None, :]


def test_figures_are_those_of_the_definition() -> None:
    counts = [[6, 2, 4], [3, 5, 7]]
    assert pooled_figure(counts, "ap") == pytest.approx((6 / 12 + 3 / 15) / 2)
    assert pooled_figure(counts, "f1") == pytest.approx((12 / 18 + 6 / 18) / 2)
    assert pooled_figure([[0, 0, 0]], "ap") == 1


@given(ROWS)
def test_an_interval_holds_its_value_and_stays_in_range(rows: list[Row]) -> None:
    found = score_interval(table(rows), "f1")
    assert found is not None
    assert 0 <= found.low <= found.high <= 1
    # Pooled over the images at hand: the average of the draws lies near it, and never beyond the best or worst image.
    each = pooled_figure(table(rows), "f1")
    assert each.min() - 1e-9 <= found.low
    assert found.high <= each.max() + 1e-9


def test_images_that_agree_leave_no_doubt_and_more_images_less_of_it() -> None:
    same = score_interval(table([(8, 1, 1)] * 5), "ap")
    assert same is not None
    assert same.low == same.high == pytest.approx(0.8)
    mixed: list[Row] = [(9, 0, 1), (5, 2, 5), (7, 3, 2), (2, 6, 6)]
    few, many = score_interval(table(mixed), "ap"), score_interval(table(mixed * 9), "ap")
    assert few is not None
    assert many is not None
    # A third of the width: nine times as many images.
    assert (many.high - many.low) / (few.high - few.low) == pytest.approx(1 / 3, abs=0.06)


def test_hard_images_do_not_hide_a_difference_that_each_image_shows() -> None:
    hard_and_easy: list[Row] = [(9, 1, 1), (2, 8, 8), (8, 2, 2), (1, 9, 9), (7, 3, 3), (3, 7, 7)]
    better = [(found + 1, false - 1, missed - 1) for found, false, missed in hard_and_easy]
    alone, other = score_interval(table(better), "ap"), score_interval(table(hard_and_easy), "ap")
    assert alone is not None
    assert other is not None
    assert alone.low < other.high  # apart from each other the two intervals overlap by far
    paired = paired_difference(table(better), table(hard_and_easy), "ap")
    assert paired is not None
    assert paired.low > 0
    assert paired.excludes_zero


@given(ROWS)
def test_nothing_differs_from_itself(rows: list[Row]) -> None:
    found = paired_difference(table(rows), table(rows), "ap")
    assert found is not None
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert not found.excludes_zero


def test_one_image_says_nothing_about_others() -> None:
    assert score_interval(table([(8, 1, 1)]), "f1") is None
    assert paired_difference(table([(8, 1, 1)]), table([(1, 8, 8)]), "f1") is None


def test_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not of the same images"):
        paired_difference(table([(1, 1, 1)] * 3), table([(1, 1, 1)] * 2), "ap")
