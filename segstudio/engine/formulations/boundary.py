"""Objects by three classes: background, inside and boundary."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import components, tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.watershed import grow_seeds
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.object_formulation import ObjectFormulation
from segstudio.engine.formulations.object_targets import (
    certain_boundary,
    inner_boundary,
    valid_pixels,
    without_tears,
    without_vanished,
)
from segstudio.engine.losses.gap_weight import gap_weight
from segstudio.engine.losses.pixel_classes import GAP, PixelClassConfig, PixelClassLoss

_INSIDE, _BOUNDARY, _HEADS = 1, 2, 3


class BoundaryConfig(PixelClassConfig):
    """Objects by outline."""

    boundary_weight: float = param(2.0, title="Weight of boundary", ge=0.1, le=20, advanced=True)
    """How much a pixel of the outline counts, compared with one inside or outside."""


class BoundaryDecodeConfig(DecodeSettings):
    """Finding objects."""

    seed: float = param(0.6, title="Seed threshold", ge=0.05, le=0.98, advanced=True)
    """How sure the network must be of an object's inside to start an object there. Higher splits more."""


@formulations.register("boundary")
class Boundary(ObjectFormulation):
    """Softmax over background, inside and boundary; insides are seeds of a watershed."""

    title = "Objects by outline"
    description = "Learns the outlines between objects. Easy to understand; needs more images than Cells and nuclei."
    Config: ClassVar[type[Settings]] = BoundaryConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = BoundaryDecodeConfig
    config: BoundaryConfig

    @property
    def out_channels(self) -> int:
        """Three maps, and one a class when there are several."""
        return _HEADS + self._head.channels

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the part of each pixel (0 background, 1 inside, 2 boundary), where it is certain, and validity."""
        part = (labels > 0).astype(np.float32)
        outline = without_tears(inner_boundary(labels), labels)
        part[without_vanished(outline, labels)] = _BOUNDARY
        targets = {"part": part[None], "certain": certain_boundary(labels), "valid": valid_pixels(labels)}
        targets |= self._head.encode(labels, object_classes)
        return targets | ({GAP: gap_weight(labels)} if self.config.gap_weight > 0 else {})

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms of pixels and of regions, and class."""
        maps = maps.float()
        weights = (1.0, 1.0, self.config.boundary_weight)
        loss = PixelClassLoss(self.config)
        terms = loss.terms(maps[:, :_HEADS], targets["part"], targets["certain"], weights, targets.get(GAP))
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return the probabilities of background, inside, boundary, and those of the classes."""
        return torch.cat([maps[:, :_HEADS].softmax(dim=1), *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Grow connected insides over inside and boundary together."""
        settings = BoundaryDecodeConfig.model_validate(config.model_dump())
        inside = maps[_INSIDE]
        foreground = inside + maps[_BOUNDARY]
        # 4-connected seeds: a boundary of one pixel's width is tight only against straight steps.
        seeds = components(inside > settings.seed, connectivity=4)
        labels = tidy(grow_seeds(seeds, inside, foreground > settings.threshold), settings.min_size)
        return self.judged(labels, self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return inside with boundary, and inside alone."""
        return Evidence([maps[_INSIDE] + maps[_BOUNDARY]], [maps[_INSIDE]], self._head.votes(maps))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds for seeds and for the whole object."""
        return [
            BoundaryDecodeConfig(threshold=threshold, seed=seed)
            for threshold in (0.5, 0.4, 0.6)
            for seed in (0.6, 0.5, 0.7)
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        places = np.arange(_HEADS, dtype=np.float32)[:, None, None]
        return np.concatenate([(targets["part"] == places).astype(np.float32), *self._head.perfect(targets)])
