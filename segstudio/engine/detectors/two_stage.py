"""Faster R-CNN and Mask R-CNN: places are proposed, then each is looked at closely (Ren et al. 2015, He et al. 2017).

Torchvision's parts, put together for microscopy: no resizing, anchors for cells, many objects in an image, one class
an object, and nothing learned from what is not labelled.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import RoIHeads, fastrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead, concat_box_prediction_layers
from torchvision.ops import MultiScaleRoIAlign, clip_boxes_to_image, nms

from segstudio.engine.detectors.found import Found
from segstudio.engine.detectors.truth import Truth, sample, share
from segstudio.engine.losses.masked import masked_mean

#: IoU from which an anchor, or a proposal, stands for an object, and below which it stands for background.
_ANCHOR_IS, _ANCHOR_IS_NOT = 0.6, 0.3
_PROPOSAL_IS, _PROPOSAL_IS_NOT = 0.5, 0.5
#: How many anchors and proposals of a patch are learned from.
_ANCHORS, _PROPOSALS = 256, 128
#: How many proposals an image may have; more than any tile holds cells.
_MOST = 6000
_MOST_LEARNING = 1000
_LEAST_SURE, _LEAST_PLACE = 0.05, 0.02
#: Logit of an object in a network that has learned nothing: a hundredth.
_AT_FIRST = -4.6
_BOX_CELLS, _MASK_CELLS = 7, 14


class TwoStage(nn.Module):
    """The heads of Faster R-CNN, or with `masks` of Mask R-CNN, on a feature pyramid of `width` channels."""

    def __init__(
        self, width: int, classes: int, anchors: AnchorGenerator, levels: Sequence[str], *, masks: bool, overlap: float
    ) -> None:
        super().__init__()
        self.proposals = _Proposals(width, anchors)
        self.regions = _Regions(width, classes, list(levels), masks, overlap)

    def losses(self, features: dict[str, Tensor], shape: tuple[int, int], truths: Sequence[Truth]) -> dict[str, Tensor]:
        """Return the loss terms of a batch of images of `shape`."""
        targets = [truth.as_target for truth in truths]
        places, terms = self.proposals.learn(features, shape, targets)
        # A class number above 0 is an object's for the second stage.
        for target in targets:
            target["labels"] = target["labels"] + 1
        return terms | self.regions.learn(features, shape, places, targets, truths)

    def detect(self, features: dict[str, Tensor], shape: tuple[int, int]) -> list[Found]:
        """Return what is found in each image of a batch."""
        places = self.proposals.find(features, shape)
        return self.regions.find(features, shape, places)


class _Seen(NamedTuple):
    objectness: Tensor
    deltas: Tensor
    anchors: list[Tensor]
    places: list[Tensor]


class _Proposals(RegionProposalNetwork):
    """Torchvision's proposals; anchors that may hide an object that nobody labelled stand for nothing."""

    def __init__(self, width: int, anchors: AnchorGenerator) -> None:
        head = RPNHead(width, anchors.num_anchors_per_location()[0])
        for layer in head.conv.modules():
            if isinstance(layer, nn.Conv2d):  # torchvision's tiny weights need long trainings
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        # Nothing is likely at first: an untrained network would else look closely at thousands of places.
        assert head.cls_logits.bias is not None
        nn.init.constant_(head.cls_logits.bias, _AT_FIRST)
        most = {"training": _MOST_LEARNING, "testing": _MOST}
        super().__init__(anchors, head, _ANCHOR_IS, _ANCHOR_IS_NOT, _ANCHORS, 0.5, most, most, 0.7, _LEAST_PLACE)

    def find(self, features: dict[str, Tensor], shape: tuple[int, int]) -> list[Tensor]:
        return self._look(features, shape).places

    def learn(
        self, features: dict[str, Tensor], shape: tuple[int, int], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        seen = self._look(features, shape)
        labels, boxes = self.assign_targets_to_anchors(seen.anchors, targets)
        if not any(bool((part >= 0).any()) for part in labels):
            nothing = 0 * (seen.objectness.sum() + seen.deltas.sum())
            return seen.places, {"proposal": nothing, "proposal_box": nothing}
        regression = self.box_coder.encode(boxes, seen.anchors)
        terms = self.compute_loss(seen.objectness, seen.deltas, labels, list(regression))
        return seen.places, {"proposal": terms[0], "proposal_box": terms[1]}

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[dict[str, Tensor]]
    ) -> tuple[list[Tensor], list[Tensor]]:
        labels, boxes = super().assign_targets_to_anchors(anchors, targets)
        for label, anchor, target in zip(labels, anchors, targets, strict=True):
            # An object that fills all that is left out in the anchor would be no background.
            label[(label == 0) & (share(target["left_out"], anchor) >= _ANCHOR_IS_NOT)] = -1
        return labels, boxes

    def _look(self, features: dict[str, Tensor], shape: tuple[int, int]) -> _Seen:
        levels = [level.float() for level in features.values()]
        objectness, deltas = self.head(list(features.values()))
        count = len(levels[0])
        images = ImageList(levels[0].new_empty(count, 0, *shape), [shape] * count)
        anchors = self.anchor_generator(images, levels)
        sizes = [part[0].numel() for part in objectness]
        objectness, deltas = concat_box_prediction_layers(
            [part.float() for part in objectness], [part.float() for part in deltas]
        )
        boxes = self.box_coder.decode(deltas.detach(), anchors).view(count, -1, 4)
        places, _ = self.filter_proposals(boxes, objectness, images.image_sizes, sizes)
        return _Seen(objectness, deltas, anchors, places)


