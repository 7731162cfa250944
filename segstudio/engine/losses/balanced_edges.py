"""The loss of edges between pixels, of which far more join than split."""

import torch
from torch import Tensor
from torch.nn import functional

#: Neither kind of edge counts less or more than this.
_LEAST, _MOST = 0.2, 5.0


def edge_loss(logits: Tensor, signs: Tensor) -> Tensor:
    """Return balanced binary cross entropy plus soft Dice of the edges that split.

    Parameters
    ----------
    logits
        ``(N, E, H, W)`` of the probability that an edge joins.
    signs
        ``(N, E, H, W)``: 1 joins, -1 splits, 0 carries no loss. Without any edge the loss is 0.

    Notes
    -----
    In each channel joining and splitting edges weigh the same over the batch, within limits. The Dice of splitting
    edges is that of Wolny et al. (2020): an outline is thin, and one gap in it merges two objects.
    """
    axes = (0, 2, 3)
    joins, splits = (signs > 0).to(logits.dtype), (signs < 0).to(logits.dtype)
    number = torch.stack([joins.sum(axes), splits.sum(axes)])
    balance = (number.sum(0) / (2 * number.clamp_min(1))).clamp(_LEAST, _MOST)[:, None, :, None, None]
    weight = joins * balance[0] + splits * balance[1]
    each = functional.binary_cross_entropy_with_logits(logits, joins, reduction="none")
    entropy = (each * weight).sum() / weight.sum().clamp_min(1e-6)
    apart = (1 - logits.sigmoid()) * (joins + splits)
    dice = 1 - (2 * (apart * splits).sum(axes) + 1) / ((apart + splits).sum(axes) + 1)
    return entropy + dice.mean()
