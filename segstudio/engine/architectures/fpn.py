"""FPN: a pyramid of levels, each of which gives maps that are added."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class FPNConfig(EncoderConfig):
    """FPN."""

    encoder_depth: int = param(4, title="Encoder depth", unit="levels", ge=3, le=5)
    """How often the image is halved. Deeper encoders see more around each pixel and give coarser outlines."""


@architectures.register("fpn")
class FPN(EncoderArchitecture):
    """The feature pyramid network of Lin et al. (2017) with the segmentation head of Kirillov et al. (2019)."""

    title = "FPN"
    description = (
        "For small and large objects in one image. Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = FPNConfig
    config: FPNConfig
    decoder_sees_whole = True

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("FPN", in_channels, out_channels, upsampling=2 ** (self.config.encoder_depth - 3))
