"""What a detector learns from one patch: boxes, classes, pixels, and what is left out.

An object whose shape is not known whole, because it goes on under pixels that nobody labelled, has no box to learn; one
of which the patch, or a hidden rectangle, leaves little has none worth learning. Such an object is neither looked for
nor background: candidates that lie mostly on it, or on unknown pixels, teach nothing. This has a limit: torchvision
judges candidates as boxes, so that one over a thin or branching object that fills little of its box still counts as
background.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: Objects of which a patch shows less than this share are left out.
_LEAST_SHOWN = 0.25


@dataclass(frozen=True)
class Truth:
    """The objects of one patch.

    Attributes
    ----------
    boxes
        ``(n, 4)`` x0, y0, x1, y1 in pixel-corner coordinates: whole pixels, at least one wide and high.
    classes
        ``(n,)`` int64, 0 for the first class.
    ids
        ``(n,)`` the objects' values in `instances`.
    weights
        ``(n,)`` how much it counts to know that an object is there and of its class.
    instances
        ``(H, W)``: which object a pixel belongs to, 0 for none; those that are left out too.
    unknown
        ``(H, W)`` bool: nothing is known there.
    left_out
        ``(H, W)`` bool: unknown, or of an object from which nothing is learned.
    """

    boxes: Tensor
    classes: Tensor
    ids: Tensor
    weights: Tensor
    instances: Tensor
    unknown: Tensor
    left_out: Tensor

    @property
    def as_target(self) -> dict[str, Tensor]:
        """Return what torchvision's losses and our additions to them take: of pixels left out the sums."""
        left_out = sums(self.left_out)
        return {"boxes": self.boxes, "labels": self.classes, "weights": self.weights, "left_out": left_out}


def truths(targets: Mapping[str, Tensor], class_weights: Sequence[float] | None = None) -> list[Truth]:
    """Return what each image of a batch holds.

    `targets` are ``instances``, ``valid``, ``whole`` (1 in objects that are known whole), ``side`` (the root of the
    number of pixels of the whole object) and perhaps ``class``, each ``(N, 1, H, W)``. Objects count the same where
    there are no `class_weights`.
    """
    return [
        _truth({name: planes[number, 0] for name, planes in targets.items()}, class_weights)
        for number in range(len(targets["instances"]))
    ]


def _truth(planes: Mapping[str, Tensor], class_weights: Sequence[float] | None) -> Truth:
    instances, unknown = planes["instances"], planes["valid"] <= 0
    rows, columns = torch.nonzero((instances > 0) & ~unknown, as_tuple=True)
    ids, place, shown = torch.unique(instances[rows, columns], return_inverse=True, return_counts=True)

    def least(values: Tensor) -> Tensor:
        return values.new_zeros(len(ids)).scatter_reduce(0, place, values, "amin", include_self=False)

    low, high = [least(columns), least(rows)], [-least(-columns), -least(-rows)]
    boxes = torch.stack([*low, *(value + 1 for value in high)], dim=1).float()
    numbers = torch.zeros_like(ids, dtype=torch.long)
    if "class" in planes:
        numbers = (-least(-planes["class"][rows, columns])).long().sub(1).clamp_min(0)
    whole, side = (least(planes[name][rows, columns]).float() for name in ("whole", "side"))
    learned = (whole > 0) & (shown >= _LEAST_SHOWN * side**2)
    left_out = unknown.clone()
    left_out[rows, columns] = ~learned[place]
    weights = boxes.new_ones(len(ids)) if class_weights is None else boxes.new_tensor(class_weights)[numbers]
    return Truth(boxes[learned], numbers[learned], ids[learned], weights[learned], instances, unknown, left_out)


def sums(mask: Tensor) -> Tensor:
    """Return ``(H + 1, W + 1)``: how many pixels of `mask` lie above and left of each pixel corner."""
    # Whole numbers: exact on every device, and CUDA adds floats in any order.
    return torch.nn.functional.pad(mask.long(), (1, 0, 1, 0)).cumsum(0).cumsum(1)


def share(corner_sums: Tensor, boxes: Tensor) -> Tensor:
    """Return which share ``(n,)`` of the part of each box that lies in the image `sums` counted; 0 outside."""
    height, width = (side - 1 for side in corner_sums.shape)
    x = boxes[:, 0::2].round().long().clamp(0, width)
    y = boxes[:, 1::2].round().long().clamp(0, height)
    counted = (
        corner_sums[y[:, 1], x[:, 1]]
        - corner_sums[y[:, 0], x[:, 1]]
        - corner_sums[y[:, 1], x[:, 0]]
        + corner_sums[y[:, 0], x[:, 0]]
    )
    area = (x[:, 1] - x[:, 0]) * (y[:, 1] - y[:, 0])
    return (counted / area.clamp_min(1)).to(boxes.dtype)


def sample(plane: Tensor, boxes: Tensor, side: int) -> Tensor:
    """Return the values ``(n, side, side)`` of `plane` ``(H, W)`` at a grid of points in each box."""
    steps = (torch.arange(side, device=boxes.device) + 0.5) / side
    x, y = (
        (boxes[:, axis, None] + (boxes[:, axis + 2] - boxes[:, axis])[:, None] * steps)
        .floor()
        .long()
        .clamp(0, plane.shape[1 - axis] - 1)
        for axis in (0, 1)
    )
    return plane[y[:, :, None], x[:, None, :]]
