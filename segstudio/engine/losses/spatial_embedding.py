"""Losses that gather the pixels of an object around one point, each object around its own.

Neven et al., CVPR 2019 (with the seeds of EmbedSeg, Lalit et al. 2021), and De Brabandere et al. 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from segstudio.engine.losses.lovasz import iou_steps

#: Numbers that are sorted together; bounds the time of a step.
_MOST = 4_000_000
_LEAST_SIDE = 16
_IDS = 2**24


@dataclass(frozen=True)
class Members:
    """Which pixels of a batch belong to which of its K objects.

    Attributes
    ----------
    pixel, owner
        ``(P,)``: flat index into ``(N, H, W)``, and the number of the object, 0..K-1.
    image
        ``(K,)`` number of the object's image.
    top, left, side
        ``(K,)``, ``(K,)`` and one number: a square twice as wide as the largest object, around each object.
    """

    pixel: Tensor
    owner: Tensor
    image: Tensor
    top: Tensor
    left: Tensor
    side: int

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(self.image)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean ``(K, C)`` of values ``(P, C)`` over each object."""
        total = values.new_zeros(self.count, values.shape[1]).index_add(0, self.owner, values)
        return total / self.owner.bincount(minlength=self.count)[:, None].clamp_min(1)


def members(instances: Tensor, valid: Tensor) -> Members:
    """Return the objects of `instances` ``(N, 1, H, W)`` where they are `valid`."""
    ids = torch.where(valid > 0, instances, 0)[:, 0].long()
    image, rows, columns = torch.nonzero(ids, as_tuple=True)
    keys, owner = torch.unique(image * _IDS + ids[image, rows, columns], return_inverse=True)

    def least(values: Tensor) -> Tensor:
        return values.new_zeros(len(keys)).scatter_reduce(0, owner, values, "amin", include_self=False)

    top, left, bottom, right = least(rows), least(columns), -least(-rows), -least(-columns)
    extent = max(int((bottom - top).max()), int((right - left).max())) + 1 if len(keys) else 1
    side = max(_LEAST_SIDE, 2 * extent)
    height, width = ids.shape[1:]
    return Members(
        (image * height + rows) * width + columns,
        owner,
        torch.div(keys, _IDS, rounding_mode="floor"),
        torch.div(top + bottom - side, 2, rounding_mode="floor"),
        torch.div(left + right - side, 2, rounding_mode="floor"),
        side,
    )


def likeness(embedding: Tensor, centre: Tensor, width: Tensor) -> Tensor:
    """Return ``exp(-d² / 2 width²)`` of the distance ``d`` between `embedding` and `centre`, ``(..., 2)`` each."""
    return torch.exp(-((embedding - centre) ** 2).sum(-1) / (2 * width**2))


def overlap_loss(embedding: Tensor, centre: Tensor, width: Tensor, found: Members, valid: Tensor) -> Tensor:
    """Return the Lovász hinge of each object's likeness to itself and unlikeness to all around it, averaged.

    Parameters
    ----------
    embedding
        ``(N, 2, H, W)``: the place to which each pixel points, pixels.
    centre, width
        ``(K, 2)`` and ``(K,)``: the objects' own places, and how far around them their pixels may point.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known.
    """
    if not found.count:
        return embedding.sum() * 0
    height, columns = embedding.shape[2:]
    chosen = torch.arange(0, found.count, max(1, -(-found.count * found.side**2 // _MOST)), device=centre.device)
    steps = torch.arange(found.side, device=centre.device)
    y = (found.top[chosen, None] + steps)[:, :, None].expand(-1, -1, found.side).flatten(1)
    x = (found.left[chosen, None] + steps)[:, None, :].expand(-1, found.side, -1).flatten(1)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < columns)
    flat = (found.image[chosen, None] * height + y.clamp(0, height - 1)) * columns + x.clamp(0, columns - 1)
    known = inside & (valid[:, 0].flatten()[flat] > 0)
    owner = torch.full((valid.numel(),), -1, device=centre.device).index_put((found.pixel,), found.owner)
    truth = ((owner[flat] == chosen[:, None]) & known).float()
    points = embedding.permute(0, 2, 3, 1).reshape(-1, 2)[flat]
    alike = likeness(points, centre[chosen, None], width[chosen, None])
    errors = functional.relu(1 - (2 * alike - 1) * (2 * truth - 1)) * known
    ordered, order = torch.sort(errors, dim=1, descending=True)
    return (ordered * iou_steps(truth.gather(1, order)).to(ordered.dtype)).sum(1).mean()


def pull_push_loss(embedding: Tensor, found: Members, near: float, apart: float) -> Tensor:
    """Return the discriminative loss: pixels within `near` of their object's mean, means `apart` from each other.

    `embedding` is ``(N, 2, H, W)``; distances are in its unit.
    """
    if not found.count:
        return embedding.sum() * 0
    own = embedding.permute(0, 2, 3, 1).reshape(-1, 2)[found.pixel]
    centre = found.mean(own)
    pull = functional.relu(_length(own - centre[found.owner]) - near) ** 2
    distance = _length(centre[:, None] - centre)
    others = (found.image[:, None] == found.image) & ~torch.eye(found.count, dtype=torch.bool, device=centre.device)
    push = functional.relu(apart - distance) ** 2 * others
    return found.mean(pull[:, None]).mean() + push.sum() / found.count


def _length(vectors: Tensor) -> Tensor:
    # The root has no gradient at 0.
    return ((vectors**2).sum(-1) + 1e-8).sqrt()
