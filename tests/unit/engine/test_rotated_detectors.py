"""Detectors that tell the rectangle at any angle in each box."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from factories import rectangle
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.core.matching import match
from segstudio.engine.formulations import Formulation, formulations
from segstudio.labels.boxes import rotated_boxes


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks on several threads mostly wait for each other when other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(kind: str = "faster_rcnn", **settings: Any) -> Formulation:
    chosen = formulations.get("detection")
    values = {"detector": kind, "boxes": "rotated", "width": 24, "smallest": 8, "largest": 40}
    return chosen(chosen.Config.model_validate({**values, **settings}))


def rods(shape: tuple[int, int], places: list[tuple[float, float, float]]) -> NDArray[np.int32]:
    """Return rods of 28 x 6 pixels, by x and y of the centre and the angle."""
    labels = np.zeros(shape, np.int32)
    for number, (x, y, angle) in enumerate(places, start=1):
        labels[rectangle(shape, (x, y), 28, 6, angle) > 0] = number
    return labels


def as_batch(formulation: Formulation, labels: NDArray[np.int32]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(planes)[None] for name, planes in formulation.encode(labels).items()}


def turned(one: float, other: float) -> float:
    """Return by how many degrees two long sides differ."""
    return abs((one - other + 90) % 180 - 90)


def found(rectangles: list[list[float]], scores: list[float]) -> Any:
    """Return rectangles (x, y, length, width, degrees) as found in the upright boxes around them."""
    from segstudio.engine.detectors.found import Found, bounds

    table = torch.tensor(rectangles, dtype=torch.float32)
    table[:, 4] = table[:, 4].deg2rad()
    return Found(bounds(table), torch.tensor(scores), torch.zeros(len(scores), 0), rectangles=table)


def test_a_detector_learns_how_rods_are_turned() -> None:
    torch.manual_seed(0)
    labels = rods((64, 64), [(17, 14, 20), (46, 18, 135), (50, 28, 135), (12, 42, 90), (38, 54, 0)])
    noise = np.random.default_rng(0).normal(0.2, 0.05, labels.shape)
    image = torch.from_numpy((noise + 0.6 * (labels > 0)).astype(np.float32))[None, None]
    formulation = build("retinanet")
    network, targets = formulation.build_network(1).train(), as_batch(formulation, labels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, 120, pct_start=0.2)
    losses = []
    for _ in range(120):
        terms = formulation.training_loss(network, image, targets)
        losses.append(float(terms["rectangle"].detach()))
        optimiser.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
        schedule.step()
    assert losses[20] < 0.5 * losses[0]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        network.train().get_submodule("backbone")(image)
    with torch.inference_mode():
        maps = formulation.activate(network.eval()(image))[0].numpy()
    answer = formulation.decode(maps, formulation.DecodeConfig(threshold=0.6)).labels
    truth = formulation.best_answer(labels)
    result = match(truth, answer, 0.5)
    assert (result.missed, result.extra) == ((), ())
    shared = [((truth == a) & (answer == b)).sum() / ((truth == a) | (answer == b)).sum() for a, b in result.pairs]
    assert np.median(shared) >= 0.7
    known, told = rotated_boxes(truth), rotated_boxes(answer)
    assert max(turned(known[a].angle, told[b].angle) for a, b in result.pairs) <= 10


@pytest.mark.parametrize("kind", ["faster_rcnn", "retinanet", "fcos"])
def test_each_detector_learns_and_tells_rectangles(kind: str) -> None:
    torch.manual_seed(0)
    labels = rods((64, 64), [(24, 24, 30), (40, 44, 120)])
    formulation = build(kind)
    network, targets = formulation.build_network(1), as_batch(formulation, labels)
    formulation.training_loss(network.train(), torch.rand(1, 1, 64, 64), targets)["rectangle"].backward()
    assert float(network.get_parameter("rectangles.layers.5.bias").grad.abs().sum()) > 0  # type: ignore[union-attr]
    with torch.no_grad():
        told = network.eval().detect(torch.rand(2, 1, 64, 64))  # type: ignore[operator]
    assert [len(image.rectangles) for image in told] == [len(image.boxes) for image in told]


@pytest.mark.parametrize("value", [-1, 0, 1])
def test_patches_without_objects_or_full_of_one_have_finite_losses(value: int) -> None:
    formulation = build("retinanet")
    network = formulation.build_network(1).train()
    labels = np.full((64, 96), value, np.int32)
    terms = formulation.training_loss(network, torch.rand(1, 1, 64, 96), as_batch(formulation, labels))
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    assert value == 1 or float(terms["rectangle"].detach()) == 0


def test_the_loss_of_a_validation_is_always_the_same() -> None:
    formulation = build("retinanet")
    targets = as_batch(formulation, rods((64, 64), [(20, 20, 30), (40, 44, 120)]))
    network, image = formulation.build_network(1).eval(), torch.rand(1, 1, 64, 64)
    nn.init.normal_(network.get_submodule("rectangles.layers")[-1].weight)  # type: ignore[index]
    with torch.no_grad():
        losses = [float(formulation.training_loss(network, image, targets)["rectangle"]) for _ in range(2)]
    assert losses[0] == losses[1] > 0


def test_a_rectangle_comes_back_from_its_numbers_and_from_wrong_boxes() -> None:
    from segstudio.engine.detectors.rotated import numbers_of, rectangles_of

    angles = torch.arange(-80, 90, 10.0).deg2rad()
    wanted = torch.stack([torch.full_like(angles, value) for value in (30, 20, 40, 5)] + [angles], dim=1)
    boxes = found([[*row[:4], math.degrees(row[4])] for row in wanted.tolist()], [1.0] * len(wanted)).boxes + 2.5
    torch.testing.assert_close(rectangles_of(numbers_of(wanted, boxes), boxes), wanted, atol=1e-4, rtol=1e-4)


def test_the_numbers_of_a_rectangle_have_no_jump_at_any_angle_and_a_square_has_none() -> None:
    from segstudio.engine.detectors.rotated import numbers_of

    angles = torch.arange(-180, 181, 1.0).deg2rad()
    box = torch.tensor([[0.0, 0.0, 40.0, 40.0]]).expand(len(angles), 4)
    for width, most in ((4.0, 0.1), (20.0, 0.0)):
        table = [torch.full_like(angles, value) for value in (20, 20, 20, width)]
        numbers = numbers_of(torch.stack([*table, angles], dim=1), box)
        assert float((numbers[1:] - numbers[:-1]).abs().max()) <= most


def test_what_a_patch_shows_of_a_rod_is_learned_and_a_rod_that_goes_on_unlabelled_is_not() -> None:
    from segstudio.engine.detectors.rotated import known_rectangles
    from segstudio.engine.detectors.truth import truths

    labels = rods((64, 96), [(24, 20, 45), (64, 32, 20), (64, 50, 170)])
    labels[40:, 70:] = -1
    targets = {name: planes[..., 24:] for name, planes in as_batch(build(), labels).items()}
    (truth,) = truths(targets)
    assert truth.ids.tolist() == [1, 2]
    cut, whole = known_rectangles(truth).tolist()
    assert cut[2] == pytest.approx(14, abs=4)  # half of it
    assert cut[:2] == pytest.approx([5, 25], abs=2)
    assert turned(math.degrees(cut[4]), 45) < 10
    assert whole[2] == pytest.approx(28, abs=2)
    assert turned(math.degrees(whole[4]), 20) < 3


def test_rods_side_by_side_stay_two_although_their_upright_boxes_are_all_but_one() -> None:
    from torchvision.ops import box_iou

    from segstudio.engine.detectors.rotated import told_once

    pair = found([[30, 30, 40, 5, 45], [34.5, 25.5, 40, 5, 45]], [0.8, 0.9])
    assert float(box_iou(pair.boxes, pair.boxes)[0, 1]) > 0.5
    assert told_once(pair.rectangles, pair.scores).tolist() == [1, 0]
    again = found(
        [[30, 30, 40, 5, 45], [31, 30.5, 38, 6, 49], [70, 30, 20, 19, 0], [70, 31, 20, 19, 40]], [0.8, 0.9, 0.7, 0.6]
    )
    assert told_once(again.rectangles, again.scores).tolist() == [1, 2]
    assert told_once(again.rectangles[:0], again.scores[:0]).tolist() == []


def test_a_rectangle_is_painted_whole_and_found_again_below_a_surer_one() -> None:
    from segstudio.engine.detectors.found import paint

    formulation = build()
    rows = [[30.0, 30.0, 44.0, 8.0, 20.0], [30.0, 30.0, 40.0, 8.0, 110.0]]
    maps = paint(found(rows, [0.7, 0.9]), (60, 60)).numpy()
    answer = formulation.decode(maps, formulation.DecodeConfig(threshold=0.5))
    assert sorted(answer.scores.values()) == pytest.approx([0.7, 0.9], abs=0.01)
    boxes = sorted(rotated_boxes(answer.labels).values(), key=lambda box: box.angle)
    for box, row in zip(boxes, rows, strict=True):
        assert box.centre == pytest.approx(row[:2], abs=0.7)
        assert box.length == pytest.approx(row[2], abs=1.5)
        assert box.width == pytest.approx(row[3], abs=1.5)
        assert turned(box.angle, row[4]) < 2


@pytest.mark.parametrize("angle", [0, 15, 45, 60, 90])
def test_a_rectangle_narrower_than_a_pixel_still_has_pixels(angle: int) -> None:
    from segstudio.engine.detectors.found import paint

    maps = paint(found([[20.3, 20.4, 24, 1, angle]], [0.9]), (40, 40)).numpy()
    rows, columns = np.nonzero(maps[4])
    assert max(np.ptp(rows), np.ptp(columns)) >= 24 * 0.7 - 3
    assert 14 <= len(rows) <= 50


def test_what_two_tiles_see_a_little_differently_is_one_rectangle() -> None:
    from segstudio.engine.detectors.found import paint

    left = paint(found([[32, 32, 44, 10, 30]], [0.9]), (64, 64))
    right = paint(found([[33, 32.6, 45, 11, 32]], [0.8]), (64, 64))
    seam = torch.cat([left[..., :32], right[..., 32:]], dim=2).numpy()
    answer = build().decode(seam, build().DecodeConfig(threshold=0.5)).labels
    assert answer.max() == 1
    box = rotated_boxes(answer)[1]
    assert turned(box.angle, 31) < 3
    assert (answer > 0).sum() < 1.2 * 44 * 10
