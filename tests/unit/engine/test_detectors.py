"""Detectors of torchvision: they learn, but nothing from what is not labelled, and what they find becomes maps."""

from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from factories import cells, discs, grid_of_squares
from numpy.typing import NDArray
from torch import Tensor, nn

from segstudio.core.errors import JobFailed
from segstudio.core.matching import match
from segstudio.engine.decoding.detections import group_by_box
from segstudio.engine.formulations import Formulation, formulations


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks on several threads mostly wait for each other when other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


KINDS = ["mask_rcnn", "faster_rcnn", "retinanet", "fcos"]


def build(kind: str, class_ids: tuple[int, ...] = (1,), **settings: Any) -> Formulation:
    chosen = formulations.get("mask_rcnn" if kind == "mask_rcnn" else "detection")
    if kind != "mask_rcnn":
        settings["detector"] = kind
    return chosen(chosen.Config(**{"width": 24, "smallest": 8, "largest": 40, **settings}), class_ids)


def as_batch(formulation: Formulation, labels: NDArray[np.int32], classes: dict[int, int] | None = None) -> Any:
    return {name: torch.from_numpy(planes)[None] for name, planes in formulation.encode(labels, classes).items()}


def as_image(image: NDArray[Any]) -> Tensor:
    return torch.from_numpy(image.astype(np.float32) / 255)[None, None]


