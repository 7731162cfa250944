"""Objects by vectors that lead each pixel to its object's centre: pixels that arrive together are one object."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.flow_following import follow_flow
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.flow_targets import FLOW_LENGTH, flow_to_centre
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import valid_pixels, whole_objects
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import mean_squared

_FOREGROUND, _HEADS = 2, 3


class FlowFieldConfig(ObjectConfig):
    """Objects by flow."""

    flow_weight: float = param(1.0, title="Weight of flow", ge=0, le=10, advanced=True)
    """How much the flow to the centres counts in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """How much telling objects from background counts in the loss."""


class FlowFieldDecodeConfig(DecodeSettings):
    """Finding objects."""

    smoothing: float = param(1.5, title="Smoothing", unit="px", ge=0, le=10, advanced=True)
    """How far apart the ends of the flow may lie and still be one object. Higher merges more."""


@formulations.register("flow_field")
class FlowField(ObjectFormulation):
    """Flow to the centre of the object (2) and foreground, as Cellpose learns them (Stringer et al., 2021)."""

    title = "Objects by flow, as Cellpose"
    description = "Cells of any simple shape, long and bent ones too; not for nets of fibres, which have no centre."
    Config: ClassVar[type[Settings]] = FlowFieldConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = FlowFieldDecodeConfig
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"flow": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    config: FlowFieldConfig

    @property
    def out_channels(self) -> int:
        """Three maps, and one a class when there are several."""
        return _HEADS + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """The decoder needs both."""
        return (
            LearnedMap("flow_weight", "the flow to the centres"),
            LearnedMap("foreground_weight", "the foreground"),
        )

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make flow, where it is certain, foreground and validity."""
        return {
            "flow": flow_to_centre(labels),
            "certain": whole_objects(labels),
            "foreground": (labels > 0).astype(np.float32)[None],
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms flow, foreground and class."""
        maps = maps.float()
        error = mean_squared(maps[:, :2], FLOW_LENGTH * targets["flow"], targets["certain"])
        logits = maps[:, _FOREGROUND : _FOREGROUND + 1]
        terms = {
            "flow": self.config.flow_weight * error / 2,
            "foreground": self.config.foreground_weight * mask_loss(logits, targets["foreground"], targets["valid"]),
        }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return unit flow, foreground probability and class probabilities."""
        foreground = maps[:, _FOREGROUND : _FOREGROUND + 1].sigmoid()
        return torch.cat([maps[:, :2] / FLOW_LENGTH, foreground, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Let each foreground pixel follow the flow to its end."""
        settings = FlowFieldDecodeConfig.model_validate(config.model_dump())
        foreground = maps[_FOREGROUND]
        found = follow_flow(maps[:2], foreground > settings.threshold, settings.smoothing)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground and the length of the flow: a network that is unsure where to go gives short vectors."""
        return Evidence([maps[_FOREGROUND], np.hypot(maps[0], maps[1])], votes=self._head.votes(maps))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds for the foreground and for how far apart ends may lie."""
        return [
            FlowFieldDecodeConfig(threshold=threshold, smoothing=smoothing)
            for threshold in (0.5, 0.4, 0.6)
            for smoothing in (1.5, 1.0, 2.0)
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        return np.concatenate([targets["flow"], targets["foreground"], *self._head.perfect(targets)])
