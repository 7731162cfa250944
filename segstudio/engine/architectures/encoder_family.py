"""What all families with an encoder from a library have in common: settings, size, weights, a lean network."""

import copy
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from pydantic import ValidationInfo, field_validator
from torch import Tensor, nn

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.architectures.base import Architecture
from segstudio.engine.architectures.encoders import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    EncoderName,
    deepest,
    imagenet_weights,
    library,
    library_name,
    sees_whole,
)
from segstudio.engine.first_layer import for_channels
from segstudio.engine.network import Network

#: Channels of a decoder at half the image's size and less; the last is that of the image.
_DECODER = (256, 128, 64, 32, 16)


class EncoderSettings(Settings):
    """Encoder."""

    encoder: str = param("resnet18", title="Encoder")
    """The part that looks at the image."""
    encoder_depth: int = param(3, title="Encoder depth", unit="levels", ge=2, le=5)
    """How often the image is halved. Deeper encoders see more around each pixel; tiles then need a wider margin, which
    takes time."""
    pretrained: bool = param(False, title="Begin with ImageNet weights")
    """The encoder begins with weights learned on a million photographs, which helps most with few labels. They are
    fetched from the internet once, when a training begins."""

    @field_validator("encoder_depth")
    @classmethod
    def _deep_enough(cls, depth: int, info: ValidationInfo) -> int:
        encoder = info.data.get("encoder", "")
        if depth > deepest(encoder):
            raise ValueError(f"it must be at most {deepest(encoder)} with the encoder {encoder}")
        return depth


class EncoderConfig(EncoderSettings):
    """Encoder."""

    encoder: EncoderName = param("resnet18", title="Encoder")
    """The part that looks at the image. ResNet is a good first choice, with a higher number larger and slower;
    MobileNet and SqueezeNet are light. EfficientNet looks at the whole tile: a large image predicted in tiles cannot
    quite equal the whole."""


class EncoderArchitecture(Architecture):
    """A family whose networks have an encoder from segmentation-models-pytorch."""

    Config: ClassVar[type[Settings]] = EncoderSettings
    levels = "encoder_depth"
    config: EncoderSettings
    #: Whether the decoder looks at the whole tile, with any encoder.
    decoder_sees_whole: ClassVar[bool] = False
    #: Largest stride of the encoder; where it would be larger, convolutions are dilated instead.
    output_stride: ClassVar[int] = 32

    @abstractmethod
    def model(self, in_channels: int, out_channels: int) -> nn.Module:
        """Return the library's network, or one like it: it has an ``encoder``."""

    def build(self, in_channels: int, out_channels: int) -> Network:
        """Return a network with random weights; the libraries are imported here."""
        here = torch.empty(0).device
        # These compute while they are made, which they cannot on the device "meta".
        with torch.device("cpu" if self.config.encoder.startswith("mit") else here):
            model = self.model(in_channels, out_channels)
        network = EncoderNetwork(model, in_channels, out_channels, self.stride(self.config))
        network.sees_whole = self.sees_whole(self.config)
        return network.to(here)

    @property
    def pretrained(self) -> bool:
        """Whether the settings ask for weights learned on ImageNet."""
        return self.config.pretrained

    def pretrain(self, network: Network) -> None:
        """Load the encoder's weights learned on ImageNet when the settings say so; the first layer is adapted."""
        if not self.pretrained:
            return
        assert isinstance(network, EncoderNetwork)
        weights = imagenet_weights(self.config.encoder, self.config.encoder_depth)
        with torch.no_grad():
            for name, weight in network.encoder.state_dict().items():
                new = weights[name]
                weight.copy_(new if new.shape == weight.shape else for_channels(new, network.in_channels))
            network.input_mean.fill_(IMAGENET_MEAN)
            network.input_std.fill_(IMAGENET_STD)

    def from_library(self, kind: str, in_channels: int, out_channels: int, **options: Any) -> nn.Module:  # noqa: ANN401
        """Return the library's network `kind` with this encoder and random weights."""
        network: nn.Module = getattr(library(), kind)(
            encoder_name=library_name(self.config.encoder),
            encoder_depth=self.config.encoder_depth,
            encoder_weights=None,
            in_channels=in_channels,
            classes=out_channels,
            **options,
        )
        return network

    @property
    def decoder_channels(self) -> tuple[int, ...]:
        """Channels of a decoder with as many levels as the encoder, deepest first."""
        return _DECODER[-self.config.encoder_depth :]

    @classmethod
    def smallest(cls) -> Settings:
        """Return the default encoder with as few levels as the family can do with."""
        depth = cls.Config.model_json_schema()["properties"]["encoder_depth"]
        return cls.Config.model_validate({"encoder_depth": depth["minimum"]})

    @classmethod
    def stride(cls, config: Settings) -> int:
        """Return ``2 ** encoder_depth``, or the output stride where that is less."""
        given = cls.Config.model_validate(config.model_dump())
        assert isinstance(given, EncoderSettings)
        return int(min(2**given.encoder_depth, cls.output_stride))

    @classmethod
    def sees_whole(cls, config: Settings) -> bool:
        """Whether decoder or encoder look at the whole tile."""
        given = cls.Config.model_validate(config.model_dump())
        assert isinstance(given, EncoderSettings)
        return cls.decoder_sees_whole or sees_whole(given.encoder)


