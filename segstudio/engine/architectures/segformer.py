"""SegFormer: a transformer looks at the image, a light head puts its levels together."""

from typing import ClassVar, Literal

from torch import nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderSettings


class SegFormerConfig(EncoderSettings):
    """SegFormer."""

    encoder: Literal["pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "mit_b0", "mit_b1", "mit_b2"] = param(
        "pvt_v2_b0", title="Encoder"
    )
    """The transformer that looks at the image, with a higher number larger and slower. The paper's own (mit) may be
    used for research only, by NVIDIA's licence; the others (pvt_v2) are near relatives that are free."""
    encoder_depth: int = param(5, title="Encoder depth", unit="levels", ge=3, le=5)
    """How often the image is halved. Deeper encoders see more around each pixel."""


@architectures.register("segformer")
class SegFormer(EncoderArchitecture):
    """The SegFormer of Xie et al. (2021); the Pyramid Vision Transformer v2 is by Wang et al. (2022)."""

    title = "SegFormer"
    description = (
        "A transformer: strong with many labels or ImageNet weights, weak from few. "
        "Sees the whole tile, so large images are predicted in blended tiles."
    )
    Config: ClassVar[type[Settings]] = SegFormerConfig
    config: SegFormerConfig
    decoder_sees_whole = True

    @classmethod
    def stride(cls, config: Settings) -> int:
        """Return 32: each level is compared with means of 32 x 32 pixels, which a smaller image has not."""
        del config
        return 32

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network with random weights."""
        return self.from_library("Segformer", in_channels, out_channels)
