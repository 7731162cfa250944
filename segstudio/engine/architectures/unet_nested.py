"""U-Net++: blocks between encoder and decoder, each joined with all before it on its level."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from segstudio.engine.architectures.unet_blocks import Style, conv_block, initialise, lift
from segstudio.engine.network import Network


class NestedUNetNetwork(Network):
    """The U-Net++ of Zhou et al. (2018), without deep supervision.

    Parameters
    ----------
    shape
        Channels of the first level, and how often the image is halved.
    dropout
        Share of channels switched off while training.

    Notes
    -----
    Node j of level i takes nodes 0 to j-1 of its level and node j-1 of the next deeper one, doubled in size. Nodes 0
    are the encoder; the last node of level 0 gives the maps.
    """

    def __init__(
        self, in_channels: int, out_channels: int, shape: tuple[int, int], style: Style, dropout: float
    ) -> None:
        super().__init__()
        width, depth = shape
        self.stride = 2**depth
        self.in_channels = in_channels
        self.out_channels = out_channels
        widths = [width * 2**level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(
            conv_block(before, after, style) for before, after in zip([in_channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.lifts = nn.ModuleDict()
        self.nodes = nn.ModuleDict()
        for column in range(1, depth + 1):
            for level in range(depth + 1 - column):
                self.lifts[_name(level, column)], lifted = lift(widths[level + 1], style)
                self.nodes[_name(level, column)] = conv_block(column * widths[level] + lifted, widths[level], style)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(widths[0], out_channels, 1)
        initialise(self, style)

    def forward(self, image: Tensor) -> Tensor:
        """Return maps ``(N, out_channels, H, W)`` for images ``(N, in_channels, H, W)``."""
        levels: list[list[Tensor]] = []
        x = image
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            levels.append([x])
        levels[-1] = [self.dropout(x)]
        for column in range(1, len(levels)):
            for level in range(len(levels) - column):
                name = _name(level, column)
                raised = self.lifts[name](levels[level + 1][column - 1])
                levels[level].append(self.nodes[name](torch.cat([*levels[level], raised], dim=1)))
        maps: Tensor = self.head(self.dropout(levels[0][-1]))
        return maps

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the way down."""
        return self.encoder.parameters()


def _name(level: int, column: int) -> str:
    return f"{level}_{column}"
