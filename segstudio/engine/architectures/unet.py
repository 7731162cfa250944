"""U-Net: an encoder and a decoder of convolution blocks, joined at each level."""

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import field_validator, model_validator
from torch import Tensor, nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import Architecture, architectures
from segstudio.engine.architectures.fc_dense_net import FCDenseNetwork
from segstudio.engine.architectures.unet_blocks import (
    Activation,
    Block,
    Normalisation,
    Style,
    Upsampling,
    conv_block,
    initialise,
    lift,
)
from segstudio.engine.architectures.unet_nested import NestedUNetNetwork
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
    block: Block = param("plain", title="Blocks", advanced=True)
    """What each level is made of. Residual blocks make deep networks easier to train; dense blocks (FC-DenseNet) reach
    the same with fewer weights, but need more memory and time."""
    dense_layers: int = param(4, title="Layers in a dense block", unit="layers", advanced=True, ge=1, le=12)
    """Only for dense blocks: each layer adds a quarter as many channels as the width says."""
    nested: bool = param(False, title="Nested (U-Net++)", advanced=True)
    """Joins encoder and decoder by further blocks between them: finer outlines for about three times the work."""
    upsampling: Upsampling = param("bilinear", title="Up-sampling", advanced=True)
    """Bilinear interpolation gives smooth maps; transposed convolutions are learned and a little faster. With
    transposed-bilinear they begin as bilinear interpolation and go on from there."""
    normalisation: Normalisation = param("batch", title="Normalisation", advanced=True)
    """Makes training faster and steadier. Batch is right nearly always. Instance and group normalisation suit batches
    of one or two patches, but look at the whole tile: a large image predicted in tiles cannot equal the whole."""
    activation: Activation = param("ReLU", title="Activation", advanced=True)
    """What follows each convolution. The others let a little of negative values pass; the difference is small."""
    dropout: float = param(0.0, title="Dropout", advanced=True, ge=0, le=0.8)
    """Share of channels switched off at random while training, against learning few images by heart."""

    @model_validator(mode="before")
    @classmethod
    def _from_first_version(cls, values: Any) -> Any:  # noqa: ANN401 - whatever came to be validated
        """Read the settings of models from before the normalisation could be chosen."""
        if isinstance(values, dict) and "batch_norm" in values:
            rest = {name: value for name, value in values.items() if name != "batch_norm"}
            return {"normalisation": "batch" if values["batch_norm"] else "none", **rest}
        return values

    @field_validator("width")
    @classmethod
    def _wide_enough(cls, width: int) -> int:
        if 0 < width < _LEAST_WIDTH:
            raise ValueError(f"it must be 0 (automatic) or at least {_LEAST_WIDTH}")
        return width

    @field_validator("nested")
    @classmethod
    def _not_dense(cls, nested: bool, info: Any) -> bool:  # noqa: ANN401 - pydantic's ValidationInfo
        if nested and info.data.get("block") == "dense":
            raise ValueError("it is for plain and residual blocks, dense blocks have joints of their own")
        return nested

    @property
    def style(self) -> Style:
        """What all blocks have in common."""
        return Style(self.block, self.normalisation, self.activation, self.upsampling)


@architectures.register("unet")
class UNet(Architecture):
    """The U-Net of Ronneberger et al. (2015) with same-size convolutions and batch normalisation, and its relatives.

    Residual blocks are those of He et al. (2016), dense ones make it the FC-DenseNet of Jégou et al. (2017), nesting
    makes it the U-Net++ of Zhou et al. (2018).
    """

    title = "U-Net"
    description = "The standard network for cells: small, fast, learns from few images."
    Config: ClassVar[type[Settings]] = UNetConfig
    levels = "depth"
    config: UNetConfig

    def build(self, in_channels: int, out_channels: int) -> Network:
        """Return a U-Net with random weights."""
        config = self.resolved(self.config, "cpu")
        network: Network
        if config.block == "dense":
            sizes = (config.width, config.depth, config.dense_layers)
            network = FCDenseNetwork(in_channels, out_channels, sizes, config.style, config.dropout)
        elif config.nested:
            shape = (config.width, config.depth)
            network = NestedUNetNetwork(in_channels, out_channels, shape, config.style, config.dropout)
        else:
            network = UNetNetwork(in_channels, out_channels, config)
        network.sees_whole = self.sees_whole(config)
        return network

    @classmethod
    def smallest(cls) -> Settings:
        """Return the settings of a network of one level and few channels."""
        return UNetConfig(width=_LEAST_WIDTH, depth=1)

    @classmethod
    def stride(cls, config: Settings) -> int:
        """Return ``2 ** depth``."""
        return int(2 ** cls.resolved(config, "cpu").depth)

    @classmethod
    def sees_whole(cls, config: Settings) -> bool:
        """Whether the normalisation is taken over the whole tile."""
        return cls.resolved(config, "cpu").normalisation in ("instance", "group")

    @classmethod
    def resolved(cls, config: Settings, device: str) -> UNetConfig:
        """Return `config` with width and depth: larger on a graphics card, where time is not what lacks."""
        given = UNetConfig.model_validate(config.model_dump())
        width, depth = _ON_CPU if device == "cpu" else _ON_GPU
        return given.model_copy(update={"width": given.width or width, "depth": given.depth or depth})


class UNetNetwork(Network):
    """The plain U-Net, of plain or residual blocks."""

    def __init__(self, in_channels: int, out_channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.stride = 2**config.depth
        self.in_channels = in_channels
        self.out_channels = out_channels
        style = config.style
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        self.encoder = nn.ModuleList(
            conv_block(before, after, style) for before, after in zip([in_channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        lifts = [lift(deep, style) for deep in reversed(widths[1:])]
        self.raise_ = nn.ModuleList(module for module, _ in lifts)
        self.decoder = nn.ModuleList(
            conv_block(lifted + flat, flat, style)
            for (_, lifted), flat in zip(lifts, reversed(widths[:-1]), strict=True)
        )
        self.dropout = nn.Dropout2d(config.dropout)
        self.head = nn.Conv2d(widths[0], out_channels, 1)
        initialise(self, style)

    def forward(self, image: Tensor) -> Tensor:
        """Return maps ``(N, out_channels, H, W)`` for images ``(N, in_channels, H, W)``."""
        kept: list[Tensor] = []
        x = image
        for level, block in enumerate(self.encoder):
            x = block(x if level == 0 else self.pool(x))
            kept.append(x)
        x = self.dropout(kept.pop())
        for raised, block in zip(self.raise_, self.decoder, strict=True):
            x = block(torch.cat([raised(x), kept.pop()], dim=1))
        maps: Tensor = self.head(self.dropout(x))
        return maps

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the way down."""
        return self.encoder.parameters()
