"""LinkNet: levels are added instead of put side by side, which makes it fast."""

from typing import ClassVar

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig


class LinkNetConfig(EncoderConfig):
    """LinkNet."""


@architectures.register("linknet")
class LinkNet(EncoderArchitecture):
    """The LinkNet of Chaurasia and Culurciello (2017)."""

    title = "LinkNet"
    description = "A light and fast relative of the U-Net, for large images on a slow computer."
    Config: ClassVar[type[Settings]] = LinkNetConfig
    config: LinkNetConfig

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("Linknet", in_channels, out_channels)
