"""Objects by pairs of pixels: do they belong together? The surest answers are followed first."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.decoding.mutex_watershed import absorb_fragments, mutex_watershed
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.edge_targets import edge_offsets, edge_signs, moved_edges, seen_from
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import valid_pixels
from segstudio.engine.losses.balanced_edges import edge_loss
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.orientation import turn, turn_vector

#: Offsets to the next pixels; they stand before the others.
_NEAR = 2


class AffinitiesConfig(ObjectConfig):
    """Objects by affinity."""

    reach: int = param(9, title="Reach", unit="px", ge=3, le=100, advanced=True)
    """How far apart the pixels are that are compared at most. About half the width of an object, or of the gaps that
    its outline is torn by."""
    affinity_weight: float = param(1.0, title="Weight of affinities", ge=0, le=10, advanced=True)
    """How much the pairs of pixels count in the loss."""
    foreground_weight: float = param(1.0, title="Weight of foreground", ge=0, le=10, advanced=True)
    """How much telling objects from background counts in the loss."""


class AffinitiesDecodeConfig(DecodeSettings):
    """Finding objects."""

    joins_above: float = param(0.5, title="Join above", ge=0.02, le=0.98, advanced=True)
    """How sure the network must be that neighbouring pixels belong together to join them. Lower merges more."""
    splits_below: float = param(0.7, title="Split below", ge=0.02, le=0.98, advanced=True)
    """Pixels further apart are kept apart when the network is less sure than this that they belong together. Lower
    merges more."""
    fragment: int = param(10, title="Fragments", unit="px", ge=0, le=100_000, zero="kept", advanced=True)
    """Parts of fewer pixels go to the object beside them."""


@formulations.register("affinities")
class Affinities(ObjectFormulation):
    """Foreground, and affinities to eight other pixels, near and far; decoded by the mutex watershed."""

    title = "Objects by affinity"
    description = "Any shape: tissue between membranes, neurites, branching cells; needs more images than others."
    Config: ClassVar[type[Settings]] = AffinitiesConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = AffinitiesDecodeConfig
    config: AffinitiesConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._offsets = edge_offsets(self.config.reach)
        self._edges = slice(1, 1 + len(self._offsets))

    @property
    def out_channels(self) -> int:
        """Foreground, one map for each offset, and one a class when there are several."""
        return 1 + len(self._offsets) + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """The decoder needs both."""
        return (
            LearnedMap("affinity_weight", "which pixels belong together"),
            LearnedMap("foreground_weight", "the foreground"),
        )

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the signs of the edges, 0 where unknown, foreground and validity."""
        return {
            "edges": edge_signs(labels, self._offsets),
            "foreground": (labels > 0).astype(np.float32)[None],
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def turn_targets(self, targets: Targets, quarter_turns: int, mirror: bool) -> Targets:
        """Turn the offsets of the edges with the picture."""
        turned = super().turn_targets(targets, quarter_turns, mirror)
        sources = moved_edges(self._offsets, lambda offset: _turned(offset, quarter_turns, mirror))
        edges = turn(targets["edges"], quarter_turns, mirror)
        turned["edges"] = np.stack([seen_from(edges[channel], *end) for channel, end in sources])
        return turned

    def unflip_maps(self, maps: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Mirror the offsets of the edges with the picture."""
        plain = super().unflip_maps(maps, axes)
        signs = (-1 if 2 in axes else 1, -1 if 3 in axes else 1)
        sources = moved_edges(self._offsets, lambda offset: (signs[0] * offset[0], signs[1] * offset[1]))
        edges = plain[:, self._edges]
        moved = [_shifted(edges[:, channel : channel + 1], *end) for channel, end in sources]
        return torch.cat([plain[:, :1], *moved, plain[:, self._edges.stop :]], dim=1)

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms affinities, foreground and class."""
        maps = maps.float()
        terms = {
            "affinities": self.config.affinity_weight * edge_loss(maps[:, self._edges], targets["edges"]),
            "foreground": self.config.foreground_weight
            * mask_loss(maps[:, :1], targets["foreground"], targets["valid"]),
        }
        return terms | self._head.loss(maps, targets, self._weights)

    def activate(self, maps: Tensor) -> Tensor:
        """Return the probabilities of foreground, edges and classes."""
        return torch.cat([maps[:, : self._edges.stop].sigmoid(), *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Join and split pixels of the foreground, surest edges first."""
        settings = AffinitiesDecodeConfig.model_validate(config.model_dump())
        foreground, edges = maps[0], maps[self._edges]
        mask = foreground > settings.threshold
        found = mutex_watershed(edges, self._offsets, _NEAR, mask, settings.joins_above, settings.splits_below)
        labels = tidy(absorb_fragments(found, foreground, mask, settings.fragment), settings.min_size)
        return self.judged(labels, self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return foreground and the affinities to the next pixels."""
        return Evidence([maps[0], maps[self._edges][:_NEAR].mean(axis=0)], votes=self._head.votes(maps))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds for the foreground and for what joins and splits."""
        return [
            AffinitiesDecodeConfig(threshold=threshold, joins_above=joins, splits_below=splits)
            for threshold in (0.5, 0.4, 0.6)
            for joins, splits in ((0.5, 0.7), (0.5, 0.5), (0.6, 0.85))
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        edges = (targets["edges"] > 0).astype(np.float32)
        return np.concatenate([targets["foreground"], edges, *self._head.perfect(targets)])


def _turned(offset: tuple[int, int], quarter_turns: int, mirror: bool) -> tuple[int, int]:
    dy, dx = turn_vector(*offset, quarter_turns, mirror)
    return round(dy), round(dx)


def _shifted(maps: Tensor, dy: int, dx: int) -> Tensor:
    """Return ``maps[..., y + dy, x + dx]``, beyond the image what the nearest pixel holds: those edges have no end."""
    if (dy, dx) == (0, 0):
        return maps
    height, width = maps.shape[2:]
    padded = functional.pad(maps, (max(0, -dx), max(0, dx), max(0, -dy), max(0, dy)), mode="replicate")
    return padded[..., max(0, dy) : max(0, dy) + height, max(0, dx) : max(0, dx) + width]
