"""A detector of torchvision as a `Network`: a backbone with a feature pyramid, heads, and what they find as maps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchvision.models import resnet18, resnet34, resnet50
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.mobilenetv2 import mobilenet_v2
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from segstudio.engine.detectors.found import BOX_MAPS, Found, paint
from segstudio.engine.detectors.one_stage import FcosBoxes, RetinaBoxes
from segstudio.engine.detectors.rotated import RectangleHead
from segstudio.engine.detectors.truth import truths
from segstudio.engine.detectors.two_stage import TwoStage
from segstudio.engine.network import Network

Backbone = Literal["small", "mobilenet_v2", "resnet18", "resnet34", "resnet50"]
Kind = Literal["mask_rcnn", "faster_rcnn", "retinanet", "fcos"]

#: Strides of the levels of the feature pyramid.
_STRIDES = (4, 8, 16, 32)
_LEVELS = ("0", "1", "2", "3")
#: Height to width of the anchors; boxes around rods that lie along an axis are long.
_RATIOS, _RATIOS_ROTATED = (0.5, 1.0, 2.0), (0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES_A_LEVEL = 2
#: IoU from which boxes are of one object; with rectangles in them up to what decoding still tells apart.
_OVERLAP, _OVERLAP_ROTATED = 0.45, 0.6
#: Pixels beyond an object that decide what it is.
_CONTEXT = 64
#: The layer that sees the image, and those at the strides above with their channels.
_RESNET = ("conv1", {"layer1": "0", "layer2": "1", "layer3": "2", "layer4": "3"})
_PARTS: Mapping[str, tuple[Any, str, dict[str, str], list[int]]] = {
    "resnet18": (resnet18, *_RESNET, [64, 128, 256, 512]),
    "resnet34": (resnet34, *_RESNET, [64, 128, 256, 512]),
    "resnet50": (resnet50, *_RESNET, [256, 512, 1024, 2048]),
    "mobilenet_v2": (mobilenet_v2, "0.0", {"3": "0", "6": "1", "13": "2", "18": "3"}, [24, 32, 96, 1280]),
}


@dataclass(frozen=True)
class Plan:
    """How a detector is built: which heads, on which backbone, for objects of which sizes (pixels).

    With `rotated` it also tells the rectangle at any angle in each box.
    """

    kind: Kind
    backbone: Backbone
    width: int
    smallest: int
    largest: int
    rotated: bool = False


class DetectorNetwork(Network):
    """The module; its answer are the maps of `found.paint`, in training mode too."""

    stride = _STRIDES[-1]

    def __init__(self, in_channels: int, classes: int, plan: Plan) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = BOX_MAPS + (classes if classes > 1 else 0)
        # What is further away changes the features a little, but not which objects there are.
        self.reach = plan.largest + _CONTEXT
        self.backbone = _backbone(plan, in_channels)
        self.heads = _heads(plan, classes)
        self.rectangles = RectangleHead(plan.width, _LEVELS) if plan.rotated else None

    def forward(self, image: Tensor) -> Tensor:
        """Return what is found in images ``(N, C, H, W)`` as maps."""
        shape = (image.shape[2], image.shape[3])
        return torch.stack([paint(found, shape) for found in self.detect(image)])

    def detect(self, image: Tensor) -> list[Found]:
        """Return what is found in each image ``(N, C, H, W)``."""
        shape = (image.shape[2], image.shape[3])
        features = self.backbone(image)
        found: list[Found] = self.heads.detect(features, shape)
        return found if self.rectangles is None else self.rectangles.look(features, shape, found)

    def losses(
        self, image: Tensor, targets: Mapping[str, Tensor], class_weights: Sequence[float] | None = None
    ) -> dict[str, Tensor]:
        """Return the loss terms, not weighted; in eval mode the same ones each time, as for a validation.

        Parameters
        ----------
        image
            ``(N, C, H, W)``.
        targets
            Those of `truth.truths`.
        class_weights
            How much an object of each class counts; ``None``: all the same.
        """
        with _same_draw() if not self.training else nullcontext():
            shape = (image.shape[2], image.shape[3])
            features, known = self.backbone(image), truths(targets, class_weights)
            terms: dict[str, Tensor] = self.heads.losses(features, shape, known)
            if self.rectangles is not None:
                terms["rectangle"] = self.rectangles.loss(features, shape, known)
        return terms

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the backbone."""
        yield from self.backbone.body.parameters()


