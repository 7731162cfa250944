"""U-Net whose way down is a known encoder, which can begin with weights learned on photographs."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class EncoderUNetConfig(EncoderConfig):
    """U-Net with encoder."""


@architectures.register("encoder_unet")
class EncoderUNet(EncoderArchitecture):
    """The U-Net of Ronneberger et al. (2015) on an encoder for photographs."""

    title = "U-Net with encoder"
    description = "A U-Net that can begin with what was learned on photographs: good with few labels of stained tissue."
    Config: ClassVar[type[Settings]] = EncoderUNetConfig
    config: EncoderUNetConfig

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("Unet", in_channels, out_channels, decoder_channels=self.decoder_channels)
