"""RetinaNet (Lin et al. 2017) and FCOS (Tian et al. 2019): boxes straight from the feature pyramid.

Torchvision's heads, matching and losses, put together for microscopy as in `two_stage`.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection._utils import BoxLinearCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOS, FCOSClassificationHead, FCOSHead, FCOSRegressionHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead
from torchvision.ops import clip_boxes_to_image, nms, sigmoid_focal_loss

from segstudio.engine.detectors.found import Found
from segstudio.engine.detectors.truth import Truth, share

#: IoU from which an anchor stands for an object, and below which it stands for background.
_ANCHOR_IS, _ANCHOR_IS_NOT = 0.5, 0.4
#: What torchvision's matching says of anchors that stand for background, and of those that stand for nothing.
_BACKGROUND, _NOTHING = -1, -2
#: A logit of "no object" from which nothing is learned.
_NO_LOSS = -50.0
_LEAST_SURE = 0.05
_MOST = 20_000


class _Features(nn.Module):
    """Stands where torchvision expects a backbone; ours has run before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_channels = width


class RetinaBoxes(RetinaNet):
    """The heads of RetinaNet on a feature pyramid of `width` channels: each anchor is moved and given a score."""

    def __init__(self, width: int, classes: int, anchors: AnchorGenerator, overlap: float) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            _Features(width),
            classes,
            anchor_generator=anchors,
            head=_RetinaHead(width, anchors.num_anchors_per_location()[0], classes),
            nms_thresh=overlap,
            fg_iou_thresh=_ANCHOR_IS,
            bg_iou_thresh=_ANCHOR_IS_NOT,
        )

    def losses(self, features: dict[str, Tensor], shape: tuple[int, int], truths: Sequence[Truth]) -> dict[str, Tensor]:
        """Return the loss terms of a batch of images of `shape`."""
        outputs, anchors = _look(self, features, shape)
        terms = self.compute_loss([truth.as_target for truth in truths], outputs, anchors)
        return {"class": terms["classification"], "box": terms["bbox_regression"]}

    def detect(self, features: dict[str, Tensor], shape: tuple[int, int]) -> list[Found]:
        """Return what is found in each image of a batch."""
        outputs, anchors = _look(self, features, shape)
        scores = outputs["cls_logits"].sigmoid()
        return [
            _best(score, self.box_coder.decode_single(moved, anchor), shape, self.nms_thresh)
            for score, moved, anchor in zip(scores, outputs["bbox_regression"], anchors, strict=True)
        ]


class _RetinaHead(RetinaNetHead):
    def __init__(self, width: int, anchors: int, classes: int) -> None:
        super().__init__(width, anchors, classes)
        _wake(self)

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        matched_idxs: list[Tensor],
    ) -> dict[str, Tensor]:
        for target, anchor, matched in zip(targets, anchors, matched_idxs, strict=True):
            # An object that fills all that is left out in the anchor would be no background.
            hidden = share(target["left_out"], anchor) >= _ANCHOR_IS_NOT
            matched[(matched == _BACKGROUND) & hidden] = _NOTHING
        terms: dict[str, Tensor] = super().compute_loss(targets, head_outputs, anchors, matched_idxs)
        if _differ(targets):
            # As torchvision: each image by its own number of anchors that stand for an object.
            each = zip(head_outputs["cls_logits"], targets, matched_idxs, strict=True)
            terms["classification"] = torch.stack([_weighted([image]) for image in each]).mean()
        return terms


class FcosBoxes(FCOS):
    """The heads of FCOS on a feature pyramid of `width` channels: each point tells how far its box reaches."""

    def __init__(self, width: int, classes: int, anchors: AnchorGenerator, overlap: float) -> None:
        head = _FcosHead(width, classes)
        super().__init__(_Features(width), classes, anchor_generator=anchors, head=head, nms_thresh=overlap)

    def losses(self, features: dict[str, Tensor], shape: tuple[int, int], truths: Sequence[Truth]) -> dict[str, Tensor]:
        """Return the loss terms of a batch of images of `shape`."""
        outputs, anchors = _look(self, features, shape)
        sizes = [level.shape[2] * level.shape[3] for level in features.values()]
        terms = self.compute_loss([truth.as_target for truth in truths], outputs, anchors, sizes)
        return {"class": terms["classification"], "box": terms["bbox_regression"], "centre": terms["bbox_ctrness"]}

    def detect(self, features: dict[str, Tensor], shape: tuple[int, int]) -> list[Found]:
        """Return what is found in each image of a batch."""
        outputs, anchors = _look(self, features, shape)
        scores = (outputs["cls_logits"].sigmoid() * outputs["bbox_ctrness"].sigmoid()).sqrt()
        return [
            _best(score, self.box_coder.decode(sides, anchor), shape, self.nms_thresh)
            for score, sides, anchor in zip(scores, outputs["bbox_regression"], anchors, strict=True)
        ]


