"""The loss of one map that says whether a pixel belongs to something."""

from torch import Tensor

from segstudio.engine.losses.cross_entropy import binary_cross_entropy
from segstudio.engine.losses.dice import soft_dice


def mask_loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return binary cross entropy plus soft Dice: sure of each pixel, and not indifferent to what is rare.

    Parameters
    ----------
    logits, target
        ``(N, C, H, W)``; the target is 0 or 1.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known.
    """
    return binary_cross_entropy(logits, target, valid) + soft_dice(logits.sigmoid(), target, valid)
