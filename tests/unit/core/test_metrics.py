import doctest

import numpy as np
import pytest
from factories import discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from segstudio.core import matching
from segstudio.core.matching import match
from segstudio.core.metrics import THRESHOLDS, evaluate, pooled


def strips(*spans: tuple[int, int, int], size: int = 100) -> NDArray[np.int32]:
    """Return a one-row label image with objects ``(id, first, last)``."""
    out = np.zeros((1, size), np.int32)
    for object_id, first, last in spans:
        out[0, first:last] = object_id
    return out


def test_thresholds_go_from_a_half_in_steps_of_five_hundredths() -> None:
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_shifted_strips_give_the_iou_of_arithmetic() -> None:
    # Ten long, shifted by two: 8 shared of 12.
    result = match(strips((4, 10, 20)), strips((9, 12, 22)), 0.6)
    assert result.pairs == ((4, 9),)
    assert result.iou.tolist() == [8 / 12]
    assert match(strips((4, 10, 20)), strips((9, 12, 22)), 0.7).missed == (4,)


def test_counts_of_a_known_world() -> None:
    truth = strips((1, 0, 10), (2, 20, 30), (3, 40, 50), (4, 60, 70))
    found = strips((7, 0, 10), (8, 20, 28), (9, 44, 54), (5, 90, 95))
    score = evaluate(truth, found)
    half, strict = score.at(0.5), score.at(0.9)
    assert (half.tp, half.fp, half.fn) == (2, 2, 2)
    assert (strict.tp, strict.fp, strict.fn) == (1, 3, 3)
    assert half.f1 == half.precision == half.recall == 0.5
    assert half.ap == pytest.approx(2 / 6)
    assert half.sq == pytest.approx((1 + 0.8) / 2)
    assert half.pq == pytest.approx(half.sq * half.f1)
    assert score.mean_ap == pytest.approx((7 * 2 / 6 + 3 * 1 / 7) / 10)
    # Objects: 24 shared, 33 predicted, 40 true.
    assert score.pixels.foreground_iou == pytest.approx(24 / 49)
    assert score.pixels.accuracy == pytest.approx((24 + 51) / 100)
    assert score.pixels.mean_accuracy == pytest.approx((24 / 40 + 51 / 60) / 2)
    assert score.pixels.mean_iou == pytest.approx((24 / 49 + 51 / 76) / 2)


def test_one_prediction_over_two_objects_matches_only_one() -> None:
    truth = strips((1, 0, 10), (2, 10, 20))
    assert len(match(truth, strips((1, 0, 20)), 0.5).pairs) == 1
    assert len(match(truth, strips((1, 0, 20)), 0.3).pairs) == 1


def test_low_thresholds_take_the_matching_with_most_pairs() -> None:
    # Greedy by IoU would take (2, 1) first and leave 1 and 2 of the prediction without partner.
    truth = strips((1, 0, 10), (2, 10, 30))
    found = strips((1, 5, 26), (2, 26, 34))
    result = match(truth, found, 0.1)
    assert set(result.pairs) == {(1, 1), (2, 2)}


def test_unlabelled_pixels_do_not_count() -> None:
    truth, found = strips((1, 0, 10)), strips((1, 0, 10), (2, 50, 60), (3, 85, 95))
    truth[0, 45:90] = -1
    score = evaluate(truth, found)
    assert (score.at(0.5).tp, score.at(0.5).fp) == (1, 1)
    assert score.pixels.accuracy == pytest.approx(50 / 55)
    assert score.predicted_objects == 2


def test_negative_predictions_are_background() -> None:
    assert evaluate(strips(), strips((-1, 0, 10))).at(0.5).fp == 0


def test_empty_images() -> None:
    nothing = evaluate(strips(), strips())
    assert nothing.at(0.5).f1 == nothing.at(0.5).ap == nothing.at(0.5).pq == 1
    assert nothing.pixels.accuracy == 1
    missed = evaluate(strips((1, 0, 5)), strips())
    assert (missed.at(0.5).f1, missed.at(0.5).precision, missed.at(0.5).recall, missed.at(0.5).sq) == (0, 0, 0, 0)
    extra = evaluate(strips(), strips((1, 0, 5)))
    assert (extra.at(0.5).f1, extra.at(0.5).precision) == (0, 0)


