"""Cross entropy of two or more classes over valid pixels."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from segstudio.engine.losses.masked import class_weighted, masked_mean


def binary_cross_entropy(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the mean binary cross entropy of `logits` ``(N, C, H, W)`` over `valid` ``(N, 1, H, W)`` pixels."""
    return masked_mean(functional.binary_cross_entropy_with_logits(logits, target, reduction="none"), valid)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    valid: Tensor,
    class_weights: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the mean cross entropy over valid pixels.

    Parameters
    ----------
    logits
        ``(N, K, H, W)``.
    target
        ``(N, 1, H, W)`` numbers 0..K-1 of the true class, as float.
    valid
        ``(N, 1, H, W)``, 0 where nothing is known; values above 1 let a pixel count more.
    class_weights
        How much a pixel of each class counts.
    label_smoothing
        Share of the truth that is spread evenly over all classes (Szegedy et al., 2016).
    """
    index = target[:, 0].long()
    values = functional.cross_entropy(logits, index, reduction="none", label_smoothing=label_smoothing)
    return masked_mean(values.unsqueeze(1), class_weighted(valid, index, class_weights))
