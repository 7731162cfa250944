"""Regions by class, without telling touching objects apart."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.engine.decoding.components import components, tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation, Targets, formulations
from segstudio.engine.formulations.object_targets import class_numbers, valid_pixels
from segstudio.engine.losses.class_balance import class_weights
from segstudio.engine.losses.gap_weight import gap_weight
from segstudio.engine.losses.pixel_classes import GAP, PixelClassConfig, PixelClassLoss


class SemanticConfig(PixelClassConfig):
    """Regions by class."""


class SemanticDecodeConfig(DecodeSettings):
    """Finding regions."""


@formulations.register("semantic")
class Semantic(Formulation):
    """Softmax over background and classes; each connected region of a class is an object."""

    title = "Regions by class"
    description = "Which pixel is what: tissue, membranes, cells that never touch. Touching objects become one."
    separates: ClassVar[bool] = False
    Config: ClassVar[type[Settings]] = SemanticConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = SemanticDecodeConfig
    config: SemanticConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._weights: tuple[float, ...] | None = None

    @property
    def out_channels(self) -> int:
        """Background and one map a class."""
        return 1 + len(self.class_ids)

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the class number of each pixel (0 background) and validity."""
        targets = {"class": class_numbers(labels, object_classes, self.class_ids), "valid": valid_pixels(labels)}
        return targets | ({GAP: gap_weight(labels)} if self.config.gap_weight > 0 else {})

    def use_class_pixels(self, pixels: Sequence[int]) -> None:
        """Weigh background and classes as the settings ask."""
        self._weights = class_weights(pixels, self.config.class_weights)

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms of pixels and of regions."""
        loss = PixelClassLoss(self.config)
        return loss.terms(maps.float(), targets["class"], targets["valid"], self._weights, targets.get(GAP))

    def activate(self, maps: Tensor) -> Tensor:
        """Return the probabilities of background and classes."""
        return maps.softmax(dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the connected regions of each class where all classes together exceed the threshold."""
        probability = maps[1:]
        foreground = probability.sum(axis=0)
        winner = np.argmax(probability, axis=0).astype(np.int32) + 1
        labels = tidy(components(np.where(foreground > config.threshold, winner, 0)), config.min_size)
        return self.judged(labels, self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return the probability of all classes together, and how far it is from undecided."""
        foreground = maps[1:].sum(axis=0)
        return Evidence([foreground, np.abs(2 * foreground - 1)], votes=maps[1:])

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds."""
        return [SemanticDecodeConfig(threshold=threshold) for threshold in (0.5, 0.4, 0.6, 0.7)]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        places = np.arange(self.out_channels, dtype=np.float32)[:, None, None]
        return np.asarray(targets["class"] == places, np.float32)
