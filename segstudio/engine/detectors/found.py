"""What a detector found in one image, and how it is painted as maps that no tile can tell apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

#: Maps of every detector: the vector to the centre of the object's box (dy, dx), the box's height and width, and how
#: sure it is. All but the last are multiplied by the last, so that means of several looks are weighted by certainty.
BOX_MAPS = 5
SURE = 4
#: Pixels of boxes that are looked at together; bounds the memory.
_CHUNK = 4_000_000
_INSIDE = 0.5


@dataclass(frozen=True)
class Found:
    """The objects of one image.

    Attributes
    ----------
    boxes
        ``(n, 4)`` x0, y0, x1, y1 in pixel-corner coordinates.
    scores
        ``(n,)`` how sure, 0..1.
    classes
        ``(n, C)`` probabilities of the classes; ``(n, 0)`` when there is only one.
    masks
        ``(n, M, M)`` probability of belonging to the object, over the whole box; ``None`` fills the boxes.
    rectangles
        ``(n, 5)`` x and y of the centre, length, width, and the angle of the long side in radians, clockwise on the
        screen: what is filled instead of the boxes, also where it reaches over them.
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor
    masks: Tensor | None = None
    rectangles: Tensor | None = None


def paint(found: Found, shape: tuple[int, int]) -> Tensor:
    """Return the maps ``(BOX_MAPS + C, H, W)`` of `found`: where objects overlap the surer one lies on top."""
    order = torch.argsort(found.scores, stable=True)
    owner = torch.zeros(shape[0] * shape[1], dtype=torch.long, device=found.boxes.device)
    boxes = found.boxes[order].float()
    masks = None if found.masks is None else found.masks[order].float()
    rectangles = None if found.rectangles is None else found.rectangles[order].float()
    for rank, y, x in _pixels(boxes if rectangles is None else bounds(rectangles), shape):
        inside: Tensor | slice = slice(None)
        if masks is not None:
            inside = _look_up(masks, boxes, rank, y, x) > _INSIDE
        elif rectangles is not None:
            inside = _in_rectangle(rectangles, rank, y, x)
        pixel, number = (y * shape[1] + x)[inside], rank[inside] + 1
        owner.scatter_reduce_(0, pixel, number, "amax")
    x0, y0, x1, y1 = boxes.unbind(1)
    score = found.scores[order].float()
    columns = [(y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0, torch.ones_like(score)]
    table = torch.cat([torch.stack(columns), found.classes[order].float().T]) * score
    table = functional.pad(table, (1, 0))  # what no object owns is 0
    maps = table[:, owner].view(-1, *shape)
    rows = torch.arange(shape[0], device=maps.device) + 0.5
    across = torch.arange(shape[1], device=maps.device) + 0.5
    maps[0] -= rows[:, None] * maps[SURE]
    maps[1] -= across * maps[SURE]
    return maps


def _pixels(boxes: Tensor, shape: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the pixels whose centres lie in boxes, many boxes at a time: number of the box, row, column."""
    size = boxes.new_tensor([shape[1], shape[0], shape[1], shape[0]])
    # A box narrower than a pixel still has the pixel that it lies on.
    edges = torch.minimum((boxes - 0.5).ceil(), size).clamp_min(0).long()
    low, high = edges[:, :2], torch.maximum(edges[:, 2:], edges[:, :2] + 1)
    low = torch.minimum(low, size[:2].long() - 1)
    high = torch.minimum(high, size[:2].long())
    sides = (high - low).clamp_min(1)
    areas = sides.prod(1)
    group = torch.div(areas.cumsum(0) - 1, _CHUNK, rounding_mode="floor")
    for number in torch.unique(group).tolist():
        chosen = torch.nonzero(group == number).flatten()
        rank = torch.repeat_interleave(chosen, areas[chosen])
        starts = areas[chosen].cumsum(0) - areas[chosen]
        place = torch.arange(len(rank), device=boxes.device) - torch.repeat_interleave(starts, areas[chosen])
        yield (
            rank,
            low[rank, 1] + torch.div(place, sides[rank, 0], rounding_mode="floor"),
            low[rank, 0] + place % sides[rank, 0],
        )


def bounds(rectangles: Tensor) -> Tensor:
    """Return the upright boxes ``(n, 4)`` x0, y0, x1, y1 around rectangles."""
    x, y, length, width, angle = rectangles.unbind(1)
    cos, sin = angle.cos().abs(), angle.sin().abs()
    across, down = (cos * length + sin * width) / 2, (sin * length + cos * width) / 2
    return torch.stack([x - across, y - down, x + across, y + down], dim=1)


def _in_rectangle(rectangles: Tensor, rank: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return whether pixels lie whole in their rectangles, as those of an object do in the one around it.

    One that is too thin for that still has a line of pixels.
    """
    centre_x, centre_y, length, width, angle = rectangles.unbind(1)
    cos, sin = angle.cos()[rank], angle.sin()[rank]
    dx, dy = x + 0.5 - centre_x[rank], y + 0.5 - centre_y[rank]
    along, across = (dx * cos + dy * sin).abs(), (dy * cos - dx * sin).abs()
    corner, line = (cos.abs() + sin.abs()) / 2, torch.maximum(cos.abs(), sin.abs()) / 2
    half = torch.stack([length[rank], width[rank]]) / 2 - corner
    return (along <= torch.maximum(half[0], line)) & (across <= torch.maximum(half[1], line))


def _look_up(masks: Tensor, boxes: Tensor, rank: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return the masks' values at pixels, interpolated linearly between the middles of their cells."""
    side = masks.shape[-1]
    corner, far = boxes[:, :2], boxes[:, 2:]
    scale = side / (far - corner).clamp_min(1e-3)
    at = (torch.stack([x, y], 1) + 0.5 - corner[rank]) * scale[rank] - 0.5
    at = at.clamp(0, side - 1)
    low = at.floor().clamp_max(side - 2).long()
    part = at - low
    (column, row), (across, down) = low.unbind(1), part.unbind(1)
    upper = torch.lerp(masks[rank, row, column], masks[rank, row, column + 1], across)
    lower = torch.lerp(masks[rank, row + 1, column], masks[rank, row + 1, column + 1], across)
    return torch.lerp(upper, lower, down)
