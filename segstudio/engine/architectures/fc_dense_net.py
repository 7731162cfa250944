"""FC-DenseNet: a U-Net of dense blocks, in which each layer sees what all layers before it in its block found."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from segstudio.engine.architectures.unet_blocks import Style, initialise
from segstudio.engine.network import Network

_LEAST_GROWTH = 4


class FCDenseNetwork(Network):
    """The FC-DenseNet of Jégou et al. (2017).

    Parameters
    ----------
    shape
        Channels of the first convolution, how often the image is halved, and layers in a block. Each layer adds a
        quarter of the first convolution's channels: (48, 5, 4) is the paper's FC-DenseNet56.
    dropout
        Share of channels switched off after each layer while training.

    Notes
    -----
    On the way up only what a block found is doubled in size, not what went into it; the last block gives both.
    """

    def __init__(
        self, in_channels: int, out_channels: int, shape: tuple[int, int, int], style: Style, dropout: float
    ) -> None:
        super().__init__()
        width, depth, layers = shape
        self.stride = 2**depth
        self.in_channels = in_channels
        self.out_channels = out_channels
        growth = max(_LEAST_GROWTH, width // 4)
        found = layers * growth
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.encoder = nn.ModuleList(
            _DenseBlock(width + level * found, growth, layers, style, dropout) for level in range(depth)
        )
        skips = [width + (level + 1) * found for level in range(depth)]
        self.downs = nn.ModuleList(nn.Sequential(_layer(c, c, 1, style, dropout), nn.MaxPool2d(2)) for c in skips)
        self.deepest = _DenseBlock(skips[-1], growth, layers, style, dropout)
        self.lifts = nn.ModuleList(_lift(found, style) for _ in skips)
        self.decoder = nn.ModuleList(
            _DenseBlock(found + skip, growth, layers, style, dropout) for skip in reversed(skips)
        )
        self.head = nn.Conv2d(found + skips[0] + found, out_channels, 1)
        initialise(self, style)

    def forward(self, image: Tensor) -> Tensor:
        """Return maps ``(N, out_channels, H, W)`` for images ``(N, in_channels, H, W)``."""
        x = self.first(image)
        kept: list[Tensor] = []
        for block, down in zip(self.encoder, self.downs, strict=True):
            x = torch.cat([x, block(x)], dim=1)
            kept.append(x)
            x = down(x)
        found = self.deepest(x)
        for lift, block in zip(self.lifts, self.decoder, strict=True):
            x = torch.cat([lift(found), kept.pop()], dim=1)
            found = block(x)
        maps: Tensor = self.head(torch.cat([x, found], dim=1))
        return maps

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the way down."""
        for part in (self.first, self.encoder, self.downs, self.deepest):
            yield from part.parameters()


class _DenseBlock(nn.Module):
    """Layers that each see the input and all that the layers before found; gives what they found."""

    def __init__(self, before: int, growth: int, layers: int, style: Style, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _layer(before + number * growth, growth, 3, style, dropout) for number in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        found: list[Tensor] = []
        for layer in self.layers:
            found.append(layer(torch.cat([x, *found], dim=1)))
        return torch.cat(found, dim=1)


def _layer(before: int, after: int, size: int, style: Style, dropout: float) -> nn.Sequential:
    # Not in place: without a normalisation that would change what the block was given, and others still need.
    parts = [*style.norm(before), style.act(inplace=False), nn.Conv2d(before, after, size, padding=size // 2)]
    return nn.Sequential(*parts, nn.Dropout2d(dropout)) if dropout else nn.Sequential(*parts)


def _lift(channels: int, style: Style) -> nn.Module:
    if style.upsampling == "bilinear":
        # With align_corners=True a tile's output would depend on the tile's size.
        return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    if style.upsampling == "transposed":
        return nn.ConvTranspose2d(channels, channels, 3, stride=2, padding=1, output_padding=1)
    return nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1)
