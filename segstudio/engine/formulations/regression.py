"""An image made of an image: restoration, one staining foretold from another; without targets, the objects."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.core.errors import WrongUsage
from segstudio.engine.decoding.components import components, tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation, Targets, formulations
from segstudio.engine.formulations.class_head import ClassHead
from segstudio.engine.formulations.object_targets import valid_pixels
from segstudio.engine.losses.regression import mean_absolute, mean_squared, smooth_l1

_LOSSES = {"l1": mean_absolute, "smooth_l1": smooth_l1, "mse": mean_squared}


class RegressionConfig(Settings):
    """Image to image."""

    loss: Literal["l1", "smooth_l1", "mse"] = param("l1", title="Difference", advanced=True)
    """What training lowers: the absolute difference (l1) keeps edges sharp, the squared one (mse) gives the mean of
    all that is possible, smooth_l1 lies between."""
    target_channels: int = param(
        0, title="Channels of the target images", ge=0, le=64, zero="as the images in targets/", advanced=True
    )
    """Channels of the images to be made. Found by itself; without targets the network learns where objects are."""


class RegressionDecodeConfig(DecodeSettings):
    """Finding objects in the image made."""


@formulations.register("regression")
class Regression(Formulation):
    """Maps of the same kind as the target image, by the difference to it."""

    title = "Image to image"
    description = "Makes one image of another: clean from noisy, one staining from another. Needs pairs in targets/."
    Config: ClassVar[type[Settings]] = RegressionConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = RegressionDecodeConfig
    separates = False
    result = "image"
    learns_images = True
    config: RegressionConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._head = ClassHead(self.class_ids if not self.config.target_channels else self.class_ids[:1])

    @property
    def makes_images(self) -> bool:
        """Whether its maps are an image, by target images, and no objects."""
        return self.config.target_channels > 0

    def for_images(self, channels: int) -> Formulation:
        """Return the formulation for target images of so many channels, 0 for labels."""
        wanted = self.config.target_channels
        if wanted and wanted != channels:
            there = f"the target images have {channels}" if channels else "there are no target images"
            raise WrongUsage(
                f"The setting target_channels asks for images of {wanted} channels, but {there}.",
                hint="Set it to 0: the number is that of the images in targets/.",
                code="target-channels",
            )
        return Regression(self.config.model_copy(update={"target_channels": channels}), self.class_ids)

    @property
    def out_channels(self) -> int:
        """One map a channel of the target; without targets one for objects, and one a class when there are several."""
        return max(1, self.config.target_channels) + self._head.channels

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the picture of the objects, 1 inside and 0 outside, and validity: what is learned without targets."""
        picture = (labels > 0).astype(np.float32)[None]
        return {"picture": picture, "valid": valid_pixels(labels), **self._head.encode(labels, object_classes)}

    def encode_image(self, target: NDArray[np.float32], known: NDArray[np.bool_]) -> Targets:
        """Make the targets of a target image ``(target_channels, H, W)``, known at some pixels ``(H, W)``."""
        return {"picture": target.astype(np.float32, copy=False), "valid": known.astype(np.float32)[None]}

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss term difference, and class."""
        maps = maps.float()
        picture = targets["picture"]
        difference = _LOSSES[self.config.loss](maps[:, : picture.shape[1]], picture, targets["valid"])
        return {"difference": difference} | self._head.loss(maps, targets)

    def activate(self, maps: Tensor) -> Tensor:
        """Return the image as it is; the picture of objects cut to 0..1, and the probabilities of the classes."""
        if self.makes_images:
            return maps
        return torch.cat([maps[:, :1].clamp(0, 1), *self._head.activate(maps)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the connected regions in which the first map exceeds the threshold."""
        picture = np.clip(maps[0], 0, 1)
        return self.judged(tidy(components(picture > config.threshold), config.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return the picture of objects."""
        return Evidence([np.clip(maps[0], 0, 1)], votes=self._head.votes(maps))

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return a few thresholds."""
        return [RegressionDecodeConfig(threshold=threshold) for threshold in (0.5, 0.4, 0.6)]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        return np.concatenate([targets["picture"], *self._head.perfect(targets)])