def test_pooled_counts_differ_from_the_mean_of_images() -> None:
    good = evaluate(strips((1, 0, 5), (2, 10, 15), (3, 20, 25)), strips((1, 0, 5), (2, 10, 15), (3, 20, 25)))
    bad = evaluate(strips((1, 0, 5)), strips())
    score = pooled([good, bad])
    assert score.at(0.5).ap == 0.75
    assert score.per_image("ap") == 0.5
    table = score.to_dict()
    assert table["ap"]["0.50"] == 0.75
    assert table["per_image"]["f1"]["0.50"] == 0.5
    assert table["images"] == 2
    assert good.to_dict()["truth_objects"] == 3
    with pytest.raises(ValueError, match="at least one"):
        pooled([])
    with pytest.raises(KeyError):
        score.at(0.33)


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        evaluate(np.zeros((3, 3), int), np.zeros((3, 4), int))


def test_shifted_discs_of_a_whole_image() -> None:
    centres = [(30.0, 30.0), (30.0, 90.0), (90.0, 30.0), (90.0, 90.0)]
    truth = discs((128, 128), centres, 12)
    moved = discs((128, 128), [*((y + 2, x) for y, x in centres[:3]), (60.0, 60.0)], 12)
    half = evaluate(truth, moved).at(0.5)
    assert (half.tp, half.fp, half.fn) == (3, 1, 1)


def reference_tp(truth: NDArray[np.int32], found: NDArray[np.int32], threshold: float) -> int:
    """Count matches the slow way: all pairs, dense assignment."""
    known = truth >= 0
    t, p = truth[known], found[known]
    rows, columns = [i for i in np.unique(t) if i > 0], [i for i in np.unique(p) if i > 0]
    good = np.array(
        [[((t == i) & (p == j)).sum() / ((t == i) | (p == j)).sum() >= threshold for j in columns] for i in rows]
    )
    if not good.size:
        return 0
    chosen = linear_sum_assignment(good.astype(float), maximize=True)
    return int(good[chosen].sum())


images = arrays(np.int32, (5, 7), elements=st.integers(-1, 4))


@settings(max_examples=150)
@given(images, images, st.sampled_from([0.1, 0.2, 0.34, 0.5, 0.6, 0.75]))
def test_matching_is_as_good_as_dense_assignment(
    truth: NDArray[np.int32], found: NDArray[np.int32], threshold: float
) -> None:
    result = match(truth, found, threshold)
    assert len(result.pairs) == reference_tp(truth, found, threshold)
    assert len({t for t, _ in result.pairs}) == len({p for _, p in result.pairs}) == len(result.pairs)
    assert (result.iou >= threshold).all()


@given(images)
def test_an_image_agrees_with_itself(labels: NDArray[np.int32]) -> None:
    score = evaluate(labels, labels)
    assert score.mean_ap == 1
    assert score.pixels.accuracy == 1


def test_examples_in_the_documentation_are_true() -> None:
    result = doctest.testmod(matching)
    assert result.attempted > 0
    assert result.failed == 0


def test_pooled_pixels_are_those_of_one_image_with_all_of_them() -> None:
    truth = np.zeros((8, 12), np.int32)
    truth[1:5, 1:5] = 1
    truth[2:6, 7:11] = 2
    prediction = np.roll(truth, 1, axis=0)
    prediction[7, 0:3] = 3
    whole = evaluate(truth, prediction)
    halves = [evaluate(truth[:, part], prediction[:, part]) for part in (np.s_[:6], np.s_[6:])]
    assert all(half.pixels.fp for half in halves)
    assert pooled(halves).pixels == whole.pixels


def test_classes_are_compared_on_found_objects_only() -> None:
    truth = np.zeros((4, 40), np.int32)
    for number in range(1, 5):
        truth[:, 8 * number : 8 * number + 6] = number
    found = np.where(truth == 4, 0, truth)  # one is missed
    wanted = {1: 1, 2: 2, 3: 2, 4: 1}
    score = evaluate(truth, found, (0.5,), classes=(wanted, {1: 1, 2: 1, 3: 2}))
    assert (score.named.compared, score.named.right) == (3, 2)
    assert score.to_dict()["class_accuracy"] == pytest.approx(2 / 3)
    assert pooled([score, score]).named.accuracy == pytest.approx(2 / 3)
    assert score.at(0.5).f1 == evaluate(truth, found, (0.5,)).at(0.5).f1
    assert "class_accuracy" not in evaluate(truth, found, (0.5,)).to_dict()
