"""What the formulations have in common that learn flows: the flow to the centre of the object, and the foreground."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import param
from segstudio.engine.formulations.base import Targets
from segstudio.engine.formulations.flow_targets import FLOW_LENGTH, flow_to_centre
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import valid_pixels, whole_objects
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import mean_squared

#: Maps: the flow (dy, dx), then the foreground.
FOREGROUND = 2


class FlowConfig(ObjectConfig):
    """Settings of flow and foreground."""

    flow_weight: float = param(1.0, title="Weight of flow", ge=0, le=10, advanced=True)
    """How much the flow to the centres counts in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """How much telling objects from background counts in the loss."""


class FlowFormulation(ObjectFormulation):
    """A formulation whose first maps are flow and foreground; `heads` says how many it has before the classes."""

    heads: ClassVar[int] = FOREGROUND + 1
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"flow": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    config: FlowConfig

    @property
    def out_channels(self) -> int:
        """Its heads, and one map a class when there are several."""
        return self.heads + self._head.channels

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make flow, where it is certain, foreground and validity of a whole image."""
        return {
            "flow": flow_to_centre(labels),
            "whole": whole_objects(labels),
            "foreground": (labels > 0).astype(np.float32)[None],
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms flow, foreground and class."""
        maps = maps.float()
        error = mean_squared(maps[:, :2], FLOW_LENGTH * targets["flow"], targets["whole"])
        logits = maps[:, FOREGROUND : FOREGROUND + 1]
        terms = {
            "flow": self.config.flow_weight * error / 2,
            "foreground": self.config.foreground_weight * mask_loss(logits, targets["foreground"], targets["valid"]),
        }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return unit flow, foreground probability and class probabilities."""
        foreground = maps[:, FOREGROUND : FOREGROUND + 1].sigmoid()
        return torch.cat([maps[:, :2] / FLOW_LENGTH, foreground, *self._head.activate(maps)], dim=1)
