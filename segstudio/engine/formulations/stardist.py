"""Objects as star-convex polygons: each pixel says how far the outline is in all directions."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.core.errors import WrongUsage
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.polygon_nms import paint_polygons, star_polygons
from segstudio.engine.decoding.watershed import flood
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import relative_distance, valid_pixels, whole_objects
from segstudio.engine.formulations.ray_targets import ray_lengths, turn_rays
from segstudio.engine.losses.cross_entropy import binary_cross_entropy
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.rays import ray_loss

_PROBABILITY, _FOREGROUND, _HEADS = 0, 1, 2
#: Length of a ray, pixels, for which an untrained network stands.
_TYPICAL = 8.0
#: What a pixel of a ray counts beside the other terms, as in StarDist.
_RAY_SHARE = 0.2


class StarDistConfig(ObjectConfig):
    """Round objects."""

    rays: Literal[32, 64] = param(32, title="Rays", advanced=True)
    """In how many directions the distance to the outline is learned. More follow it closer and take more memory."""
    probability_weight: float = param(1.0, title="Weight of probability", ge=0, le=10, advanced=True)
    """How much finding the middles of objects counts in the loss."""
    ray_weight: float = param(1.0, title="Weight of rays", ge=0, le=10, advanced=True)
    """How much the lengths of the rays count in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """How much telling objects from background counts in the loss."""


class StarDistDecodeConfig(DecodeSettings):
    """Finding objects."""

    overlap: float = param(0.4, title="Overlap", ge=0.02, le=0.98, advanced=True)
    """Of two polygons that share more than this part of the smaller one, only the surer stays. Higher finds more."""
    outline: Literal["foreground", "polygon"] = param("foreground", title="Outline", advanced=True)
    """Let the polygons fill the foreground, which follows outlines exactly, or keep the polygons as they are."""
    edge: float = param(0.5, title="Foreground threshold", ge=0.02, le=0.98, advanced=True)
    """With the foreground as outline: how sure the network must be that a pixel belongs to an object."""


@formulations.register("stardist")
class StarDist(ObjectFormulation):
    """Probability of an object's middle, foreground, and rays (Schmidt et al., 2018); polygons by suppression.

    The foreground is an addition: it lets the outlines be exact where polygons of a few rays are not.
    """

    title = "Round objects, as StarDist"
    description = "Crowded round objects such as nuclei in tissue; not for long, bent or branching ones."
    Config: ClassVar[type[Settings]] = StarDistConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = StarDistDecodeConfig
    config: StarDistConfig

    @property
    def _rays(self) -> slice:
        return slice(_HEADS, _HEADS + self.config.rays)

    @property
    def out_channels(self) -> int:
        """Probability, foreground and rays, and one map a class when there are several."""
        return _HEADS + self.config.rays + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """Polygons need probability and rays; the foreground only makes outlines exact."""
        return (
            LearnedMap("probability_weight", "where the middles of objects are"),
            LearnedMap("ray_weight", "the rays"),
            LearnedMap("foreground_weight", "the foreground", "objects are polygons, without exact outlines"),
        )

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make probability, rays (negative where cut), foreground, and where they are certain."""
        return {
            "probability": relative_distance(labels),
            "rays": ray_lengths(labels, self.config.rays),
            "foreground": (labels > 0).astype(np.float32)[None],
            "certain": whole_objects(labels),
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def turn_targets(self, targets: Targets, quarter_turns: int, mirror: bool) -> Targets:
        """Turn the directions of the rays with the picture."""
        turned = super().turn_targets(targets, quarter_turns, mirror)
        turned["rays"] = turn_rays(targets["rays"], quarter_turns, mirror)
        return turned

    def unflip_maps(self, maps: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Mirror the directions of the rays with the picture."""
        plain = super().unflip_maps(maps, axes)
        number = self.config.rays
        ray = torch.arange(number, device=maps.device)
        if 3 in axes:
            ray = (number // 2 - ray) % number
        if 2 in axes:
            ray = -ray % number
        return torch.cat([plain[:, :_HEADS], plain[:, self._rays][:, ray], plain[:, self._rays.stop :]], dim=1)

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms probability, rays, foreground and class."""
        maps = maps.float()
        probability, foreground = (maps[:, channel : channel + 1] for channel in (_PROBABILITY, _FOREGROUND))
        config, weight = self.config, targets["probability"] * targets["valid"]
        terms = {
            "probability": config.probability_weight
            * binary_cross_entropy(probability, targets["probability"], targets["certain"]),
            "rays": _RAY_SHARE * config.ray_weight * ray_loss(_lengths(maps[:, self._rays]), targets["rays"], weight),
            "foreground": config.foreground_weight * mask_loss(foreground, targets["foreground"], targets["valid"]),
        }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return probability, foreground, lengths in pixels, class probabilities."""
        heads = [maps[:, :_HEADS].sigmoid(), _lengths(maps[:, self._rays])]
        return torch.cat([*heads, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Keep the surest of polygons that overlap, and let them fill the foreground if asked."""
        settings = StarDistDecodeConfig.model_validate(config.model_dump())
        probability, foreground = maps[_PROBABILITY], maps[_FOREGROUND]
        if settings.outline not in self._outlines:
            raise WrongUsage(
                "This model has not learned the foreground, by which outlines are made exact: its weight was 0.",
                hint="Choose the outline polygon.",
                code="map-not-learned",
            )
        polygons = star_polygons(probability, maps[self._rays], settings.threshold, settings.overlap)
        found = paint_polygons(*polygons, probability.shape)
        if settings.outline == "foreground":
            mask = foreground > settings.edge
            found = flood(foreground, np.where(mask, found, 0), mask)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return probability, and foreground where it is learned."""
        means = [maps[_FOREGROUND]] if "foreground" in self._outlines else []
        return Evidence(means, [maps[_PROBABILITY]], self._head.votes(maps))

    @property
    def _outlines(self) -> tuple[Literal["foreground", "polygon"], ...]:
        return ("foreground", "polygon") if self.config.foreground_weight > 0 else ("polygon",)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds and both outlines, or the one that needs no foreground."""
        return [
            StarDistDecodeConfig(threshold=threshold, overlap=overlap, outline=outline)
            for outline in self._outlines
            for threshold in (0.5, 0.4, 0.3, 0.2, 0.6)
            for overlap in (0.4, 0.3)
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        heads = [targets["probability"], targets["foreground"], np.abs(targets["rays"])]
        return np.concatenate([*heads, *self._head.perfect(targets)])


def _lengths(raw: Tensor) -> Tensor:
    """Return rays in pixels, about `_TYPICAL` at 0 and growing evenly with the answer.

    An exponential learns slower, large objects most of all: where a ray is too short its slope is smallest.
    """
    return _TYPICAL * functional.softplus(2 * raw + 0.5)
