"""FCN: an encoder whose coarse maps are enlarged by learned interpolation, with finer levels added on the way."""

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

from torch import Tensor, nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import architectures
from segstudio.engine.architectures.encoder_family import EncoderArchitecture, EncoderConfig
from segstudio.engine.architectures.encoders import library, library_name
from segstudio.engine.architectures.unet_blocks import fill_bilinear

_SKIPS = {"FCN-32": 0, "FCN-16": 1, "FCN-8": 2}


class FCNConfig(EncoderConfig):
    """FCN."""

    skips: Literal["FCN-8", "FCN-16", "FCN-32"] = param("FCN-8", title="Skips")
    """FCN-32 enlarges the deepest level at once; FCN-16 and FCN-8 add one and two finer levels on the way, which gives
    finer outlines. The numbers are those of an encoder of five levels."""
    encoder_depth: int = param(4, title="Encoder depth", unit="levels", ge=3, le=5)
    """How often the image is halved; five in the paper. Fewer levels give finer outlines and see less around each
    pixel."""


@architectures.register("fcn")
class FCN(EncoderArchitecture):
    """The fully convolutional network of Long et al. (2015)."""

    title = "FCN"
    description = "The first network of its kind, for comparison: simple, with coarse outlines."
    Config: ClassVar[type[Settings]] = FCNConfig
    config: FCNConfig

    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return an encoder of the library and the paper's head, with random weights."""
        depth = self.config.encoder_depth
        encoder: nn.Module = library().encoders.get_encoder(
            library_name(self.config.encoder), in_channels=in_channels, depth=depth, weights=None
        )
        return FCNModel(encoder, out_channels, depth, _SKIPS[self.config.skips])


class FCNModel(nn.Module):
    """Scores of the deepest levels, doubled in size and added one after the other.

    Parameters
    ----------
    encoder
        Gives the image and `depth` levels, each half as large as the one before; ``out_channels`` are theirs.
    skips
        How many finer levels are added to the deepest.
    """

    def __init__(self, encoder: nn.Module, out_channels: int, depth: int, skips: int) -> None:
        super().__init__()
        self.encoder = encoder
        # Not through a tensor: that would be empty where a network is built without numbers.
        channels = [int(count) for count in cast("Sequence[int]", encoder.out_channels)]
        self.scores = nn.ModuleList(
            nn.Conv2d(channels[level], out_channels, 1) for level in range(depth, depth - skips - 1, -1)
        )
        self.lifts = nn.ModuleList(_lift(out_channels, 2) for _ in range(skips))
        self.last = _lift(out_channels, 2 ** (depth - skips))

    def forward(self, image: Tensor) -> Tensor:
        """Return maps of the size of `image`."""
        levels = self.encoder(image)[::-1]
        x = self.scores[0](levels[0])
        for lift, score, level in zip(self.lifts, list(self.scores)[1:], levels[1:], strict=False):
            x = lift(x) + score(level)
        maps: Tensor = self.last(x)
        return maps


def _lift(channels: int, stride: int) -> nn.ConvTranspose2d:
    """Return a learned enlargement of each map by itself that begins as bilinear interpolation."""
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * stride, stride=stride, padding=stride // 2, groups=channels, bias=False
    )
    fill_bilinear(layer)
    return layer
