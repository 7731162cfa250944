"""Focal loss: cross entropy in which pixels that are already right count little (Lin et al., 2017)."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from segstudio.engine.losses.masked import class_weighted, masked_mean


def focal(
    logits: Tensor,
    target: Tensor,
    valid: Tensor,
    gamma: float = 2.0,
    class_weights: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the mean focal loss of two or more classes over valid pixels.

    Parameters
    ----------
    logits, target, valid, class_weights, label_smoothing
        As for `segstudio.engine.losses.cross_entropy.cross_entropy`.
    gamma
        How strongly easy pixels are discounted; 0 gives the cross entropy.
    """
    index = target[:, 0].long()
    values = functional.cross_entropy(logits, index, reduction="none", label_smoothing=label_smoothing)
    sure = logits.log_softmax(dim=1).gather(1, index.unsqueeze(1)).exp()
    return masked_mean(_discount(sure, gamma) * values.unsqueeze(1), class_weighted(valid, index, class_weights))


def _discount(sure: Tensor, gamma: float) -> Tensor:
    # A power below 1 has an infinite slope at 0, where a pixel is certainly right.
    return (1 - sure).clamp_min(1e-6) ** gamma if gamma else sure.new_ones(())
