"""PSPNet: means over large and small parts of the tile tell each pixel where it is."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class PSPNetConfig(EncoderConfig):
    """PSPNet."""

    encoder_depth: int = param(3, title="Encoder depth", unit="levels", ge=2, le=5)
    """How often the image is halved. The maps are that much coarser than the image and are enlarged at the end."""


@architectures.register("pspnet")
class PSPNet(EncoderArchitecture):
    """The pyramid scene parsing network of Zhao et al. (2017)."""

    title = "PSPNet"
    description = (
        "For tissue regions, where the surroundings tell what a pixel is; outlines are coarse. "
        "Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = PSPNetConfig
    config: PSPNetConfig
    decoder_sees_whole = True

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("PSPNet", in_channels, out_channels, upsampling=2**self.config.encoder_depth)
