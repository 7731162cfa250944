"""DeepLabV3+: convolutions with gaps see far around each pixel without making the image smaller."""

from typing import ClassVar, Literal

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderSettings


class DeepLabConfig(EncoderSettings):
    """DeepLabV3+."""

    encoder: Literal[
        "resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2", "efficientnet-b0", "efficientnet-b2"
    ] = param("resnet18", title="Encoder")
    """The part that looks at the image. ResNet is a good first choice, with a higher number larger and slower;
    MobileNet is light."""
    encoder_depth: int = param(4, title="Encoder depth", unit="levels", ge=3, le=5)
    """How many levels the encoder has. The fifth does not halve the image any more, but sees twice as far."""


@architectures.register("deeplabv3plus")
class DeepLabV3Plus(EncoderArchitecture):
    """The DeepLabV3+ of Chen et al. (2018)."""

    title = "DeepLabV3+"
    description = (
        "For large structures whose surroundings matter, such as glands. "
        "Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = DeepLabConfig
    config: DeepLabConfig
    decoder_sees_whole = True
    output_stride = 16

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("DeepLabV3Plus", in_channels, out_channels, encoder_output_stride=self.output_stride)
