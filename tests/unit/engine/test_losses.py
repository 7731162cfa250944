"""Losses by arithmetic, and silence where nothing is known."""

import math

import pytest
import torch
from torch import Tensor

from segstudio.engine.losses.cross_entropy import binary_cross_entropy, cross_entropy
from segstudio.engine.losses.dice import soft_dice
from segstudio.engine.losses.masked import masked_mean
from segstudio.engine.losses.regression import mean_squared, smooth_l1


def plane(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def test_mean_counts_valid_pixels_only() -> None:
    assert float(masked_mean(plane(1, 3, 100), plane(1, 1, 0))) == pytest.approx(2)


def test_mean_weighs_pixels_and_averages_channels() -> None:
    assert float(masked_mean(plane(1, 3), plane(3, 1))) == pytest.approx(1.5)
    assert float(masked_mean(torch.cat([plane(1, 1), plane(3, 3)], dim=1), plane(1, 1))) == pytest.approx(2)


def test_mean_of_nothing_is_zero_without_gradient() -> None:
    values = plane(1, 2).requires_grad_()
    mean = masked_mean(values, plane(0, 0))
    mean.backward()
    assert float(mean.detach()) == 0
    assert values.grad is not None
    assert not values.grad.any()


def test_dice_of_a_perfect_answer_is_nearly_zero_and_of_a_wrong_one_nearly_one() -> None:
    truth = torch.zeros(1, 1, 40, 40)
    truth[..., :20] = 1
    everywhere = torch.ones(1, 1, 40, 40)
    assert float(soft_dice(truth, truth, everywhere)) == pytest.approx(0, abs=1e-3)
    assert float(soft_dice(1 - truth, truth, everywhere)) == pytest.approx(1, abs=1e-2)
    assert float(soft_dice(1 - truth, truth, 0 * everywhere)) == 0


def test_binary_cross_entropy_of_a_coin_is_log_two() -> None:
    assert float(binary_cross_entropy(plane(0, 0, 50), plane(0, 1, 0), plane(1, 1, 0))) == pytest.approx(math.log(2))


def test_cross_entropy_weighs_classes() -> None:
    logits = torch.zeros(1, 2, 1, 2)
    logits[0, 1, 0, 1] = 3
    plain = cross_entropy(logits, plane(0, 0), plane(1, 0))
    assert float(plain) == pytest.approx(math.log(2))
    wrong = math.log1p(math.exp(3))
    weighed = cross_entropy(logits, plane(1, 0), plane(1, 1), (1.0, 3.0))
    assert float(weighed) == pytest.approx((3 * math.log(2) + wrong) / 4)


def test_regressions_by_hand() -> None:
    assert float(mean_squared(plane(1, 5), plane(3, 0), plane(1, 0))) == pytest.approx(4)
    assert float(smooth_l1(plane(0.05, 1.1), plane(0, 0), plane(1, 0))) == pytest.approx(0.05**2 / 0.2)
    assert float(smooth_l1(plane(0.05, 1.1), plane(0, 0), plane(0, 1))) == pytest.approx(1.05)
