"""Several looks at one image, mirrored or not, made one: a mean of two boxes would point to neither."""

from collections.abc import Sequence

import torch
from torch import Tensor

from segstudio.engine.detectors.found import SURE

#: Boxes that overlap by this much (IoU) are of one object.
_SAME = 0.6


def agreed(looks: Sequence[Tensor]) -> Tensor:
    """Return the maps ``(N, C, H, W)`` on which `looks`, each of the form of `found.paint`, agree most.

    At each pixel the looks vote for the boxes they see there, as surely as they see them. Those that see the winner
    count, the others say nothing there: where two objects meet and looks disagree, neither is sure.
    """
    stacked = torch.stack(list(looks))
    sure = stacked[:, :, SURE]
    alike = _alike(stacked)
    winner = (alike * sure[None]).sum(1).argmax(0)
    heard = alike.gather(0, winner[None, None].expand(1, *sure.shape))[0]
    return (stacked * heard[:, :, None]).sum(0) / len(stacked)


def _alike(looks: Tensor) -> Tensor:
    """Return ``(K, K, N, H, W)``: 1 where two of the K looks see the same box, 0 elsewhere."""
    sure = looks[:, :, SURE : SURE + 1].clamp_min(1e-6)
    middle, sides = looks[:, :, :2] / sure, looks[:, :, 2:4] / sure
    low, high = middle - sides / 2, middle + sides / 2
    area = sides.prod(2)
    rows = []
    for one in range(len(looks)):
        shared = (torch.minimum(high, high[one]) - torch.maximum(low, low[one])).clamp_min(0).prod(2)
        rows.append(shared >= _SAME * (area + area[one] - shared).clamp_min(1e-6))
    return torch.stack(rows).to(looks.dtype)
