"""The loss of star-convex outlines."""

from torch import Tensor

from segstudio.engine.losses.masked import masked_mean


def ray_loss(lengths: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean difference of rays, pixels (Schmidt et al., 2018).

    Parameters
    ----------
    lengths
        ``(N, R, H, W)`` pixels, positive.
    target
        ``(N, R, H, W)`` pixels. A negative length is cut: the ray is at least as long as its amount, so that only
        shorter answers are wrong.
    weight
        ``(N, 1, H, W)``: how much each pixel counts.
    """
    lack = target.abs() - lengths
    return masked_mean(lack.abs().where(target >= 0, lack.clamp_min(0)), weight)
