"""UPerNet: a feature pyramid whose deepest level knows the means of the tile."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class UPerNetConfig(EncoderConfig):
    """UPerNet."""

    encoder_depth: int = param(4, title="Encoder depth", unit="levels", ge=3, le=5)
    """How often the image is halved. Deeper encoders see more around each pixel."""


@architectures.register("upernet")
class UPerNet(EncoderArchitecture):
    """The unified perceptual parsing network of Xiao et al. (2018)."""

    title = "UPerNet"
    description = (
        "For tissue and cells of very different sizes together; large and slow. "
        "Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = UPerNetConfig
    config: UPerNetConfig
    decoder_sees_whole = True

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("UPerNet", in_channels, out_channels)
