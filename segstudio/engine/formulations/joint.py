"""Objects by flow, foreground, distance and boundary at once: the decoder that finds more on validation wins."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.core.errors import WrongUsage
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.flow_following import follow_flow
from segstudio.engine.decoding.watershed import split_by_distance
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.flow_targets import FLOW_LENGTH, flow_to_centre
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import (
    certain_boundary,
    inner_boundary,
    relative_distance,
    valid_pixels,
    whole_objects,
    without_vanished,
)
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import mean_squared, smooth_l1

_FOREGROUND, _DISTANCE, _BOUNDARY = 2, 3, 4
_HEADS = 5


class JointConfig(ObjectConfig):
    """Cells and nuclei."""

    flow_weight: float = param(1.0, title="Weight of flow", ge=0, le=10, advanced=True)
    """How much the flow to the centres counts in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """How much telling objects from background counts in the loss."""
    distance_weight: float = param(1.0, title="Weight of distance", ge=0, le=10, advanced=True)
    """How much the distance to the object's outline counts in the loss."""
    boundary_weight: float = param(1.0, title="Weight of boundary", ge=0, le=10, advanced=True)
    """How much finding the outlines counts in the loss."""


class JointDecodeConfig(DecodeSettings):
    """Finding objects."""

    decoder: Literal["flow", "distance"] = param("distance", title="Decoder")
    """Follow the flow to the centres, or split at the valleys between distance peaks."""
    seed: float = param(0.25, title="Separation", ge=0.01, le=1.0, advanced=True)
    """Distance decoder: how clearly a peak must rise to be an object of its own. Higher merges more."""
    bridge: float = param(0.2, title="Bridge", ge=-0.5, le=1.0, advanced=True)
    """Distance decoder: peaks between which the distance never falls below this are one object, for no outline runs
    there. Lower merges more."""
    smoothing: float = param(1.0, title="Smoothing", unit="px", ge=0, le=10, advanced=True)
    """Blur of the distance before peaks are sought, and of the flow's ends. Higher merges more."""


@formulations.register("joint")
class Joint(ObjectFormulation):
    """One network with maps for flow (2), foreground, distance, boundary and, with several classes, class."""

    title = "Cells and nuclei"
    description = "Separates touching objects of any simple shape; learns from few images. The best start."
    Config: ClassVar[type[Settings]] = JointConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = JointDecodeConfig
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"flow": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    config: JointConfig

    @property
    def out_channels(self) -> int:
        """Five maps, and one a class when there are several."""
        return _HEADS + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """Objects are found by the distance or by the flow; the foreground is needed for both."""
        by_distance = "objects are found by their distance only" if "distance" in self._decoders else ""
        by_flow = "objects are found by their flow only" if "flow" in self._decoders else ""
        return (
            LearnedMap("foreground_weight", "the foreground"),
            LearnedMap("flow_weight", "the flow to the centres", by_distance),
            LearnedMap("distance_weight", "the distance to the outline", by_flow),
            LearnedMap("boundary_weight", "the outlines", "touching objects are told apart without them"),
        )

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make flow, foreground, distance and boundary of a whole image, and where each is certain."""
        return {
            "flow": flow_to_centre(labels),
            "foreground": (labels > 0).astype(np.float32)[None],
            "distance": relative_distance(labels),
            "boundary": without_vanished(inner_boundary(labels), labels).astype(np.float32)[None],
            "whole": whole_objects(labels),
            "outlined": certain_boundary(labels),
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms flow, foreground, distance, boundary and class."""
        maps = maps.float()
        valid, inside, whole = targets["valid"], targets["foreground"], targets["whole"]
        foreground, boundary = (maps[:, channel : channel + 1] for channel in (_FOREGROUND, _BOUNDARY))
        distance = smooth_l1(maps[:, _DISTANCE : _DISTANCE + 1], targets["distance"], whole * (1 + 4 * inside))
        config = self.config
        terms = {
            "flow": config.flow_weight * mean_squared(maps[:, :2], FLOW_LENGTH * targets["flow"], whole) / 2,
            "foreground": config.foreground_weight * mask_loss(foreground, inside, valid),
            "distance": config.distance_weight * distance,
            "boundary": config.boundary_weight * mask_loss(boundary, targets["boundary"], targets["outlined"]),
        }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return unit flow, foreground probability, distance, boundary probability, class probabilities."""
        flow = maps[:, :2] / FLOW_LENGTH
        foreground = maps[:, _FOREGROUND : _FOREGROUND + 1].sigmoid()
        distance = maps[:, _DISTANCE : _DISTANCE + 1]
        boundary = maps[:, _BOUNDARY : _BOUNDARY + 1].sigmoid()
        return torch.cat([flow, foreground, distance, boundary, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the objects with the decoder that `config` names."""
        settings = JointDecodeConfig.model_validate(config.model_dump())
        learned = self._decoders
        if settings.decoder not in learned:
            raise WrongUsage(
                f"This model has not learned what the decoder {settings.decoder} reads: its weight was 0.",
                hint=f"Choose the decoder {learned[0]}.",
                code="map-not-learned",
            )
        foreground = maps[_FOREGROUND]
        mask = foreground > settings.threshold
        if settings.decoder == "flow":
            found = follow_flow(maps[:2], mask, settings.smoothing)
        else:
            outlines = np.float32(0.5) * maps[_BOUNDARY] if self.config.boundary_weight > 0 else np.float32(0)
            height = maps[_DISTANCE] - outlines
            found = split_by_distance(height, mask, settings.seed, settings.smoothing, settings.bridge)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground, and distance where it is learned."""
        peaks = [maps[_DISTANCE]] if "distance" in self._decoders else []
        return Evidence([maps[_FOREGROUND]], peaks, self._head.votes(maps))

    @property
    def _decoders(self) -> tuple[str, ...]:
        """The decoders whose maps are learned."""
        weights = {"distance": self.config.distance_weight, "flow": self.config.flow_weight}
        return tuple(name for name, weight in weights.items() if weight > 0)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return both decoders with a few thresholds each, or the one whose maps are learned."""
        distance = [
            JointDecodeConfig(decoder="distance", threshold=threshold, seed=seed, bridge=bridge)
            for threshold in (0.5, 0.4, 0.6)
            for seed, bridge in ((0.25, 0.2), (0.15, 1.0), (0.08, 1.0))
        ]
        flow = [
            JointDecodeConfig(decoder="flow", threshold=threshold, smoothing=smoothing)
            for threshold in (0.5, 0.4, 0.6)
            for smoothing in (1.0, 2.0)
        ]
        return [settings for settings in (*distance, *flow) if settings.decoder in self._decoders]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        names = ("flow", "foreground", "distance", "boundary")
        return np.concatenate([*(targets[name] for name in names), *self._head.perfect(targets)])
