"""Objects by embedding: each pixel points to a place that all pixels of its object share, and no other object has."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import fastremap
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.decoding.clustering import cluster
from segstudio.engine.decoding.components import mean_inside, tidy
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation, Targets, formulations
from segstudio.engine.formulations.centre_targets import vector_to_centre
from segstudio.engine.formulations.class_head import ClassHead
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_targets import valid_pixels, whole_objects
from segstudio.engine.losses.regression import mean_squared
from segstudio.engine.losses.spatial_embedding import (
    Members,
    likeness,
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
_INSIDE = 4.0


class EmbeddingConfig(Settings):
    """Objects by embedding."""

    loss: Literal["spatial", "discriminative"] = param("spatial", title="Loss")
    """Spatial learns the overlap of each object with its truth and how far its pixels may scatter; discriminative pulls
    the pixels of an object together and pushes objects apart."""
    embedding_weight: float = param(1.0, title="Weight of the embedding", ge=0, le=10, advanced=True)
    """How much pointing to the right place counts in the loss."""
    seed_weight: float = param(4.0, title="Weight of certainty", ge=0, le=20, advanced=True)
    """How much knowing which pixels belong to objects counts in the loss."""


@formulations.register("embedding")
class Embedding(Formulation):
    """Spatial embeddings with learned spread and seeds (Neven et al. 2019, EmbedSeg), or pulled and pushed ones."""

    title = "Objects by embedding"
    description = (
        "Pixels of an object learn to point to one place. For crowded cells of any compact shape; the overlap itself "
        "is what is trained."
    )
    Config: ClassVar[type[Settings]] = EmbeddingConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = DecodeSettings
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"centre": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    exact_targets: ClassVar[frozenset[str]] = frozenset({"instances"})
    config: EmbeddingConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._head = ClassHead(self.class_ids)

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
        """Return the loss terms embedding, seed and class, and spread when it is learned."""
        maps = maps.float()
        found = members(targets["instances"], targets["whole"])
        embedding = _STEP * maps[:, :2] + _grid(maps)
        if self.config.loss == "spatial":
            terms, wanted = self._spatial(maps, embedding, found, targets)
        else:
            # In units of the raw output, so that the loss is of the order of 1.
            apart = pull_push_loss(embedding / _STEP, found, _NEAR_PX / _STEP, _APART_PX / _STEP)
            terms, wanted = {"embedding": apart}, (targets["instances"] > 0).float()
        weight = targets["whole"] * (1 + _INSIDE * (targets["instances"] > 0))
        terms["seed"] = mean_squared(maps[:, _SURE : _SURE + 1].sigmoid(), wanted, weight)
        weights = {"embedding": self.config.embedding_weight, "seed": self.config.seed_weight}
        weighted = {name: weights.get(name, 1.0) * term for name, term in terms.items()}
        return weighted | self._head.loss(maps, targets)

    def _spatial(
        self, maps: Tensor, embedding: Tensor, found: Members, targets: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return the terms of the spatial loss, and how like its object each pixel already is."""

        def own(planes: Tensor) -> Tensor:
            return planes.permute(0, 2, 3, 1).reshape(-1, planes.shape[1])[found.pixel]

        spread = maps[:, _SPREAD : _SPREAD + 1]
        mean = found.mean(own(spread))
        width = _width(mean)[:, 0]
        centre = found.mean(own(targets["centre"] + _grid(maps)))
        differ = found.mean((own(spread) - mean.detach()[found.owner]) ** 2).sum() / max(1, found.count)
        with torch.no_grad():
            alike = likeness(own(embedding), centre[found.owner], width[found.owner])
            wanted = torch.zeros_like(targets["whole"]).flatten().index_put((found.pixel,), alike)
        overlap = overlap_loss(embedding, centre, width, found, targets["whole"])
        return {"embedding": overlap, "spread": differ}, wanted.view_as(targets["whole"])

    def activate(self, maps: Tensor) -> Tensor:
        """Return vectors and how near a pixel must point, in pixels, certainty, class probabilities."""
        reach = _EDGE * _width(maps[:, _SPREAD : _SPREAD + 1])
        if self.config.loss == "discriminative":
            reach = torch.full_like(reach, _APART_PX / 2)
        sure = maps[:, _SURE : _SURE + 1].sigmoid()
        return torch.cat([_STEP * maps[:, :2], reach, sure, *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the places to which many pixels point."""
        sure = maps[_SURE]
        found = cluster(maps[:2], maps[_SPREAD], sure, sure > config.threshold)
        labels = tidy(found, config.min_size)
        scores = np.clip(mean_inside(labels, sure), 0, 1)
        return Decoded(labels, self._head.vote(labels, maps), dict(enumerate(scores.tolist()[1:], start=1)))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return several thresholds."""
        return [DecodeSettings(threshold=threshold) for threshold in (0.5, 0.4, 0.3, 0.6, 0.7)]

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
