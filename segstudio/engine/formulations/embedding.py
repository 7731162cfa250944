"""Objects by embedding: each pixel points to a place that all pixels of its object share, and no other object has."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import fastremap
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.clustering import cluster
from segstudio.engine.decoding.components import tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Targets, formulations
from segstudio.engine.formulations.centre_targets import vector_to_centre
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import valid_pixels, whole_objects
from segstudio.engine.losses.mask import mask_loss
from segstudio.engine.losses.regression import smooth_l1
from segstudio.engine.losses.spatial_embedding import (
    Members,
    members,
    overlap_loss,
    pull_push_loss,
)

#: Maps: vector (dy, dx), how near a pixel must point, how sure it belongs to an object.
_SPREAD, _SURE, _HEADS = 2, 3, 4
#: Pixels that a raw output of 1 stands for, so that the network begins with small numbers.
_STEP = 8.0
#: How near pixels must point at the start of a training, and the largest change of its logarithm.
_SPREAD_PX, _MOST_LOG = 4.0, 3.0
#: Distance, in spreads, at which a pixel is as likely in as out.
_EDGE = float(np.sqrt(2 * np.log(2)))
#: Discriminative loss: pixels stay this near to their object's place, and places this far from each other, pixels.
_NEAR_PX, _APART_PX = 1.5, 6.0


class EmbeddingConfig(ObjectConfig):
    """Objects by embedding."""

    loss: Literal["spatial", "discriminative"] = param("spatial", title="Loss")
    """Spatial learns the overlap of each object with its truth and how far its pixels may scatter; discriminative pulls
    the pixels of an object together and pushes objects apart."""
    embedding_weight: float = param(1.0, title="Weight of the embedding", ge=0, le=10, advanced=True)
    """How much pointing to the right place counts in the loss."""
    seed_weight: float = param(1.0, title="Weight of certainty", ge=0, le=20, advanced=True)
    """How much knowing which pixels belong to objects counts in the loss."""


class EmbeddingDecodeConfig(DecodeSettings):
    """Finding objects."""

    smoothing: float = param(1.5, title="Smoothing", unit="px", ge=0.5, le=10, advanced=True)
    """How far apart the places to which pixels of one object point may lie. Higher merges more."""


@formulations.register("embedding")
class Embedding(ObjectFormulation):
    """Spatial embeddings with learned spread and seeds (Neven et al. 2019, EmbedSeg), or pulled and pushed ones."""

    title = "Objects by embedding"
    description = (
        "Pixels of an object learn to point to one place. For crowded cells of any compact shape; the overlap itself "
        "is what is trained."
    )
    Config: ClassVar[type[Settings]] = EmbeddingConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = EmbeddingDecodeConfig
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"centre": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    exact_targets: ClassVar[frozenset[str]] = frozenset({"instances"})
    config: EmbeddingConfig

    @property
    def out_channels(self) -> int:
        """Four maps, and one a class when there are several."""
        return _HEADS + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """The decoder needs both."""
        return (
            LearnedMap("embedding_weight", "where pixels point to"),
            LearnedMap("seed_weight", "which pixels belong to objects"),
        )

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make ids and vectors to the centres of whole objects, so that one cut by a patch keeps its place."""
        # Large ids would not fit into float32.
        instances = fastremap.renumber(np.maximum(labels, 0), preserve_zero=True)[0]
        return {
            "instances": instances.astype(np.float32)[None],
            "centre": vector_to_centre(labels),
            "whole": whole_objects(labels),
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms embedding, seed and class, with the spatial loss centre and spread too."""
        maps = maps.float()
        found = members(targets["instances"], targets["whole"])
        embedding = _STEP * maps[:, :2] + _grid(maps)
        if self.config.loss == "spatial":
            terms = self._spatial(maps, embedding, found, targets)
        else:
            # In units of the raw output, so that the loss is of the order of 1.
            apart = pull_push_loss(embedding / _STEP, found, _NEAR_PX / _STEP, _APART_PX / _STEP)
            terms = {"embedding": apart}
        inside = (targets["instances"] > 0).float()
        terms["seed"] = mask_loss(maps[:, _SURE : _SURE + 1], inside, targets["valid"])
        pointing, seed = self.config.embedding_weight, self.config.seed_weight
        weights = {"embedding": pointing, "centre": pointing, "seed": seed}
        weighted = {name: weights.get(name, 1.0) * term for name, term in terms.items()}
        return weighted | self._head.loss(maps, targets, self._weights)

    def _spatial(
        self, maps: Tensor, embedding: Tensor, found: Members, targets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the terms of the spatial loss.

        The overlap hardly pulls at pixels that point far away, as all do at first: that they should point to the
        middle is learned directly as well.
        """

        def own(planes: Tensor) -> Tensor:
            return planes.permute(0, 2, 3, 1).reshape(-1, planes.shape[1])[found.pixel]

        spread = maps[:, _SPREAD : _SPREAD + 1]
        mean = found.mean(own(spread))
        width = _width(mean)[:, 0]
        centre = found.mean(own(targets["centre"] + _grid(maps)))
        differ = found.mean((own(spread) - mean.detach()[found.owner]) ** 2).sum() / max(1, found.count)
        overlap = overlap_loss(embedding, centre, width, found, targets["whole"])
        inside = targets["whole"] * (targets["instances"] > 0)
        middle = smooth_l1(maps[:, :2], targets["centre"] / _STEP, inside)
        return {"embedding": overlap, "centre": middle, "spread": differ}

    def activate(self, maps: Tensor) -> Tensor:
        """Return vectors and how near a pixel must point, in pixels, certainty, class probabilities."""
        reach = _EDGE * _width(maps[:, _SPREAD : _SPREAD + 1])
        if self.config.loss == "discriminative":
            reach = torch.full_like(reach, _APART_PX / 2)
        sure = maps[:, _SURE : _SURE + 1].sigmoid()
        return torch.cat([_STEP * maps[:, :2], reach, sure, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the places to which many pixels point."""
        settings = EmbeddingDecodeConfig.model_validate(config.model_dump())
        sure = maps[_SURE]
        found = cluster(maps[:2], maps[_SPREAD], sure, sure > settings.threshold, settings.smoothing)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return how sure pixels are to belong to an object."""
        return Evidence([maps[_SURE]], votes=self._head.votes(maps))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return several thresholds, each with places near each other and scattered ones."""
        return [
            EmbeddingDecodeConfig(threshold=threshold, smoothing=smoothing)
            for smoothing in (1.5, 1.0, 2.5)
            for threshold in (0.5, 0.4, 0.6)
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network whose pixels all point exactly to their object's centre."""
        inside = (targets["instances"] > 0).astype(np.float32)
        reach = np.full_like(inside, _APART_PX / 2)
        return np.concatenate([targets["centre"], reach, inside, *self._head.perfect(targets)])


def _width(spread: Tensor) -> Tensor:
    return _SPREAD_PX * torch.exp(spread.clamp(-_MOST_LOG, _MOST_LOG))


def _grid(maps: Tensor) -> Tensor:
    """Return ``(2, H, W)``: row and column of each pixel."""
    rows, columns = (torch.arange(side, device=maps.device, dtype=torch.float32) for side in maps.shape[2:])
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