def settle(network: Any, image: Tensor) -> None:
    """Let the running statistics be those of `image`."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        network.train().backbone(image)
    network.eval()


@pytest.mark.parametrize(("kind", "steps"), [("mask_rcnn", 60), ("faster_rcnn", 60), ("retinanet", 40), ("fcos", 50)])
def test_a_detector_learns_one_image_with_its_classes(kind: str, steps: int) -> None:
    torch.manual_seed(0)
    made = cells((64, 64), 5, 3)
    classes = {number: 4 + number % 2 for number in range(1, made.count + 1)}
    formulation = build(kind, (4, 5))
    image, targets = as_image(made.image), as_batch(formulation, made.labels, classes)
    network = formulation.build_network(1).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = torch.stack(list(formulation.training_loss(network, image, targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
    settle(network, image)
    with torch.inference_mode():
        maps = formulation.activate(network(image))[0].numpy()
    found = formulation.decode(maps, formulation.DecodeConfig(threshold=0.6))
    result = match(formulation.best_answer(made.labels), found.labels)
    assert (result.missed, result.extra) == ((), ())
    assert all(found.classes[other] == classes[true] for true, other in result.pairs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [-1, 0, 1])
def test_patches_without_objects_or_full_of_one_have_finite_losses(kind: str, value: int) -> None:
    formulation = build(kind)
    labels = np.full((64, 96), value, np.int32)
    network = formulation.build_network(1).train()
    terms = formulation.training_loss(network, torch.rand(1, 1, 64, 96), as_batch(formulation, labels))
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    if value == -1:
        assert float(total.detach()) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_pixel_objects_and_seven_channels_are_learned_from(kind: str) -> None:
    formulation = build(kind)
    labels = grid_of_squares((64, 64), size=1, gap=9)
    network = formulation.build_network(7).train()
    targets = {name: planes.repeat(2, 1, 1, 1) for name, planes in as_batch(formulation, labels).items()}
    terms = formulation.training_loss(network, torch.rand(2, 7, 64, 64), targets)
    assert all(torch.isfinite(term) for term in terms.values())
    # FCOS sees no object between its points, which lie 4 pixels apart.
    assert kind == "fcos" or float(terms["box"].detach()) > 0


def certainty_gradient(kind: str, labels: NDArray[np.int32]) -> Tensor:
    """Return what a step on `labels` (64, 64) teaches of the certainty at the 16 x 16 points of the finest level."""
    formulation = build(kind)
    network = formulation.build_network(1).train()
    seen: list[Tensor] = []
    first = next(m for name, m in network.named_modules() if name.endswith("cls_logits"))
    first.register_forward_hook(lambda _m, _i, out: (out.retain_grad(), seen.append(out))[0])
    terms = formulation.training_loss(network, torch.rand(1, 1, 64, 64), as_batch(formulation, labels))
    torch.stack(list(terms.values())).sum().backward()
    assert seen[0].grad is not None
    return seen[0].grad


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_learned_from_an_object_that_nobody_labelled(kind: str) -> None:
    """The gradient of the certainty at an unlabelled object is 0 where its pixels are unknown, and not otherwise."""
    pull = {}
    for hidden in (False, True):
        torch.manual_seed(0)
        labels = discs((64, 64), [(16, 16)], 9)
        if hidden:
            labels[32:] = -1
        grad = certainty_gradient(kind, labels)
        assert grad[..., :6, :].any()
        pull[hidden] = float(grad[..., 12:, :].abs().sum())
    assert pull[True] == 0
    assert pull[False] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_learned_from_an_object_of_which_a_part_is_not_labelled(kind: str) -> None:
    """Neither its visible part nor the lack of an object is taught where a labelled object goes on unlabelled."""
    pull = {}
    for hidden in (False, True):
        torch.manual_seed(0)
        labels = discs((64, 64), [(14, 16), (40, 40)], 11)
        if hidden:
            labels[44:] = -1
        grad = certainty_gradient(kind, labels)
        assert grad[..., :6, :].any()
        pull[hidden] = float(grad[..., 8:, 9:12].abs().sum())  # on the second disc, and below it
    assert pull[False] > 0
    assert pull[True] == 0


def learned_boxes(
    labels: NDArray[np.int32], window: tuple[slice, slice]
) -> tuple[list[list[float]], NDArray[np.bool_]]:
    """Return the boxes that a patch of `labels` teaches, and what of the patch is left out."""
    from segstudio.engine.detectors.truth import truths

    targets = as_batch(build("mask_rcnn"), labels)
    (truth,) = truths({name: planes[:, :, *window].half().float() for name, planes in targets.items()})
    return sorted(truth.boxes.tolist()), truth.left_out.numpy()


def test_an_object_of_which_a_patch_shows_a_sliver_is_left_out_and_one_cut_in_half_is_not() -> None:
    labels = np.zeros((64, 64), np.int32)
    labels[10:30, 10:30], labels[40:60, 10:30] = 1, 2
    boxes, left_out = learned_boxes(labels, (slice(20, 44), slice(0, 40)))
    assert boxes == [[10, 0, 30, 10]]
    assert left_out.sum() == left_out[20:24, 10:30].sum() == 80
    # What the image's edge cuts is learned: no more of it is there to be found.
    assert learned_boxes(labels[:13], (slice(None), slice(None)))[0] == [[10, 10, 30, 13]]


def test_the_loss_of_masks_knows_that_a_left_out_object_is_not_its_neighbour() -> None:
    from segstudio.engine.detectors.truth import truths

    labels = np.zeros((32, 32), np.int32)
    labels[4:20, 4:16], labels[4:20, 16:30] = 1, 2
    labels[:, 28:] = -1
    (truth,) = truths(as_batch(build("mask_rcnn"), labels))
    assert truth.boxes.tolist() == [[4, 4, 16, 20]]
    assert truth.left_out[4:20, 16:].all()
    assert not truth.unknown[:, :28].any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_validation_changes_nothing_and_is_always_the_same(kind: str) -> None:
    made = cells((64, 64), 5, 3)
    formulation = build(kind)
    targets = as_batch(formulation, made.labels)
    network = formulation.build_network(1).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    draws = torch.random.get_rng_state()
    with torch.no_grad():
        losses = [
            {name: float(term) for name, term in formulation.training_loss(network, image, targets).items()}
            for image in [as_image(made.image)] * 2
        ]
    assert losses[0] == losses[1]
    assert torch.equal(draws, torch.random.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_has_learned_nothing_finds_next_to_nothing(kind: str) -> None:
    """Thousands of boxes and outlines would make the first validations take minutes."""
    torch.manual_seed(0)
    formulation = build(kind, (1, 2))
    network = formulation.build_network(1).eval()
    with torch.inference_mode():
        maps = network(torch.rand(2, 1, 64, 96))
        assert sum(len(image.boxes) for image in network.detect(torch.rand(2, 1, 64, 96))) < 50
    assert maps.shape == (2, formulation.out_channels, 64, 96)


def found(boxes: list[list[float]], scores: list[float], masks: Tensor | None = None) -> Any:
    from segstudio.engine.detectors.found import Found

    return Found(torch.tensor(boxes), torch.tensor(scores), torch.zeros(len(scores), 0), masks)


def test_the_surer_of_two_boxes_lies_on_top_and_a_threshold_brings_out_nothing_below() -> None:
    from segstudio.engine.detectors.found import paint

    maps = paint(found([[2, 2, 12, 12], [8, 2, 18, 12]], [0.9, 0.4]), (16, 24)).numpy()
    both, sure = group_by_box(maps, 0.3), group_by_box(maps, 0.5)
    assert [int((both.labels == both.labels[7, x]).sum()) for x in (4, 16)] == [100, 60]
    assert both.boxes[both.labels[7, 16] - 1] == pytest.approx([2, 8, 12, 18])
    assert (sure.labels > 0).sum() == 100
    assert sure.scores == pytest.approx([0.9])


def test_masks_are_painted_inside_their_boxes() -> None:
    from segstudio.engine.detectors.found import paint

    mask = torch.zeros(1, 28, 28)
    mask[:, :, 14:] = 1
    maps = paint(found([[4, 4, 24, 24]], [0.8], mask), (32, 32)).numpy()
    rows, columns = np.nonzero(maps[4])
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (4, 24, 14, 24)


def test_what_two_tiles_see_a_little_differently_is_one_object() -> None:
    from segstudio.engine.detectors.found import paint

    left = paint(found([[10, 10, 40, 40]], [0.9]), (48, 48))
    right = paint(found([[11.3, 9, 41, 40.6]], [0.7]), (48, 48))
    seam = torch.cat([left[..., :25], right[..., 25:]], dim=2).half().float().numpy()
    result = group_by_box(seam, 0.5)
    assert result.labels.max() == 1
    assert (result.labels > 0).sum() > 850


@pytest.mark.parametrize("kind", ["mask_rcnn", "faster_rcnn"])
def test_flips_that_disagree_where_objects_meet_add_no_object_between_them(kind: str) -> None:
    from segstudio.engine.detectors.found import paint

    formulation = build(kind)
    # Of two cells that meet, each look sees the line between them elsewhere, and one sees both as one cell.
    looks = [
        paint(found([[4, 8, line, 40], [line, 8, 76, 40]], [0.9, 0.8]), (48, 80))[None] for line in (34.0, 40.0, 46.0)
    ]
    looks.append(paint(found([[4, 8, 76, 40]], [0.95]), (48, 80))[None])
    maps = formulation.merge_looks(iter(looks))[0].numpy()
    assert maps[4, 20, 20] > 0.6
    assert maps[4, 20, 37] < 0.5  # on the line between them no look has a majority
    answer = formulation.decode(maps, formulation.DecodeConfig(threshold=0.5))
    truth = np.zeros((48, 80), np.int32)
    truth[8:40, 4:40], truth[8:40, 40:76] = 1, 2
    result = match(truth, answer.labels, 0.8)
    assert (len(result.pairs), result.extra) == (2, ())
    # Where all look alike, nothing changes.
    assert torch.allclose(formulation.merge_looks(iter(looks[:1] * 4)), looks[0], atol=1e-4)


def test_a_small_box_in_the_middle_of_a_large_one_is_another_object() -> None:
    from segstudio.engine.detectors.found import paint

    maps = paint(found([[4, 4, 44, 44], [19, 19, 29, 29]], [0.6, 0.9]), (48, 48)).numpy()
    assert sorted(np.bincount(group_by_box(maps, 0.5).labels.ravel())[1:].tolist()) == [100, 1500]


def test_boxes_are_judged_as_boxes() -> None:
    formulation = build("faster_rcnn")
    labels = discs((64, 64), [(16, 16), (40, 40)], 10)
    answer = formulation.decode(formulation.perfect_maps(formulation.encode(labels)), formulation.DecodeConfig())
    result = match(formulation.best_answer(labels), answer.labels, 0.99)
    assert len(result.pairs) == 2
    assert len(match(labels, answer.labels, 0.85).pairs) == 0


def test_pretrained_weights_that_cannot_be_fetched_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        print("Downloading: as torch says")  # noqa: T201
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", unreachable)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    formulation = build("mask_rcnn", backbone="resnet18", pretrained="imagenet")
    network = formulation.build_network(1)  # as for a model on disk: nothing is fetched
    with pytest.raises(JobFailed, match=r"pretrained weights of resnet18 .*internet: no route to host"):
        formulation.pretrain(network)
    assert not capsys.readouterr().out  # where lines are for programs


def test_pretrained_weights_reach_the_backbone_whatever_its_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import resnet18

    given = resnet18(weights=None).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: given)
    formulation = build("mask_rcnn", backbone="resnet18", pretrained="imagenet")
    network = formulation.build_network(2)
    formulation.pretrain(network)
    own = network.state_dict()
    assert torch.equal(own["backbone.body.layer3.0.conv1.weight"], given["layer3.0.conv1.weight"])
    assert torch.equal(own["backbone.body.bn1.weight"], given["bn1.weight"])


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_pretrained_backbone_sees_an_image_as_it_saw_photographs(
    backbone: str, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights were learned from images less the mean and by the deviation of photographs; ours are from 0 to 1."""
    from torchvision.models import mobilenet_v2, resnet18

    torch.manual_seed(0)
    photographs = {"resnet18": resnet18, "mobilenet_v2": mobilenet_v2}[backbone](weights=None).eval()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: photographs.state_dict())
    formulation = build("mask_rcnn", backbone=backbone, pretrained="imagenet")
    network = formulation.build_network(channels).eval()
    formulation.pretrain(network)
    gray = torch.rand(1, 1, 64, 64)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    theirs = (gray - mean[:, None, None]) / deviation[:, None, None]
    ours = gray.expand(-1, channels, -1, -1)
    body = network.get_submodule("backbone.body")
    if backbone == "resnet18":
        expected, found = photographs.bn1(photographs.conv1(theirs)), body.bn1(body.conv1(ours))
    else:
        expected, found = photographs.features[0](theirs), body["0"](ours)
    inner = (..., slice(4, -4), slice(4, -4))  # at the edge the one pads with gray, the other with black
    torch.testing.assert_close(found[inner], expected[inner], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "settings", [{"smallest": 50}, {"pretrained": "imagenet"}, {"backbone": "resnet50", "pretrained": "coco"}]
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"smallest|backbone"):
        build("mask_rcnn", **settings)
