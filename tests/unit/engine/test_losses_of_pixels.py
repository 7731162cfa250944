"""Focal, Tversky and Lovász losses, the balance of classes, the weight of gaps, and how formulations use them."""

import math
from pathlib import Path
from typing import Any

import cv2
import edt  # type: ignore[import-not-found]
import numpy as np
import pytest
import tifffile
import torch
from factories import cells, discs, grid_of_squares
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from segstudio.engine.formulations import formulations
from segstudio.engine.losses.class_balance import class_weights
from segstudio.engine.losses.cross_entropy import cross_entropy
from segstudio.engine.losses.dice import soft_dice
from segstudio.engine.losses.focal import focal
from segstudio.engine.losses.gap_weight import gap_weight
from segstudio.engine.losses.lovasz import lovasz_softmax
from segstudio.engine.losses.pixel_classes import PixelClassConfig, PixelClassLoss
from segstudio.engine.losses.regression import mean_absolute
from segstudio.engine.losses.tversky import soft_tversky


def plane(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


def a_world(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Random logits of three classes, truth, and half of the pixels known."""
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 8, 8, generator=draw)
    number = torch.randint(0, 3, (2, 1, 8, 8), generator=draw).float()
    return logits, number, (torch.rand(2, 1, 8, 8, generator=draw) < 0.5).float()


def hidden_changed(number: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid > 0, number, (number + 1) % 3)


EVERY: dict[str, Any] = {
    "cross entropy": cross_entropy,
    "focal": focal,
    "lovasz": lambda logits, number, valid: lovasz_softmax(logits.softmax(1), number, valid),
    "tversky": lambda logits, number, valid: soft_tversky(logits[:, :1].sigmoid(), (number > 0).float(), valid),
    "absolute": lambda logits, number, valid: mean_absolute(logits, number.expand(-1, 3, -1, -1), valid),
}


@pytest.mark.parametrize("loss", EVERY.values(), ids=EVERY.keys())
def test_what_is_not_known_changes_neither_loss_nor_gradient(loss: Any) -> None:
    logits, number, valid = a_world()
    logits.requires_grad_()
    one = loss(logits, number, valid)
    (slope,) = torch.autograd.grad(one, logits)
    other = logits.detach().clone() + 5 * torch.randn(logits.shape) * (1 - valid)
    assert float(loss(other, hidden_changed(number, valid), valid)) == pytest.approx(float(one.detach()), rel=1e-5)
    assert not (slope * (1 - valid)).any()
    assert slope.isfinite().all()
    assert slope.any()


@pytest.mark.parametrize("loss", EVERY.values(), ids=EVERY.keys())
def test_nothing_known_is_no_loss(loss: Any) -> None:
    logits, number, valid = a_world()
    logits.requires_grad_()
    nothing = loss(logits, number, 0 * valid)
    (slope,) = torch.autograd.grad(nothing, logits)
    assert float(nothing.detach()) == pytest.approx(0, abs=1e-6)
    assert not slope.any()


def test_focal_without_focus_is_the_cross_entropy() -> None:
    logits, number, valid = a_world()
    plain = cross_entropy(logits, number, valid, (1.0, 2.0, 3.0))
    assert float(focal(logits, number, valid, 0.0, (1.0, 2.0, 3.0))) == pytest.approx(float(plain))


def test_focal_discounts_a_pixel_by_how_right_it_is() -> None:
    half = torch.zeros(1, 2, 1, 1)
    assert float(focal(half, plane(1), plane(1), 2.0)) == pytest.approx(0.25 * math.log(2))


def test_tversky_of_equal_parts_is_dice_and_weighs_what_is_missed() -> None:
    logits, number, valid = a_world()
    probability, truth = logits[:, :1].sigmoid(), (number > 0).float()
    assert float(soft_tversky(probability, truth, valid, 0.5)) == pytest.approx(
        float(soft_dice(probability, truth, valid))
    )
    many = torch.ones(1, 1, 10, 100)
    truth = torch.zeros_like(many)
    truth[..., :50] = 1
    half_found, half_false = truth.clone(), truth.clone()
    half_found[:, :, :5] = 0
    half_false[:, :, :5] = 1
    missed, false = (float(soft_tversky(answer, truth, many, 0.9)) for answer in (half_found, half_false))
    assert missed == pytest.approx(1 - 250 / (250 + 0.9 * 250), abs=0.01)
    assert false == pytest.approx(1 - 500 / (500 + 0.1 * 250), abs=0.01)


@given(st.integers(0, 1000))
def test_lovasz_of_a_hard_answer_is_one_less_the_iou(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    truth, answer = ((torch.rand(1, 1, 6, 6, generator=draw) < 0.5).float() for _ in range(2))
    union = float(torch.maximum(truth, answer).sum())
    iou = float((truth * answer).sum()) / union if union else 1.0
    everywhere = torch.ones(1, 1, 6, 6)
    softmax = torch.cat([1 - answer, answer], dim=1)
    loss = float(lovasz_softmax(softmax, truth, everywhere, background=False))
    assert loss == pytest.approx(1 - iou if truth.any() else 0, abs=1e-5)


def test_smoothing_asks_for_less_than_certainty() -> None:
    sure = torch.tensor([0.0, 30.0]).reshape(1, 2, 1, 1)
    assert float(cross_entropy(sure, plane(1), plane(1))) == pytest.approx(0, abs=1e-6)
    assert float(cross_entropy(sure, plane(1), plane(1), label_smoothing=0.1)) == pytest.approx(1.5, rel=1e-3)


def test_l1_by_hand() -> None:
    assert float(mean_absolute(plane(1, 5), plane(3, 0), plane(1, 0))) == pytest.approx(2)


@pytest.mark.parametrize("balance", ["inverse", "effective"])
def test_a_rare_class_counts_more_and_an_absent_one_changes_nothing(balance: Any) -> None:
    weights = class_weights([1_000_000, 100_000, 0, 1000], balance)
    assert weights is not None
    assert weights[0] < weights[1] < weights[3]
    assert weights[2] == 1
    assert np.mean([weights[0], weights[1], weights[3]]) == pytest.approx(1)
    assert class_weights([7, 7], balance) == (1.0, 1.0)
    assert class_weights([0, 0], balance) is None


def test_the_effective_number_is_that_of_the_paper() -> None:
    weights = class_weights([30, 10], "effective")
    assert weights is not None
    beta = 19 / 20
    numbers = [(1 - beta**n) / (1 - beta) for n in (30, 10)]
    assert weights[1] / weights[0] == pytest.approx(numbers[0] / numbers[1])


def two_squares(gap: int) -> np.ndarray:
    labels = np.zeros((20, 60), np.int32)
    labels[5:15, 10:20] = 1
    labels[5:15, 20 + gap : 30 + gap] = 2
    return labels


def test_the_gap_weight_is_that_of_the_formula() -> None:
    weight = gap_weight(two_squares(5))[0]
    # In the middle of a gap of 5 pixels both outlines are 3 pixels away, one more than where they touch.
    assert weight[10, 22] == pytest.approx(math.exp(-(4**2) / 50), rel=1e-3)
    assert weight[10, 55] == 0
    assert weight[10, 12] < weight[10, 19] < weight[10, 22]


def test_touching_objects_have_the_full_weight_between_them_and_lone_ones_none() -> None:
    touching = gap_weight(two_squares(0))[0]
    assert touching[10, 19] == touching[10, 20] == 1
    assert not gap_weight(two_squares(30)).any()
    assert not gap_weight(np.zeros((8, 8), np.int32)).any()
    assert not gap_weight(np.ones((8, 8), np.int32)).any()
    unknown = two_squares(3)
    unknown[:, 20:23] = -1
    assert not gap_weight(unknown)[0][:, 20:23].any()


def test_the_gap_weight_agrees_with_a_slow_one() -> None:
    labels = cells((48, 48), 8, seed=3, diameter=12).labels
    found = gap_weight(labels)[0]
    rows, columns = np.indices(labels.shape)
    for y, x in ((5, 5), (20, 20), (30, 12), (40, 33), (24, 40)):
        gaps = sorted(
            np.hypot(rows[labels == i] - y, columns[labels == i] - x).min() for i in range(1, labels.max() + 1)
        )
        own = labels[y, x]
        depth = np.hypot(rows[labels != own] - y, columns[labels != own] - x).min() if own else gaps[0]
        expected = math.exp(-(max(0.0, depth + gaps[1] - 2) ** 2) / 50) if gaps[1] < 16 else 0
        assert found[y, x] == pytest.approx(expected, abs=0.02)


def one_object_after_the_other(labels: np.ndarray, sigma: float = 5.0) -> np.ndarray:
    """Return the weight of gaps by a distance transform for each object."""
    far = np.float32(3 * sigma + 1)
    nearest = second = np.full(labels.shape, far)
    for number in np.unique(labels[labels > 0]):
        distance = cv2.distanceTransform((labels != number).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    depth = edt.edt(np.maximum(labels, 0), black_border=False)
    total = np.where(labels > 0, np.minimum(depth, far), nearest) + second
    weight = np.exp(-(np.maximum(total - 2, 0) ** 2) / (2 * sigma**2))
    return np.where((second > far - 1e-3) | (labels < 0), 0, weight).astype(np.float32)


@pytest.mark.parametrize(("kind", "side"), [("nuclei", 400), ("histology", 500), ("membrane", 200)])
def test_the_gap_weight_of_real_objects_is_that_of_each_by_itself(data_folder: Path, kind: str, side: int) -> None:
    seen = 0
    for path in sorted((data_folder / kind / "val" / "masks").glob("*.tif"))[:8]:
        labels = np.ascontiguousarray(tifffile.imread(path)[:side, :side]).astype(np.int32)
        labels[:30, :30] = -1
        assert np.abs(gap_weight(labels)[0] - one_object_after_the_other(labels)).max() < 1e-6
        seen += len(np.unique(labels))
    assert seen > 100


def test_the_gap_weight_does_not_look_at_each_object(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    transform = cv2.distanceTransform

    def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return transform(*arguments)

    labels = grid_of_squares((200, 200), size=4, gap=3)  # 784 objects
    expected = one_object_after_the_other(labels[:40, :40])[:24, :24]
    monkeypatch.setattr(cv2, "distanceTransform", counted)
    assert np.abs(gap_weight(labels)[0, :24, :24] - expected).max() < 1e-6
    assert looks < 12


def batch_of(name: str, settings: dict[str, Any], labels: np.ndarray, classes: tuple[int, ...] = (1,)) -> Any:
    kind = formulations.get(name)
    formulation = kind(kind.Config.model_validate(settings), classes)
    targets = formulation.encode(labels, {1: classes[-1]})
    return formulation, {key: torch.from_numpy(value)[None] for key, value in targets.items()}


CHOICES = [
    {"pixel_loss": "focal"},
    {"region_loss": "tversky"},
    {"region_loss": "lovasz"},
    {"region_loss": "none"},
    {"label_smoothing": 0.1},
    {"gap_weight": 10.0},
    {"class_weights": "inverse"},
    {"class_weights": "effective"},
]


@pytest.mark.parametrize("name", ["semantic", "boundary", "panoptic"])
@pytest.mark.parametrize("settings", CHOICES, ids=[next(iter(choice.items()))[0] for choice in CHOICES])
def test_each_choice_changes_the_loss_of_a_formulation(name: str, settings: dict[str, Any]) -> None:
    labels = discs((32, 32), [(10, 10), (10, 20), (24, 16)], 5)
    plain, targets = batch_of(name, {}, labels, (1, 2))
    chosen, own = batch_of(name, settings, labels, (1, 2))
    maps = torch.randn(1, plain.out_channels, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for formulation in (plain, chosen):
        formulation.use_class_pixels((800, 150, 50))
    before, after = (sum(f.loss(maps, t).values()) for f, t in ((plain, targets), (chosen, own)))
    assert float(after.detach()) != pytest.approx(float(before.detach()), rel=1e-4)
    after.backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


def test_untouched_settings_give_the_cross_entropy_and_dice() -> None:
    logits, number, valid = a_world()
    terms = PixelClassLoss(PixelClassConfig()).terms(logits, number, valid)
    truth = torch.nn.functional.one_hot(number[:, 0].long(), 3).movedim(3, 1).float()
    assert {name: float(value) for name, value in terms.items()} == {
        "cross_entropy": float(cross_entropy(logits, number, valid)),
        "dice": float(soft_dice(logits.softmax(1)[:, 1:], truth[:, 1:], valid)),
    }
