"""What Mask R-CNN and the detectors of boxes have in common; registers nothing itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import fastremap
import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from torch import Tensor

from segstudio.config.base import param
from segstudio.engine.formulations.base import DecodeSettings, Targets
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_formulation import ObjectConfig, ObjectFormulation
from segstudio.engine.formulations.object_targets import valid_pixels, whole_objects
from segstudio.engine.network import Network

if TYPE_CHECKING:
    from segstudio.engine.detectors.network import Plan

#: Vector to the centre of the box, its height and width, how sure: see `segstudio.engine.detectors.found`.
_BOX_MAPS = 5
_SURE = 4
#: Torchvision has weights learned from everyday photographs for one backbone of one width only.
_COCO = ("resnet50", 256)


class DetectorConfig(ObjectConfig):
    """Detector. What all detectors can be set to."""

    backbone: Literal["small", "mobilenet_v2", "resnet18", "resnet34", "resnet50"] = param("small", title="Backbone")
    """The network below the detector. The small one learns fastest from few images; on a graphics card and with more
    than fifty images a ResNet finds more."""
    width: int = param(64, title="Width", unit="channels", ge=8, le=512, advanced=True)
    """Channels of the layers that look for objects. 256 is usual on a graphics card."""
    smallest: int = param(8, title="Smallest object", unit="px", ge=2, le=2048)
    """Side of the boxes around the smallest objects. Smaller ones are found less surely."""
    largest: int = param(128, title="Largest object", unit="px", ge=4, le=4096)
    """Side of the boxes around the largest objects. It also says how far tiles overlap."""
    pretrained: Literal["none", "imagenet", "coco"] = param("none", title="Pretrained weights")
    """Weights to begin with, fetched once from the internet: of ImageNet for any backbone but the small one, or of
    COCO for ResNet-50 with a width of 256."""
    box_weight: float = param(1.0, title="Weight of boxes", advanced=True, ge=0, le=100)
    """How much the place and size of boxes count in the loss."""
    class_weight: float = param(1.0, title="Weight of classes", advanced=True, ge=0, le=100)
    """How much it counts to know objects from background, and of which class they are."""

    @model_validator(mode="after")
    def _fits(self) -> "DetectorConfig":
        if self.smallest >= self.largest:
            raise ValueError(f"the smallest object ({self.smallest} px) must be smaller than the largest")
        if self.pretrained != "none" and self.backbone == "small":
            raise ValueError("there are no pretrained weights for the small backbone; choose another one")
        if self.pretrained == "coco" and (self.backbone, self.width) != _COCO:
            raise ValueError("weights of COCO are for the backbone resnet50 with a width of 256")
        return self

    @property
    def term_weights(self) -> dict[str, float]:
        """The weight of each loss term."""
        return {
            "class": self.class_weight,
            "proposal": self.class_weight,
            "box": self.box_weight,
            "proposal_box": self.box_weight,
            "centre": self.box_weight,
            "rectangle": self.box_weight,
        }


class Detector(ObjectFormulation):
    """A formulation whose network is a detector of torchvision that paints what it finds as maps."""

    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    exact_targets: ClassVar[frozenset[str]] = frozenset({"instances"})
    own_network: ClassVar[bool] = True
    own_stride: ClassVar[int] = 32
    largest_setting: ClassVar[str] = "largest"
    config: DetectorConfig

    def use_class_pixels(self, pixels: Sequence[int]) -> None:
        """Weigh objects by their class as the settings ask, and all of them together as much as ever.

        Their weights also say how much objects count beside background, which those of common classes must not lose.
        """
        super().use_class_pixels(pixels)
        if self._weights is not None:
            mean = float(np.average(self._weights, weights=pixels[1:]))
            self._weights = tuple(weight / mean for weight in self._weights)

    @property
    def out_channels(self) -> int:
        """Five maps, and one a class when there are several."""
        return _BOX_MAPS + self._head.channels

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """No box is found without both."""
        return (
            LearnedMap("class_weight", "objects from background"),
            LearnedMap("box_weight", "the place and size of boxes"),
        )

    def plan(self) -> "Plan":
        """Return what is to be built."""
        raise NotImplementedError

    def build_network(self, in_channels: int) -> Network:
        """Return the detector with random weights."""
        # Importing torchvision's detectors takes seconds: only who trains or predicts with one waits for it.
        from segstudio.engine.detectors.network import DetectorNetwork

        return DetectorNetwork(in_channels, len(self.class_ids), self.plan())

    @property
    def pretrained(self) -> bool:
        """Whether the settings ask for weights that others have learned."""
        return self.config.pretrained != "none"

    def pretrain(self, network: Network) -> None:
        """Load the weights that the settings ask for into the backbone."""
        if self.pretrained:
            from segstudio.engine.detectors.pretrained import load_pretrained

            load_pretrained(network, self.config.backbone, self.config.pretrained)

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make ids of objects, which of them are known whole and how large they are, validity and classes.

        Boxes are made of what a patch shows of an object; see `segstudio.engine.detectors.truth` for what is left out.
        """
        # Large ids would not fit into float32.
        instances = fastremap.renumber(np.maximum(labels, 0), preserve_zero=True)[0]
        pixels = np.bincount(instances.ravel(), minlength=1)
        pixels[0] = 0
        return {
            "instances": instances.astype(np.float32)[None],
            "whole": whole_objects(labels),
            # The root, for which float16 suffices.
            "side": np.sqrt(pixels, dtype=np.float32)[instances][None],
            "valid": valid_pixels(labels),
            **self._head.encode(labels, object_classes),
        }

    def training_loss(self, network: Network, image: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the detector's own loss terms, weighted."""
        from segstudio.engine.detectors.network import DetectorNetwork

        assert isinstance(network, DetectorNetwork)
        weights = self.config.term_weights
        return {name: weights[name] * term for name, term in network.losses(image, targets, self._weights).items()}

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Refuse: the maps of a detector are its answers, from which nothing can be learned."""
        raise NotImplementedError("A detector learns inside its network: ask `training_loss`.")

    def activate(self, maps: Tensor) -> Tensor:
        """Return `maps` as they are."""
        return maps

    def merge_looks(self, looks: Iterator[Tensor]) -> Tensor:
        """Return the maps on which most looks agree at each pixel: the mean of two boxes would be a third one."""
        seen = list(looks)
        if len(seen) == 1:
            return seen[0]
        from segstudio.engine.detectors.looks import agreed

        return agreed(seen)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return several thresholds."""
        return [self.DecodeConfig(threshold=threshold) for threshold in (0.5, 0.3, 0.4, 0.6, 0.7, 0.8)]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a detector that finds each object with its exact outline."""
        instances = targets["instances"][0].astype(np.int64)
        boxes = bounding_boxes(instances)
        inside = instances > 0
        y0, x0, y1, x1 = boxes[instances].transpose(2, 0, 1)
        rows, columns = np.indices(instances.shape) + 0.5
        maps = np.stack([(y0 + y1) / 2 - rows, (x0 + x1) / 2 - columns, y1 - y0, x1 - x0, np.ones(inside.shape)])
        return np.concatenate([np.where(inside, maps, 0).astype(np.float32), *self._head.perfect(targets)])


def bounding_boxes(instances: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``(n + 1, 4)`` y0, x0, y1, x1 of the objects 1..n of `instances` ``(H, W)``, as pixel corners."""
    rows, columns = np.nonzero(instances)
    ids = instances[rows, columns]
    boxes = np.zeros((int(instances.max(initial=0)) + 1, 4))
    boxes[:, :2] = np.inf
    for axis, places in enumerate((rows, columns)):
        np.minimum.at(boxes[:, axis], ids, places)
        np.maximum.at(boxes[:, axis + 2], ids, places + 1)
    boxes[~np.isfinite(boxes).all(axis=1)] = 0
    return boxes
