"""Soft Tversky index: an overlap in which missed pixels may count more than false ones."""

import torch
from torch import Tensor


def soft_tversky(probability: Tensor, target: Tensor, valid: Tensor, missed: float = 0.7) -> Tensor:
    """Return ``1 - Tversky index``, averaged over channels (Salehi et al., 2017).

    Parameters
    ----------
    probability, target
        ``(N, C, H, W)`` in 0..1.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known. Sums run over the whole batch; if nothing is valid the loss is 0.
    missed
        How much a missed pixel counts, 0..1; a false one counts the rest. 0.5 is the Dice loss.
    """
    axes = (0, 2, 3)
    hit = (probability * target * valid).sum(axes)
    false = (probability * (1 - target) * valid).sum(axes)
    lost = ((1 - probability) * target * valid).sum(axes)
    # Half of Dice's constant: at 0.5 both are the same to the last digit.
    return torch.mean(1 - (hit + 0.5) / (hit + (1 - missed) * false + missed * lost + 0.5))
