"""U-Net++ whose way down is a known encoder."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class EncoderUNetPlusPlusConfig(EncoderConfig):
    """U-Net++ with encoder."""


@architectures.register("encoder_unet_plus_plus")
class EncoderUNetPlusPlus(EncoderArchitecture):
    """The U-Net++ of Zhou et al. (2018) on an encoder for photographs."""

    title = "U-Net++ with encoder"
    description = "A U-Net with more joints between its levels: finer outlines, slower."
    Config: ClassVar[type[Settings]] = EncoderUNetPlusPlusConfig
    config: EncoderUNetPlusPlusConfig

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("UnetPlusPlus", in_channels, out_channels, decoder_channels=self.decoder_channels)
