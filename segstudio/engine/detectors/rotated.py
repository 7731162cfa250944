"""The rectangle at any angle in each box that a detector found: a small second look at the features in the box.

A rectangle is told by numbers that change little when it does: where its centre lies in the box, and the logarithm of
the symmetric matrix of its sides, ``R diag(log length, log width) R^T`` (the log-Euclidean metric of Arsigny et al.
2006). There is no jump at any angle, a square has no angle at all, and errors are shares of the sides, so that the
width of a thin rod counts as much as its length; Gaussian boxes (Yang et al. 2021) have no jump either, but errors in
pixels, of which the length takes most. Half the trace and the two other parts of the matrix are the mean of both
logarithms, and half their difference times the cosine and the sine of twice the angle.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import MultiScaleRoIAlign

from segstudio.engine.detectors.found import Found
from segstudio.engine.detectors.truth import Truth
from segstudio.labels.boxes import box_columns
from segstudio.labels.contours import trace

_CELLS = 7
#: How often each known box is learned from, and from how many in all of a patch.
_TIMES, _MOST = 3, 256
#: How wrong boxes are that are learned from: where their middle lies and how long their sides are, as shares.
_SHIFT, _STRETCH = 0.1, 0.2
#: From which error on the loss no longer grows by the square.
_BETA = 0.1
_NUMBERS = 5
#: From which likeness on two rectangles are of one object; 0.45 of their area shared is as much.
_SAME = 0.5
#: How many rectangles are compared with all others at once; bounds the memory.
_CHUNK = 256


class RectangleHead(nn.Module):
    """Tells the rectangle of least area around the object in each box.

    It looks at a feature pyramid with `levels` of `width` channels.
    """

    def __init__(self, width: int, levels: Sequence[str]) -> None:
        super().__init__()
        self.pool = MultiScaleRoIAlign(list(levels), _CELLS, 2)
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(width * _CELLS**2, 2 * width),
            nn.ReLU(inplace=True),
            nn.Linear(2 * width, _NUMBERS),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        # At first every rectangle is the box.
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def look(self, features: dict[str, Tensor], shape: tuple[int, int], found: Sequence[Found]) -> list[Found]:
        """Return `found` in each image of a batch with the rectangles in the boxes, each object told once."""
        boxes = [image.boxes.float() for image in found]
        told = torch.split(self._told(features, shape, boxes), [len(part) for part in boxes])
        seen = []
        for image, part, numbers in zip(found, boxes, told, strict=True):
            rectangles = rectangles_of(numbers, part)
            kept = told_once(rectangles, image.scores)
            seen.append(Found(image.boxes[kept], image.scores[kept], image.classes[kept], rectangles=rectangles[kept]))
        return seen

    def loss(self, features: dict[str, Tensor], shape: tuple[int, int], truths: Sequence[Truth]) -> Tensor:
        """Return how wrong the rectangles of known objects are, from boxes that are as wrong as found ones.

        As its box, the rectangle of an object that the patch cuts is that of what the patch shows; an object that is
        left out teaches none.
        """
        boxes, wanted = [], []
        for truth in truths:
            number = _drawn(len(truth.boxes), truth.boxes.device)
            boxes.append(_moved(truth.boxes[number]))
            wanted.append(numbers_of(known_rectangles(truth)[number], boxes[-1]))
        told, numbers = self._told(features, shape, boxes), torch.cat(wanted)
        if not len(numbers):
            return told.sum()
        return functional.smooth_l1_loss(told, numbers, beta=_BETA, reduction="sum") / len(numbers)

    def _told(self, features: dict[str, Tensor], shape: tuple[int, int], boxes: list[Tensor]) -> Tensor:
        told: Tensor = self.layers(self.pool(features, boxes, [shape] * len(boxes)))
        return told.float()


def numbers_of(rectangles: Tensor, boxes: Tensor) -> Tensor:
    """Return the numbers ``(n, 5)`` by which `rectangles`, as in `Found`, are told in `boxes`; see `rectangles_of`."""
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp_min(1)
    x, y, length, width, angle = rectangles.unbind(1)
    size, longer = (length * width).log() / 2, (length / width).log() / 2
    shape = torch.stack([size, longer * (2 * angle).cos(), longer * (2 * angle).sin()], dim=1)
    return torch.cat([(torch.stack([x, y], dim=1) - middle) / sides, shape - _upright(sides)], dim=1)


def rectangles_of(numbers: Tensor, boxes: Tensor) -> Tensor:
    """Return the rectangles, as in `Found`, that `numbers` ``(n, 5)`` tell in `boxes`.

    The centre lies in the box, and no side is longer than its diagonal, as with any object in that box.
    """
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp_min(1)
    centre = middle + numbers[:, :2].clamp(-0.5, 0.5) * sides
    size, along, across = (numbers[:, 2:] + _upright(sides)).unbind(1)
    longer = torch.hypot(along, across)
    diagonal = sides.norm(dim=1).log()
    # No object has a side of less than a pixel.
    length, width = (torch.minimum(size + part, diagonal).clamp_min(0).exp() for part in (longer, -longer))
    return torch.cat([centre, torch.stack([length, width, torch.atan2(across, along) / 2], dim=1)], dim=1)


def told_once(rectangles: Tensor, scores: Tensor) -> Tensor:
    """Return the numbers of the rectangles, the surest first, that are not all but the same as a surer one.

    How alike two are tells the distance of Hellinger between Gaussians with their second moments (Llerena et al.
    2021): it needs no polygons, and the turn of a square does not matter.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    centre, moments = rectangles[order, :2], _moments(rectangles[order])
    pairs: list[list[int]] = []
    for start in range(0, len(order), _CHUNK):
        part = slice(start, start + _CHUNK)
        alike = _likeness((centre[part, None], moments[part, None]), (centre[None], moments[None])) > _SAME
        pairs += (torch.nonzero(alike.triu(start + 1)) + alike.new_tensor([start, 0], dtype=torch.long)).tolist()
    kept = [True] * len(order)
    for surer, other in pairs:
        kept[other] = kept[other] and not kept[surer]
    return order[torch.tensor(kept, dtype=torch.bool, device=order.device)]


