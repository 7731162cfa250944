"""Objects by Mask R-CNN: a box around each, and inside the box its outline."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.detections import group_by_box
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.formulations.base import Decoded, DecodeSettings, formulations
from segstudio.engine.formulations.detector import Detector, DetectorConfig
from segstudio.engine.formulations.learned_maps import LearnedMap

if TYPE_CHECKING:
    from segstudio.engine.detectors.network import Plan

_SURE = 4


class MaskRcnnConfig(DetectorConfig):
    """Mask R-CNN."""

    mask_weight: float = param(1.0, title="Weight of outlines", advanced=True, ge=0, le=100)
    """How much the outlines inside the boxes count in the loss."""

    @property
    def term_weights(self) -> dict[str, float]:
        """The weight of each loss term."""
        return {**super().term_weights, "mask": self.mask_weight}


class MaskRcnnDecodeConfig(DecodeSettings):
    """Mask R-CNN."""

    threshold: float = param(0.5, title="Threshold", ge=0.05, le=0.98)
    """How sure the network must be that there is an object. Lower finds more, higher finds less."""


@formulations.register("mask_rcnn")
class MaskRcnn(Detector):
    """Mask R-CNN of He et al. (2017) as torchvision has it; where objects overlap the surer one lies on top."""

    title = "Mask R-CNN"
    description = (
        "Finds each object's box first, then its outline inside the box. For objects that overlap and images of many "
        "kinds; wants more images and a graphics card."
    )
    Config: ClassVar[type[Settings]] = MaskRcnnConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = MaskRcnnDecodeConfig
    config: MaskRcnnConfig

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """No object is found without its outline either; for boxes alone there is `detection`."""
        return (*super().learned_maps, LearnedMap("mask_weight", "the outlines inside the boxes"))

    def plan(self) -> "Plan":
        """Return what is to be built."""
        from segstudio.engine.detectors.network import Plan

        config = self.config
        return Plan("mask_rcnn", config.backbone, config.width, config.smallest, config.largest)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the pixels that point to the same box."""
        labels = tidy(group_by_box(maps, config.threshold).labels, config.min_size)
        return self.judged(labels, self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return how sure the detector is of what it painted."""
        return Evidence([maps[_SURE]], votes=self._head.votes(maps))
