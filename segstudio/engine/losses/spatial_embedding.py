"""Losses that gather the pixels of an object around one point, each object around its own.

Neven et al., CVPR 2019 (with the seeds of EmbedSeg, Lalit et al. 2021), and De Brabandere et al. 2017.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from segstudio.engine.losses.lovasz import iou_steps

#: Pixels of all windows around objects; bounds the time of a step. Each object has its even share, at least some.
_MOST, _LEAST = 4_000_000, 32**2
_LEAST_SIDE = 16
#: Windows are widened to the next of sides that grow by this factor, so that those of like size make one batch.
_GROWTH = math.sqrt(2)
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
        ``(K,)`` each: a square twice as wide as the object, around the object.
    """

    pixel: Tensor
    owner: Tensor
    image: Tensor
    top: Tensor
    left: Tensor
    side: Tensor

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
    side = (2 * (torch.maximum(bottom - top, right - left) + 1)).clamp_min(_LEAST_SIDE)
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
    points = embedding.permute(0, 2, 3, 1).reshape(-1, 2)
    known = valid.flatten() > 0
    owner = torch.full(known.shape, -1, device=centre.device).index_put((found.pixel,), found.owner)
    terms = []
    for chosen, pixel, inside in _windows(found, embedding.shape[2:]):
        seen = inside & known[pixel]
        truth = ((owner[pixel] == chosen[:, None]) & seen).float()
        alike = likeness(points[pixel], centre[chosen, None], width[chosen, None])
        errors = functional.relu(1 - (2 * alike - 1) * (2 * truth - 1)) * seen
        ordered, order = torch.sort(errors, dim=1, descending=True)
        terms.append((ordered * iou_steps(truth.gather(1, order)).to(ordered.dtype)).sum())
    return torch.stack(terms).sum() / found.count


def _windows(found: Members, shape: Sequence[int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the windows around objects, all of like size together.

    Large windows, or all where there are many, are grids of every second, third, ... pixel: otherwise one huge object
    would take the time of all others.

    Yields
    ------
    tuple
        ``(k,)`` numbers of objects; ``(k, P)`` flat indices into ``(N, H, W)``; and which of them are in the window and
        in the image.
    """
    height, width = shape
    most = math.isqrt(max(_LEAST, _MOST // found.count))
    step = torch.div(found.side + most - 1, most, rounding_mode="floor")
    across = torch.div(found.side + step - 1, step, rounding_mode="floor")
    batch = (across.float().log() / math.log(_GROWTH)).ceil().long()
    for number in torch.unique(batch).tolist():
        chosen = torch.nonzero(batch == number).flatten()
        places = torch.arange(int(across[chosen].max()), device=chosen.device) * step[chosen, None]
        places += torch.div(step[chosen, None], 2, rounding_mode="floor")
        y, x = found.top[chosen, None] + places, found.left[chosen, None] + places
        near = places < found.side[chosen, None]
        down, right = (near & (at >= 0) & (at < side) for at, side in ((y, height), (x, width)))
        rows = found.image[chosen, None] * height + y.clamp(0, height - 1)
        pixel = rows[:, :, None] * width + x.clamp(0, width - 1)[:, None, :]
        yield chosen, pixel.flatten(1), (down[:, :, None] & right[:, None, :]).flatten(1)


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
