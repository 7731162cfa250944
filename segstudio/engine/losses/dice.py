"""Soft Dice: overlap of probabilities and truth, indifferent to how rare objects are."""

import torch
from torch import Tensor


def soft_dice(probability: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return ``1 - Dice``, averaged over channels (Milletari et al., 2016).

    Parameters
    ----------
    probability, target
        ``(N, C, H, W)`` in 0..1.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known. Sums run over the whole batch; if nothing is valid the loss is 0.
    """
    axes = (0, 2, 3)
    overlap = 2 * (probability * target * valid).sum(axes) + 1
    size = ((probability + target) * valid).sum(axes) + 1
    return torch.mean(1 - overlap / size)
