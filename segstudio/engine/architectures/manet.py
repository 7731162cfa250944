"""MA-Net: a U-Net in which each pixel asks all others of the tile."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class MANetConfig(EncoderConfig):
    """MA-Net."""

    encoder_depth: int = param(4, title="Encoder depth", unit="levels", ge=3, le=5)
    """How often the image is halved. With fewer levels the comparison of all pixels needs much more memory."""


@architectures.register("manet")
class MANet(EncoderArchitecture):
    """The multi-scale attention network of Fan et al. (2020)."""

    title = "MA-Net"
    description = (
        "A U-Net that compares distant parts of the tile, for structures that repeat. "
        "Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = MANetConfig
    config: MANetConfig
    decoder_sees_whole = True

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("MAnet", in_channels, out_channels, decoder_channels=self.decoder_channels)
