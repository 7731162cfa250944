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
from segstudio.engine.decoding.flow_following import convergence, follow_flow
from segstudio.engine.decoding.watershed import split_by_distance
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.flow_formulation import FOREGROUND, FlowConfig, FlowFormulation
from segstudio.engine.formulations.flow_targets import FLOW_LENGTH
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_targets import (
    certain_boundary,
    inner_boundary,
    relative_distance,
    without_vanished,
)
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import smooth_l1

_DISTANCE, _BOUNDARY = FOREGROUND + 1, FOREGROUND + 2


class JointConfig(FlowConfig):
    """Cells and nuclei."""

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
    convergence: float = param(0.0, title="Help of the flow", ge=0, le=2, zero="off", advanced=True)
    """Distance decoder: how much it counts that the flow runs together in the middle of objects and apart where they
    touch. New models choose 0.4; the distance alone splits less surely."""
    bridge: float = param(0.2, title="Bridge", ge=-0.5, le=1.0, advanced=True)
    """Distance decoder: peaks between which the distance never falls below this are one object, for no outline runs
    there. Lower merges more."""
    smoothing: float = param(1.0, title="Smoothing", unit="px", ge=0, le=10, advanced=True)
    """Blur of the distance before peaks are sought, and of the flow's ends. Higher merges more."""


@formulations.register("joint")
class Joint(FlowFormulation):
    """One network with maps for flow (2), foreground, distance, boundary and, with several classes, class."""

    title = "Cells and nuclei"
    description = "Separates touching objects of any simple shape; learns from few images. The best start."
    Config: ClassVar[type[Settings]] = JointConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = JointDecodeConfig
    heads: ClassVar[int] = _BOUNDARY + 1
    first_in_doubt: ClassVar[bool] = True
    config: JointConfig

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
        return super().encode(labels, object_classes) | {
            "distance": relative_distance(labels),
            "boundary": without_vanished(inner_boundary(labels), labels).astype(np.float32)[None],
            "outlined": certain_boundary(labels),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms flow, foreground, class, distance and boundary."""
        maps = maps.float()
        distance, boundary = (maps[:, channel : channel + 1] for channel in (_DISTANCE, _BOUNDARY))
        weight = targets["whole"] * (1 + 4 * targets["foreground"])
        return super().loss(maps, targets) | {
            "distance": self.config.distance_weight * smooth_l1(distance, targets["distance"], weight),
            "boundary": self.config.boundary_weight * mask_loss(boundary, targets["boundary"], targets["outlined"]),
        }

    def activate(self, maps: Tensor) -> Tensor:
        """Return unit flow, foreground probability, distance, boundary probability, class probabilities."""
        flow = maps[:, :2] / FLOW_LENGTH
        foreground = maps[:, FOREGROUND : FOREGROUND + 1].sigmoid()
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
        foreground = maps[FOREGROUND]
        mask = foreground > settings.threshold
        if settings.decoder == "flow":
            found = follow_flow(maps[:2], mask, settings.smoothing)
        else:
            found = split_by_distance(
                self._height(maps, settings), mask, settings.seed, settings.smoothing, settings.bridge
            )
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def _height(self, maps: NDArray[np.float32], settings: JointDecodeConfig) -> NDArray[np.float32]:
        """Return the distance, lowered by outlines and raised where flow runs together, as far as they are learned."""
        height: NDArray[np.float32] = maps[_DISTANCE]
        if self.config.boundary_weight > 0:
            height = height - np.float32(0.5) * maps[_BOUNDARY]
        if self.config.flow_weight > 0 and settings.convergence > 0:
            height = height + np.float32(settings.convergence) * convergence(maps[:2])
        return height

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground, and distance where it is learned."""
        peaks = [maps[_DISTANCE]] if "distance" in self._decoders else []
        return Evidence([maps[FOREGROUND]], peaks, self._head.votes(maps))

    @property
    def _decoders(self) -> tuple[str, ...]:
        """The decoders whose maps are learned."""
        weights = {"distance": self.config.distance_weight, "flow": self.config.flow_weight}
        return tuple(name for name, weight in weights.items() if weight > 0)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return both decoders with a few thresholds each, or the one whose maps are learned."""
        distance = [
            JointDecodeConfig(decoder="distance", threshold=threshold, seed=seed, bridge=bridge, convergence=0.4)
            for threshold in (0.5, 0.4, 0.6)
            for seed, bridge in ((0.35, 1.0), (0.25, 1.0), (0.5, 0.2))
        ]
        first = distance[0]
        flow = [
            # Who changes to the other decoder by hand begins with its best settings.
            first.model_copy(update={"decoder": "flow", "threshold": threshold, "smoothing": smoothing})
            for threshold in (0.5, 0.4, 0.6)
            for smoothing in (1.0, 2.0)
        ]
        return [settings for settings in (*distance, *flow) if settings.decoder in self._decoders]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        names = ("flow", "foreground", "distance", "boundary")
        return np.concatenate([*(targets[name] for name in names), *self._head.perfect(targets)])
