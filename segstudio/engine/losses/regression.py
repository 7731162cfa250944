"""Losses for maps that hold a quantity: distances, vectors, another image."""

from torch import Tensor
from torch.nn import functional

from segstudio.engine.losses.masked import masked_mean


def mean_squared(maps: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the mean squared difference over valid pixels; all ``(N, C, H, W)``, `valid` ``(N, 1, H, W)``."""
    return masked_mean((maps - target) ** 2, valid)


def mean_absolute(maps: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute difference (L1) over valid pixels; shapes as for `mean_squared`."""
    return masked_mean((maps - target).abs(), valid)


def smooth_l1(maps: Tensor, target: Tensor, valid: Tensor, beta: float = 0.1) -> Tensor:
    """Return the mean of the smooth L1 loss over valid pixels, quadratic below a difference of `beta`, linear above.

    Shapes as for `mean_squared` (Girshick, 2015).
    """
    return masked_mean(functional.smooth_l1_loss(maps, target, reduction="none", beta=beta), valid)
