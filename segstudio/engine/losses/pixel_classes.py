"""The loss of formulations that give each pixel one of several classes: its settings, and their sum."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional

from segstudio.config.base import param
from segstudio.engine.losses.class_balance import ClassBalanceConfig
from segstudio.engine.losses.cross_entropy import cross_entropy
from segstudio.engine.losses.dice import soft_dice
from segstudio.engine.losses.focal import focal
from segstudio.engine.losses.lovasz import lovasz_softmax
from segstudio.engine.losses.tversky import soft_tversky

#: The target of `gap_weight`, and how much the paper lets it count.
GAP = "gap"


class PixelClassConfig(ClassBalanceConfig):
    """Settings that all formulations share whose maps are classes of pixels."""

    pixel_loss: Literal["cross-entropy", "focal"] = param("cross-entropy", title="Loss of pixels", advanced=True)
    """Cross entropy counts all pixels. Focal loss turns to those that are still wrong; it helps when objects are
    rare."""
    focal_gamma: float = param(2.0, title="Focus", ge=0, le=5, advanced=True)
    """With the focal loss: how strongly pixels that are already right are discounted."""
    region_loss: Literal["dice", "tversky", "lovasz", "none"] = param("dice", title="Loss of regions", advanced=True)
    """How overlap counts beside the single pixels. Tversky lets missed pixels count more than false ones; Lovász
    trains the IoU itself."""
    tversky_missed: float = param(0.7, title="Missed against false", ge=0.0, le=1.0, advanced=True)
    """With Tversky: how much a missed pixel counts; a false one counts the rest."""
    dice_weight: float = param(1.0, title="Weight of overlap", ge=0, le=10, advanced=True)
    """How much the overlap of regions counts beside the loss of pixels."""
    label_smoothing: float = param(0.0, title="Label smoothing", ge=0.0, le=0.5, zero="off", advanced=True)
    """Share of the truth that is spread over all classes, for labels that are not exact."""
    gap_weight: float = param(0.0, title="Weight of gaps", ge=0, le=100, zero="off", advanced=True)
    """How much more pixels between objects that nearly touch count, as in the U-Net paper, which takes 10."""


class PixelClassLoss:
    """Loss of pixels and of regions as a `PixelClassConfig` asks."""

    def __init__(self, config: PixelClassConfig) -> None:
        self._config = config

    def terms(
        self,
        logits: Tensor,
        number: Tensor,
        weight: Tensor,
        class_weights: Sequence[float] | None = None,
        gap: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss terms by name.

        Parameters
        ----------
        logits
            ``(N, K, H, W)``; class 0 is the background, whose overlap does not count.
        number
            ``(N, 1, H, W)`` numbers 0..K-1 of the true class, as float.
        weight
            ``(N, 1, H, W)``, 0 where nothing is known.
        class_weights
            How much a pixel of each class counts.
        gap
            ``(N, 1, H, W)`` of `segstudio.engine.losses.gap_weight.gap_weight`.
        """
        config = self._config
        counted = weight if gap is None else weight * (1 + config.gap_weight * gap)
        if config.pixel_loss == "focal":
            smooth = config.label_smoothing
            terms = {"focal": focal(logits, number, counted, config.focal_gamma, class_weights, smooth)}
        else:
            terms = {"cross_entropy": cross_entropy(logits, number, counted, class_weights, config.label_smoothing)}
        if config.region_loss != "none":
            terms[config.region_loss] = config.dice_weight * self._region(logits, number, weight)
        return terms

    def _region(self, logits: Tensor, number: Tensor, valid: Tensor) -> Tensor:
        probability = logits.softmax(dim=1)
        if self._config.region_loss == "lovasz":
            return lovasz_softmax(probability, number, valid, background=False)
        truth = functional.one_hot(number[:, 0].long(), logits.shape[1]).movedim(3, 1).to(logits.dtype)
        if self._config.region_loss == "tversky":
            return soft_tversky(probability[:, 1:], truth[:, 1:], valid, self._config.tversky_missed)
        return soft_dice(probability[:, 1:], truth[:, 1:], valid)
