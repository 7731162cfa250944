"""What a detector learns from one patch: boxes, classes, pixels, and what is not known."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


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
    instances
        ``(H, W)``: which object a pixel belongs to, 0 for none.
    unknown
        ``(H, W)`` bool: nothing is known there.
    """

    boxes: Tensor
    classes: Tensor
    ids: Tensor
    instances: Tensor
    unknown: Tensor

    @property
    def as_target(self) -> dict[str, Tensor]:
        """Return boxes and the sums of unknown pixels as torchvision's losses and our additions to them take it."""
        return {"boxes": self.boxes, "labels": self.classes, "unknown": sums(self.unknown)}


def truths(targets: Mapping[str, Tensor]) -> list[Truth]:
    """Return what each image of a batch holds; `targets` are ``instances``, ``valid`` and perhaps ``class``."""
    return [
        _truth(instances[0], valid[0] <= 0, targets["class"][number, 0] if "class" in targets else None)
        for number, (instances, valid) in enumerate(zip(targets["instances"], targets["valid"], strict=True))
    ]


def _truth(instances: Tensor, unknown: Tensor, classes: Tensor | None) -> Truth:
    rows, columns = torch.nonzero((instances > 0) & ~unknown, as_tuple=True)
    ids, place = torch.unique(instances[rows, columns], return_inverse=True)

    def least(values: Tensor) -> Tensor:
        return values.new_zeros(len(ids)).scatter_reduce(0, place, values, "amin", include_self=False)

    low, high = [least(columns), least(rows)], [-least(-columns), -least(-rows)]
    boxes = torch.stack([*low, *(value + 1 for value in high)], dim=1).float()
    numbers = torch.zeros_like(ids, dtype=torch.long)
    if classes is not None:
        numbers = (-least(-classes[rows, columns])).long().sub(1).clamp_min(0)
    return Truth(boxes, numbers, ids, instances, unknown)


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
