"""The loss of star-convex outlines."""

from torch import Tensor

from segstudio.engine.losses.masked import masked_mean


def ray_loss(lengths: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the mean difference of rays, as a share of the mean ray of their pixel.

    Parameters
    ----------
    lengths
        ``(N, R, H, W)`` pixels, positive.
    target
        ``(N, R, H, W)`` pixels. A negative length is cut: the ray is at least as long as its amount, so that only
        shorter answers are wrong.
    weight
        ``(N, 1, H, W)``: how much each pixel counts.

    Notes
    -----
    As a share of the object's size the difference is about that in IoU, for small objects and large ones alike.
    """
    amount = target.abs()
    lack = amount - lengths
    wrong = lack.abs().where(target >= 0, lack.clamp_min(0))
    return masked_mean(wrong / amount.mean(dim=1, keepdim=True).clamp_min(0.5), weight)
