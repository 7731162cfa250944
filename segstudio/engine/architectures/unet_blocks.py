"""What a U-Net is made of: its convolution blocks, and the ways up from a deeper level."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

Block = Literal["plain", "residual", "dense"]
Normalisation = Literal["batch", "instance", "group", "none"]
Activation = Literal["ReLU", "LeakyReLU", "PReLU", "ELU"]
Upsampling = Literal["bilinear", "transposed", "transposed-bilinear"]

_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Style:
    """What all blocks of a network have in common."""

    block: Block = "plain"
    normalisation: Normalisation = "batch"
    activation: Activation = "ReLU"
    upsampling: Upsampling = "bilinear"

    def conv(self, before: int, after: int, size: int = 3) -> nn.Conv2d:
        """Return a convolution that keeps the size of the image."""
        # A bias before batch normalisation would be subtracted again.
        return nn.Conv2d(before, after, size, padding=size // 2, bias=self.normalisation != "batch")

    def norm(self, channels: int) -> list[nn.Module]:
        """Return the normalisation, none as an empty list."""
        match self.normalisation:
            case "batch":
                return [nn.BatchNorm2d(channels)]
            case "instance":
                return [AnySizeGroupNorm(channels, channels)]
            case "group":
                groups = max(number for number in range(1, _GROUPS + 1) if channels % number == 0)
                return [AnySizeGroupNorm(groups, channels)]
            case "none":
                return []

    def act(self, *, inplace: bool = True) -> nn.Module:
        """Return the activation."""
        match self.activation:
            case "ReLU":
                return nn.ReLU(inplace=inplace)
            case "LeakyReLU":
                return nn.LeakyReLU(0.1, inplace=inplace)
            case "PReLU":
                return nn.PReLU()
            case "ELU":
                return nn.ELU(inplace=inplace)


class AnySizeGroupNorm(nn.GroupNorm):
    """Group normalisation that takes a single pixel as well: small images come down to that at the deepest level."""

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` ``(N, C, H, W)`` normalised."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class Residual(nn.Module):
    """Two convolutions whose result is added to what went in (He et al., 2016)."""

    def __init__(self, before: int, after: int, style: Style) -> None:
        super().__init__()
        first = [style.conv(before, after), *style.norm(after), style.act()]
        self.body = nn.Sequential(*first, style.conv(after, after), *style.norm(after))
        same = before == after
        self.shortcut = nn.Identity() if same else nn.Sequential(style.conv(before, after, 1), *style.norm(after))
        self.activation = style.act()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, after, H, W)`` for `x` ``(N, before, H, W)``."""
        result: Tensor = self.activation(self.body(x) + self.shortcut(x))
        return result


def conv_block(before: int, after: int, style: Style) -> nn.Module:
    """Return the two convolutions of a level, plain or residual."""
    if style.block == "residual":
        return Residual(before, after, style)
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [style.conv(channels, after), *style.norm(after), style.act()]
    return nn.Sequential(*layers)


def lift(deep: int, style: Style) -> tuple[nn.Module, int]:
    """Return what doubles the size of ``deep`` channels, and how many channels it gives."""
    if style.upsampling == "bilinear":
        # With align_corners=True a tile's output would depend on the tile's size.
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), deep
    if style.upsampling == "transposed":
        return nn.ConvTranspose2d(deep, deep // 2, 2, stride=2), deep // 2
    return nn.ConvTranspose2d(deep, deep // 2, 4, stride=2, padding=1), deep // 2


def initialise(network: nn.Module, style: Style) -> None:
    """Give all convolutions random weights of the right size (He et al., 2015); transposed ones bilinear on request."""
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            continue
        if isinstance(module, nn.ConvTranspose2d) and style.upsampling == "transposed-bilinear":
            fill_bilinear(module)
        else:
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@torch.no_grad()
def fill_bilinear(layer: nn.ConvTranspose2d) -> None:
    """Make a transposed convolution begin as bilinear interpolation (Long et al., 2015).

    Its kernel must be twice as long as its stride. Each output channel is the mean of the input channels that share
    its place modulo the number of outputs, so that nothing changes where both numbers are equal.
    """
    side, stride = layer.kernel_size[0], layer.stride[0]
    ramp = 1 - (torch.arange(side) - (side - 1) / 2).abs() / stride
    into = layer.in_channels // layer.groups
    places = torch.arange(layer.in_channels) % layer.weight.shape[1]
    shares = torch.nn.functional.one_hot(places, layer.weight.shape[1]).float() * (layer.weight.shape[1] / into)
    layer.weight.copy_(shares[:, :, None, None] * (ramp[:, None] * ramp[None, :]))
