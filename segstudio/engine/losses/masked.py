"""Means over the pixels that are known."""

from collections.abc import Sequence

from torch import Tensor


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of `values` over pixels, each counted with its `weight`.

    Parameters
    ----------
    values
        ``(N, C, H, W)`` loss of each pixel; channels are averaged too.
    weight
        ``(N, 1, H, W)``, 0 where nothing is known. If it is 0 everywhere, the mean is 0 and so is its gradient.
    """
    total = (values * weight).sum() / values.shape[1]
    return total / weight.sum().clamp_min(1e-6)


def class_weighted(valid: Tensor, index: Tensor, class_weights: Sequence[float] | None) -> Tensor:
    """Return `valid` ``(N, 1, H, W)`` times the weight of each pixel's class, numbered in `index` ``(N, H, W)``."""
    if class_weights is None:
        return valid
    return valid * valid.new_tensor(class_weights)[index].unsqueeze(1)