def _moments(rectangles: Tensor) -> Tensor:
    """Return the second moments ``(n, 3)`` of rectangles: of x, of y, and of both."""
    _, _, length, width, angle = rectangles.unbind(1)
    cos, sin = angle.cos(), angle.sin()
    long, short = length**2 / 12, width**2 / 12
    return torch.stack([cos**2 * long + sin**2 * short, sin**2 * long + cos**2 * short, cos * sin * (long - short)], 1)


def _likeness(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """Return from 0 to 1 how alike Gaussians are that have these centres and second moments."""
    (centre, moments), (others_centre, others_moments) = one, other
    dx, dy = (centre - others_centre).unbind(-1)
    x, y, both = ((moments + others_moments) / 2).unbind(-1)
    det = (x * y - both**2).clamp_min(1e-6)
    apart = (y * dx**2 + x * dy**2 - 2 * both * dx * dy) / (8 * det)
    spread = (det.log() - (_area(moments).log() + _area(others_moments).log()) / 2) / 2
    return 1 - (1 - torch.exp(-apart - spread.clamp_min(0))).clamp_min(0).sqrt()


def _area(moments: Tensor) -> Tensor:
    x, y, both = moments.unbind(-1)
    return (x * y - both**2).clamp_min(1e-6)


def _upright(sides: Tensor) -> Tensor:
    """Return ``(n, 3)`` what the matrices of upright boxes with `sides` are made of."""
    x, y = sides.log().unbind(1)
    return torch.stack([(x + y) / 2, (x - y) / 2, torch.zeros_like(x)], dim=1)


def known_rectangles(truth: Truth) -> Tensor:
    """Return the rectangles ``(n, 5)`` of least area around the objects of `truth`, of their pixels in the patch."""
    shown = torch.where(truth.unknown, 0, truth.instances).cpu().numpy().astype(np.int32)
    found = box_columns(trace(shown))
    rows = np.column_stack([found.centre, found.length, found.width, np.deg2rad(found.angle)])
    place = np.searchsorted(found.ids, truth.ids.cpu().numpy())
    return torch.from_numpy(rows.astype(np.float32)[place]).to(truth.boxes.device)


def _drawn(count: int, device: torch.device) -> Tensor:
    """Return the numbers of the objects to learn from: each several times, or as many of them as are enough."""
    return torch.randperm(count * _TIMES, device=device)[:_MOST] % max(count, 1)


def _moved(boxes: Tensor) -> Tensor:
    """Return `boxes` with errors as a detector makes them."""
    sides = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + sides * _SHIFT * (2 * torch.rand_like(sides) - 1)
    half = sides * torch.exp(_STRETCH * (2 * torch.rand_like(sides) - 1)) / 2
    return torch.cat([middle - half, middle + half], dim=1)