class EncoderNetwork(Network):
    """A network of segmentation-models-pytorch, without the parts that it does not use.

    Notes
    -----
    Weights learned on ImageNet expect images of its mean and standard deviation; otherwise these are 0 and 1.
    """

    input_mean: Tensor
    input_std: Tensor

    def __init__(self, model: nn.Module, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.register_buffer("input_mean", torch.zeros(()))
        self.register_buffer("input_std", torch.ones(()))
        self.model = model
        _without_norm_of_one_pixel(model)
        _prune(model, _used(model, torch.zeros(1, in_channels, 2 * stride, 2 * stride, device="meta")))

    def forward(self, image: Tensor) -> Tensor:
        """Return maps ``(N, out_channels, H, W)`` for images ``(N, in_channels, H, W)``."""
        if image.shape[-2] % self.stride or image.shape[-1] % self.stride:
            # Some networks of the library would go on, with levels that lie beside each other.
            raise ValueError(f"The sides of {tuple(image.shape)} are no multiples of {self.stride}.")
        maps: Tensor = self.model((image - self.input_mean) / self.input_std)
        return maps

    @property
    def encoder(self) -> nn.Module:
        """The part that looks at the image."""
        encoder = self.model.encoder
        assert isinstance(encoder, nn.Module)
        return encoder

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights of the encoder."""
        return self.encoder.parameters()


class _Dropped(nn.Module):
    """Stands where a part was that is not used; some encoders run one block more than they need."""

    def forward(self, x: Tensor, *_: object) -> Tensor:
        return x


def _without_norm_of_one_pixel(model: nn.Module) -> None:
    """Take out the batch normalisation after a global mean: a batch of one patch has but one value to normalise."""
    for part in model.modules():
        first = next(part.children(), None)
        if isinstance(part, nn.Sequential) and isinstance(first, nn.AdaptiveAvgPool2d) and _is_one(first.output_size):
            for module in part.modules():
                for name, child in module.named_children():
                    if isinstance(child, nn.BatchNorm2d):
                        setattr(module, name, nn.Identity())


def _is_one(size: object) -> bool:
    return size in (1, (1, 1))


def _used(model: nn.Module, image: Tensor) -> set[str]:
    """Return the names of the weights that the maps depend on, without computing any number."""
    probe = copy.deepcopy(model).to("meta").eval()
    probe(image).sum().backward()
    return {name for name, weight in probe.named_parameters() if weight.grad is not None}


def _prune(module: nn.Module, used: set[str], prefix: str = "") -> None:
    """Drop all parts none of whose weights are `used`, as the deeper levels of an encoder that is cut off."""
    for name, child in module.named_children():
        weights = [f"{prefix}{name}.{weight}" for weight, _ in child.named_parameters()]
        if weights and used.isdisjoint(weights):
            setattr(module, name, _Dropped())
        else:
            _prune(child, used, f"{prefix}{name}.")