class _FcosHead(FCOSHead):
    def __init__(self, width: int, classes: int) -> None:
        # Group normalisation, as in the paper and in FCOSHead's own way to begin, would make each answer depend on
        # the whole tile.
        nn.Module.__init__(self)
        self.box_coder = BoxLinearCoder(normalize_by_size=True)
        self.classification_head = FCOSClassificationHead(
            width, 1, classes, prior_probability=0.001, norm_layer=nn.Identity
        )
        self.regression_head = FCOSRegressionHead(width, 1, norm_layer=nn.Identity)
        _wake(self)

    def compute_loss(
        self,
        targets: list[dict[str, Tensor]],
        head_outputs: dict[str, Tensor],
        anchors: list[Tensor],
        matched_idxs: list[Tensor],
    ) -> dict[str, Tensor]:
        # A point on a pixel that is left out may belong to an object that nobody labelled.
        hidden = torch.stack(
            [
                (matched == _BACKGROUND) & (share(target["left_out"], _middle(anchor)) > 0)
                for target, anchor, matched in zip(targets, anchors, matched_idxs, strict=True)
            ]
        )
        logits = head_outputs["cls_logits"].masked_fill(hidden[..., None], _NO_LOSS)
        outputs = {**head_outputs, "cls_logits": logits}
        terms: dict[str, Tensor] = super().compute_loss(targets, outputs, anchors, matched_idxs)
        if _differ(targets):
            terms["classification"] = _weighted(list(zip(logits, targets, matched_idxs, strict=True)))
        return terms


def _differ(targets: list[dict[str, Tensor]]) -> bool:
    """Whether some objects count more than others."""
    return any(bool((target["weights"] != 1).any()) for target in targets)


def _weighted(images: Sequence[tuple[Tensor, dict[str, Tensor], Tensor]]) -> Tensor:
    """Return torchvision's loss of classes in `images`, each object counting by its weight.

    Each image is its logits ``(n, C)``, its target, and which object each anchor stands for.
    """
    total, objects = images[0][0].new_zeros(()), 0
    for logits, target, matched in images:
        known = matched != _NOTHING
        match, logit = matched[known], logits[known]
        found = match >= 0
        wanted, weight = torch.zeros_like(logit), torch.ones_like(logit[:, 0])
        wanted[found, target["labels"][match[found]]] = 1
        weight[found] = target["weights"][match[found]]
        total = total + (sigmoid_focal_loss(logit, wanted, reduction="none") * weight[:, None]).sum()
        objects += int(found.sum())
    return total / max(1, objects)


def _wake(head: nn.Module) -> None:
    """Let the layers before the last one begin with a signal: torchvision's tiny weights need long trainings."""
    for part in ("classification_head.conv", "regression_head.conv"):
        for layer in head.get_submodule(part).modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


def _middle(anchors: Tensor) -> Tensor:
    """Return the pixel to the lower right of each anchor's centre, as a box."""
    corner = ((anchors[:, :2] + anchors[:, 2:]) / 2).floor()
    return torch.cat([corner, corner + 1], dim=1)


def _look(
    detector: Any,  # noqa: ANN401 - one of the two above, untyped in torchvision
    features: dict[str, Tensor],
    shape: tuple[int, int],
) -> tuple[dict[str, Tensor], list[Tensor]]:
    levels = list(features.values())
    outputs = {name: values.float() for name, values in detector.head(levels).items()}
    count = len(levels[0])
    images = ImageList(levels[0].new_empty(count, 0, *shape), [shape] * count)
    return outputs, detector.anchor_generator(images, [level.float() for level in levels])


def _best(classes: Tensor, boxes: Tensor, shape: tuple[int, int], overlap: float) -> Found:
    """Return the boxes that are left when each object is told once; `classes` ``(n, C)`` are scores."""
    sure = classes.max(1).values
    boxes = clip_boxes_to_image(boxes, shape)
    kept = (sure > _LEAST_SURE) & ((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)
    places = torch.nonzero(kept).flatten()
    places = places[torch.argsort(sure[places], descending=True, stable=True)[:_MOST]]
    places = places[nms(boxes[places], sure[places], overlap)]
    shares = classes[places] / classes[places].sum(1, keepdim=True)
    # With one class there is nothing to tell apart.
    return Found(boxes[places], sure[places], shares if classes.shape[1] > 1 else shares[:, :0])