class _Regions(RoIHeads):
    """Torchvision's second stage, with one class an object and a mask that does not depend on the class."""

    def __init__(self, width: int, classes: int, levels: list[str], masks: bool, overlap: float) -> None:
        hidden = 4 * width
        super().__init__(  # type: ignore[no-untyped-call]
            MultiScaleRoIAlign(levels, _BOX_CELLS, 2),
            TwoMLPHead(width * _BOX_CELLS**2, hidden),  # type: ignore[no-untyped-call]
            FastRCNNPredictor(hidden, 1 + classes),  # type: ignore[no-untyped-call]
            _PROPOSAL_IS,
            _PROPOSAL_IS_NOT,
            _PROPOSALS,
            0.25,
            None,
            _LEAST_SURE,
            overlap,
            _MOST,
        )
        self._several = classes > 1
        nn.init.constant_(self.box_predictor.cls_score.bias[:1], -_AT_FIRST)
        if masks:
            self.mask_roi_pool = MultiScaleRoIAlign(levels, _MASK_CELLS, 2)
            self.mask_head = MaskRCNNHeads(width, (width,) * 4, 1)
            self.mask_predictor = MaskRCNNPredictor(width, width, 1)  # type: ignore[no-untyped-call]

    def learn(
        self,
        features: dict[str, Tensor],
        shape: tuple[int, int],
        places: list[Tensor],
        targets: list[dict[str, Tensor]],
        truths: Sequence[Truth],
    ) -> dict[str, Tensor]:
        places, matched, labels, boxes, weights = self._chosen(places, targets)
        regression = list(self.box_coder.encode(boxes, places))
        logits, deltas = self._classified(features, shape, places)
        if logits.numel():
            _, box = fastrcnn_loss(logits, deltas, labels, regression)
            wrong = functional.cross_entropy(logits, torch.cat(labels), reduction="none")
            terms = {"class": (wrong * torch.cat(weights)).mean(), "box": box}
        else:
            terms = {"class": logits.sum(), "box": deltas.sum()}
        if self.mask_head is not None:
            positive = [torch.nonzero(label > 0).flatten() for label in labels]
            places = [place[chosen] for place, chosen in zip(places, positive, strict=True)]
            matched = [match[chosen] for match, chosen in zip(matched, positive, strict=True)]
            terms["mask"] = self._mask_loss(self._masks(features, shape, places), places, matched, truths)
        return terms

    def find(self, features: dict[str, Tensor], shape: tuple[int, int], places: list[Tensor]) -> list[Found]:
        counts = [len(place) for place in places]
        logits, deltas = self._classified(features, shape, places)
        # Without any place torchvision leaves the last axis unfolded.
        boxes = self.box_coder.decode(deltas, places).reshape(*logits.shape, 4)
        found = [
            self._best(*image, shape)
            for image in zip(torch.split(logits.softmax(1), counts), torch.split(boxes, counts), strict=True)
        ]
        if self.mask_head is None:
            return found
        counts = [len(image.boxes) for image in found]
        masks = torch.split(self._masks(features, shape, [image.boxes for image in found]).sigmoid(), counts)
        return [Found(image.boxes, image.scores, image.classes, mask) for image, mask in zip(found, masks, strict=True)]

    def _chosen(self, places: list[Tensor], targets: list[dict[str, Tensor]]) -> tuple[list[Tensor], ...]:
        """Return the places that are learned from, each with its object, its label, the object's box and weight."""
        chosen = []
        for place, target in zip(places, targets, strict=True):
            every = torch.cat([place, target["boxes"]])
            (matched,), (labels,) = self.assign_targets_to_proposals([every], [target["boxes"]], [target["labels"]])
            labels[(labels == 0) & (share(target["left_out"], every) >= _ANCHOR_IS_NOT)] = -1
            (taken,) = self.subsample([labels])
            of_object = torch.cat([target["boxes"], every.new_zeros(1, 4)])[matched[taken]]
            weight = torch.cat([target["weights"], every.new_ones(1)])[matched[taken]]
            weight[labels[taken] <= 0] = 1
            chosen.append((every[taken], matched[taken], labels[taken], of_object, weight))
        places, matched, labels, boxes, weights = (list(part) for part in zip(*chosen, strict=True))
        return places, matched, labels, boxes, weights

    def _classified(
        self, features: dict[str, Tensor], shape: tuple[int, int], places: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        seen = self.box_head(self.box_roi_pool(features, places, [shape] * len(places)))
        logits, deltas = self.box_predictor(seen)
        return logits.float(), deltas.float()

    def _masks(self, features: dict[str, Tensor], shape: tuple[int, int], places: list[Tensor]) -> Tensor:
        seen = self.mask_roi_pool(features, places, [shape] * len(places))
        logits: Tensor = self.mask_predictor(self.mask_head(seen))
        return logits[:, 0].float()

    def _mask_loss(
        self, logits: Tensor, places: list[Tensor], matched: list[Tensor], truths: Sequence[Truth]
    ) -> Tensor:
        """Return the cross entropy of masks over the pixels of their boxes that are known."""
        inside, known = [], []
        for place, match, truth in zip(places, matched, truths, strict=True):
            values = sample(truth.instances, place, logits.shape[-1])
            inside.append(values == truth.ids[match][:, None, None])
            known.append(~sample(truth.unknown, place, logits.shape[-1]))
        wrong = functional.binary_cross_entropy_with_logits(logits, torch.cat(inside).float(), reduction="none")
        return masked_mean(wrong[:, None], torch.cat(known).float()[:, None])

    def _best(self, probabilities: Tensor, boxes: Tensor, shape: tuple[int, int]) -> Found:
        """Return the boxes that are left when each place has its likeliest class and is told once."""
        sure = 1 - probabilities[:, 0]
        classes = probabilities[:, 1:]
        boxes = boxes[torch.arange(len(boxes), device=boxes.device), 1 + classes.argmax(1)]
        kept = sure > self.score_thresh
        boxes, sure, classes = clip_boxes_to_image(boxes[kept], shape), sure[kept], classes[kept]
        kept = nms(boxes, sure, self.nms_thresh)[: self.detections_per_img]
        share_of = classes[kept] / sure[kept, None] if self._several else classes[kept, :0]
        return Found(boxes[kept], sure[kept], share_of)
