"""Objects by vectors that lead each pixel to its object's centre: pixels that arrive together are one object."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.flow_following import follow_flow
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.flow_formulation import FOREGROUND, FlowConfig, FlowFormulation
from segstudio.engine.formulations.learned_maps import LearnedMap


class FlowFieldConfig(FlowConfig):
    """Objects by flow."""


class FlowFieldDecodeConfig(DecodeSettings):
    """Finding objects."""

    smoothing: float = param(1.5, title="Smoothing", unit="px", ge=0, le=10, advanced=True)
    """How far apart the ends of the flow may lie and still be one object. Higher merges more."""


@formulations.register("flow_field")
class FlowField(FlowFormulation):
    """Flow to the centre of the object (2) and foreground, as Cellpose learns them (Stringer et al., 2021)."""

    title = "Objects by flow, as Cellpose"
    description = "Cells of any simple shape, long and bent ones too; not for nets of fibres, which have no centre."
    Config: ClassVar[type[Settings]] = FlowFieldConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = FlowFieldDecodeConfig
    config: FlowFieldConfig

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """The decoder needs both."""
        return (
            LearnedMap("flow_weight", "the flow to the centres"),
            LearnedMap("foreground_weight", "the foreground"),
        )

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Let each foreground pixel follow the flow to its end."""
        settings = FlowFieldDecodeConfig.model_validate(config.model_dump())
        foreground = maps[FOREGROUND]
        found = follow_flow(maps[:2], foreground > settings.threshold, settings.smoothing)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground and the length of the flow: a network that is unsure where to go gives short vectors."""
        return Evidence([maps[FOREGROUND], np.hypot(maps[0], maps[1])], votes=self._head.votes(maps))

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
