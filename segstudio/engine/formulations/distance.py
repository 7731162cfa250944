"""Objects by how far each pixel lies from the outline: peaks of the distance are seeds of a watershed."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.watershed import split_by_distance
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import (
    relative_depth,
    signed_distance,
    valid_pixels,
    whole_objects,
)
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import mean_squared, smooth_l1

#: Pixels of objects count this much more in the loss of the relative distance.
_INSIDE = 4.0
#: What a signed distance weighs beside the other losses: its squared error is small.
_SIGNED = 4.0


class DistanceConfig(ObjectConfig):
    """Objects by distance."""

    distance: Literal["relative", "signed"] = param("relative", title="Distance")
    """Relative: 0 at the outline and 1 at the middle of each object, whatever its size. Signed: in pixels, negative
    outside objects; it needs no map of the foreground, but an object much larger than its scale has no clear
    middle."""
    scale: float = param(5.0, title="Scale of the signed distance", unit="px", ge=0.5, le=500, log=True, advanced=True)
    """Signed distance only: up to about this far from the outline distances are told apart. Take a quarter of an
    object's diameter."""
    distance_weight: float = param(1.0, title="Weight of distance", ge=0, le=10, advanced=True)
    """How much the distance counts in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """Relative distance only: how much telling objects from background counts in the loss."""


class DistanceDecodeConfig(DecodeSettings):
    """Finding objects."""

    seed: float = param(0.3, title="Separation", ge=0.005, le=1.0, advanced=True)
    """How clearly a peak of the distance must rise to be an object of its own. Higher merges more."""
    bridge: float = param(0.25, title="Bridge", ge=0.0, le=1.0, advanced=True)
    """Peaks between which the distance never falls below this are one object: no outline runs there. Lower merges
    more."""
    smoothing: float = param(0.5, title="Smoothing", unit="px", ge=0, le=10, advanced=True)
    """Blur of the distance before peaks are sought. Higher merges more."""


@formulations.register("distance")
class Distance(ObjectFormulation):
    """Foreground and relative distance, or one signed distance; watershed from the peaks that rise clearly."""

    title = "Objects by distance"
    description = "Roundish objects that touch, such as nuclei; long or branching ones fall into pieces."
    Config: ClassVar[type[Settings]] = DistanceConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = DistanceDecodeConfig
    config: DistanceConfig

    @property
    def _signed(self) -> bool:
        return self.config.distance == "signed"

    @property
    def out_channels(self) -> int:
        """Foreground and distance, or the signed distance alone, and one a class when there are several."""
        return (1 if self._signed else 2) + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """The decoder needs all there are."""
        foreground = () if self._signed else (LearnedMap("foreground_weight", "the foreground"),)
        return (LearnedMap("distance_weight", "the distance"), *foreground)

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the distance, where it is certain, the foreground and validity."""
        targets = {"valid": valid_pixels(labels), **self._head.encode(labels, object_classes)}
        if self._signed:
            distance, certain = signed_distance(labels, self.config.scale)
            return targets | {"distance": distance, "certain": certain}
        foreground = (labels > 0).astype(np.float32)[None]
        certain = whole_objects(labels)
        return targets | {"distance": relative_depth(labels), "certain": certain, "foreground": foreground}

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms distance, foreground and class."""
        maps = maps.float()
        distance, certain, config = targets["distance"], targets["certain"], self.config
        if self._signed:
            error = mean_squared(maps[:, :1].tanh(), distance, certain)
            terms = {"distance": config.distance_weight * _SIGNED * error}
        else:
            inside = targets["foreground"]
            error = smooth_l1(maps[:, 1:2], distance, certain * (1 + _INSIDE * inside))
            terms = {
                "foreground": config.foreground_weight * mask_loss(maps[:, :1], inside, targets["valid"]),
                "distance": config.distance_weight * error,
            }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return foreground probability and distance, or the signed distance from 0 (outside) over 0.5 to 1."""
        heads = [(maps[:, :1].tanh() + 1) / 2] if self._signed else [maps[:, :1].sigmoid(), maps[:, 1:2]]
        return torch.cat([*heads, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Cut the foreground into one object for each peak of the distance."""
        settings = DistanceDecodeConfig.model_validate(config.model_dump())
        foreground = maps[0]
        mask = foreground > settings.threshold
        found = split_by_distance(self._depth(maps), mask, settings.seed, settings.smoothing, settings.bridge)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground and distance."""
        return Evidence([maps[0]], [self._depth(maps)], self._head.votes(maps))

    def _depth(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(2 * maps[0] - 1 if self._signed else maps[1], np.float32)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds for the foreground and for how clear a peak must be."""
        clear = 0.2 if self._signed else 0.3
        return [
            DistanceDecodeConfig(threshold=threshold, seed=seed, bridge=bridge, smoothing=smoothing)
            for threshold in (0.5, 0.4, 0.6)
            for seed, bridge, smoothing in ((clear, 0.25, 0.5), (0.15, 0.5, 1.0), (0.1, 1.0, 1.0))
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        if self._signed:
            heads = [((targets["distance"] + 1) / 2 * targets["valid"]).astype(np.float32)]
        else:
            heads = [targets["foreground"], targets["distance"]]
        return np.concatenate([*heads, *self._head.perfect(targets)])