@contextmanager
def _same_draw() -> Iterator[None]:
    """Draw the anchors that are learned from as the last time, and leave the training's own draws as they are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class _NoMoreLevels(ExtraFPNBlock):
    """Torchvision adds a level of stride 64, whose anchors would lie otherwise in every tile."""

    def forward(self, results: list[Tensor], x: list[Tensor], names: list[str]) -> tuple[list[Tensor], list[str]]:
        return results, names


def _backbone(plan: Plan, in_channels: int) -> BackboneWithFPN:
    if plan.backbone == "small":
        widths = [plan.width // 2, plan.width, 2 * plan.width, 2 * plan.width]
        layers = {str(number): level for number, level in enumerate(_LEVELS)}
        body = _small(in_channels, widths)
        return BackboneWithFPN(body, layers, widths, plan.width, _NoMoreLevels(), nn.BatchNorm2d)
    build, first, layers, channels = _PARTS[plan.backbone]
    body = build(weights=None)
    if plan.backbone == "mobilenet_v2":
        body = body.features
    _see_channels(body, first, in_channels)
    return BackboneWithFPN(body, layers, channels, plan.width, _NoMoreLevels(), nn.BatchNorm2d)


def _small(in_channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Return a backbone of two convolutions a level, the first of which halves the image (twice at the first level)."""
    levels = [nn.Sequential(*_convolution(in_channels, widths[0], 2), *_convolution(widths[0], widths[0], 2))]
    for before, after in pairwise(widths):
        levels.append(nn.Sequential(*_convolution(before, after, 2), *_convolution(after, after, 1)))
    return nn.Sequential(*levels)


def _convolution(before: int, after: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)


def _see_channels(body: nn.Module, name: str, in_channels: int) -> None:
    """Replace the first layer by one for images of `in_channels`."""
    path, _, last = name.rpartition(".")
    old = body.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    new = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)  # type: ignore[arg-type]
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    setattr(body.get_submodule(path) if path else body, last, new)


def _heads(plan: Plan, classes: int) -> Any:  # noqa: ANN401 - losses and detect, untyped in torchvision
    overlap = _OVERLAP_ROTATED if plan.rotated else _OVERLAP
    if plan.kind == "fcos":
        one = AnchorGenerator(tuple((stride,) for stride in _STRIDES), ((1.0,),) * len(_STRIDES))  # type: ignore[no-untyped-call]
        return FcosBoxes(plan.width, classes, one, overlap)
    sizes = anchor_sizes(plan.smallest, plan.largest)
    ratios = _RATIOS_ROTATED if plan.rotated else _RATIOS
    anchors = AnchorGenerator(sizes, (ratios,) * len(sizes))  # type: ignore[no-untyped-call]
    if plan.kind == "retinanet":
        return RetinaBoxes(plan.width, classes, anchors, overlap)
    return TwoStage(plan.width, classes, anchors, _LEVELS, masks=plan.kind == "mask_rcnn", overlap=overlap)


def anchor_sizes(smallest: float, largest: float) -> Sequence[tuple[float, ...]]:
    """Return the sides of the anchors of each level, spread evenly by ratio from `smallest` to `largest`.

    Examples
    --------
    >>> anchor_sizes(8, 1024)[0], anchor_sizes(8, 1024)[-1]
    ((8.0, 16.0), (512.0, 1024.0))
    """
    count = len(_STRIDES) * _SIZES_A_LEVEL
    step = math.log(largest / smallest) / (count - 1)
    sides = [round(smallest * math.exp(step * number), 3) for number in range(count)]
    return tuple(tuple(sides[start : start + _SIZES_A_LEVEL]) for start in range(0, count, _SIZES_A_LEVEL))
