"""U-Net: an encoder and a decoder of plain 3x3 convolutions, joined at each level."""

from typing import ClassVar, Literal

import torch
from pydantic import field_validator
from torch import Tensor, nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import Architecture, architectures
from segstudio.engine.network import Network

_LEAST_WIDTH = 4
#: Automatic width and depth on a processor and on a graphics card.
_ON_CPU, _ON_GPU = (16, 3), (32, 4)


class UNetConfig(Settings):
    """U-Net."""

    width: int = param(0, title="Width", unit="channels", ge=0, le=128, zero="automatic")
    """Channels of the first level; each deeper level has twice as many. Automatic takes 16 on a processor, 32 on a
    graphics card."""
    depth: int = param(0, title="Depth", unit="levels", ge=0, le=6, zero="automatic")
    """How often the image is halved. Deeper networks see more around each pixel and need more memory. Automatic takes 3
    on a processor, 4 on a graphics card."""
    upsampling: Literal["bilinear", "transposed"] = param("bilinear", title="Up-sampling", advanced=True)
    """Bilinear interpolation gives smooth maps; transposed convolutions are learned and a little faster."""
    batch_norm: bool = param(True, title="Batch normalisation", advanced=True)
    """Makes training faster and steadier. Switch off only for comparison."""
    dropout: float = param(0.0, title="Dropout", advanced=True, ge=0, le=0.8)
    """Share of channels switched off at random while training, against learning few images by heart."""

    @field_validator("width")
    @classmethod
    def _wide_enough(cls, width: int) -> int:
        if 0 < width < _LEAST_WIDTH:
            raise ValueError(f"it must be 0 (automatic) or at least {_LEAST_WIDTH}")
        return width


@architectures.register("unet")
class UNet(Architecture):
    """The U-Net of Ronneberger et al. (2015) with same-size convolutions and batch normalisation."""

    title = "U-Net"
    description = "The standard network for cells: small, fast, learns from few images."
    Config: ClassVar[type[Settings]] = UNetConfig
    config: UNetConfig

    def build(self, in_channels: int, out_channels: int) -> Network:
        """Return a U-Net with random weights."""
        return UNetNetwork(in_channels, out_channels, self.resolved(self.config, "cpu"))

    @classmethod
    def stride(cls, config: Settings) -> int:
        """Return ``2 ** depth``."""
        return int(2 ** cls.resolved(config, "cpu").depth)

    @classmethod
    def resolved(cls, config: Settings, device: str) -> UNetConfig:
        """Return `config` with width and depth: larger on a graphics card, where time is not what lacks."""
        given = UNetConfig.model_validate(config.model_dump())
        width, depth = _ON_CPU if device == "cpu" else _ON_GPU
        return given.model_copy(update={"width": given.width or width, "depth": given.depth or depth})


class UNetNetwork(Network):
    """The module that `UNet` builds."""

    def __init__(self, in_channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.stride = 2**config.depth
        self.in_channels = in_channels
        self.out_channels = out_channels
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        self.encoder = nn.ModuleList(
            _double_conv(before, after, config) for before, after in zip([in_channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.raise_ = nn.ModuleList(_upsample(deep, config) for deep in reversed(widths[1:]))
        self.decoder = nn.ModuleList(
            _double_conv(deep + flat if config.upsampling == "bilinear" else 2 * flat, flat, config)
            for deep, flat in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True)
        )
        self.dropout = nn.Dropout2d(config.dropout)
        self.head = nn.Conv2d(widths[0], out_channels, 1)
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        """Return maps ``(N, out_channels, H, W)`` for images ``(N, in_channels, H, W)``."""
        kept: list[Tensor] = []
        x = image
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            kept.append(x)
        x = self.dropout(kept.pop())
        for lift, block in zip(self.raise_, self.decoder, strict=True):
            x = block(torch.cat([lift(x), kept.pop()], dim=1))
        maps: Tensor = self.head(self.dropout(x))
        return maps


def _double_conv(before: int, after: int, config: UNetConfig) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        # A bias before batch normalisation would be subtracted again.
        layers.append(nn.Conv2d(channels, after, 3, padding=1, bias=not config.batch_norm))
        if config.batch_norm:
            layers.append(nn.BatchNorm2d(after))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _upsample(deep: int, config: UNetConfig) -> nn.Module:
    if config.upsampling == "transposed":
        return nn.ConvTranspose2d(deep, deep // 2, 2, stride=2)
    # With align_corners=True a tile's output would depend on the tile's size.
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
