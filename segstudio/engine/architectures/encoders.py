"""Encoders that others have made, from segmentation-models-pytorch, and their weights learned on ImageNet."""

import importlib
from functools import cache
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from segstudio.core.errors import JobFailed
from segstudio.engine.architectures import squeezenet

EncoderName = Literal[
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "vgg11_bn",
    "vgg16_bn",
    "densenet121",
    "mobilenet_v2",
    "efficientnet-b0",
    "efficientnet-b2",
    "squeezenet1_1",
]
#: Mean and standard deviation of gray ImageNet, from 0 to 1: what the weights learned there expect.
IMAGENET_MEAN, IMAGENET_STD = 0.449, 0.226
_SQUEEZENET = "squeezenet1_1"


def deepest(encoder: str) -> int:
    """Return how many levels an encoder has."""
    return squeezenet.DEPTH if encoder == _SQUEEZENET else 5


def sees_whole(encoder: str) -> bool:
    """Whether an encoder looks at the whole tile: by squeeze and excitation, or by attention."""
    return encoder.startswith(("efficientnet", "pvt", "mit"))


@cache
def library() -> Any:  # noqa: ANN401 - it has no types
    """Return segmentation-models-pytorch, with SqueezeNet among its encoders; that takes seconds the first time."""
    # A model on disk is built on the device "meta" first; what libraries make on import must be real all the same.
    with torch.device("cpu"):
        smp = importlib.import_module("segmentation_models_pytorch")
    smp.encoders.encoders[_SQUEEZENET] = {
        "encoder": squeezenet.SqueezeNetEncoder,
        "params": {},
        "pretrained_settings": {},
    }
    return smp


def library_name(encoder: str) -> str:
    """Return what segmentation-models-pytorch calls an encoder; those of timm have a prefix there."""
    return f"tu-{encoder}" if encoder.startswith("pvt") else encoder


def imagenet_weights(encoder: str, depth: int) -> dict[str, Tensor]:
    """Return the weights of an encoder for images of three channels, learned on ImageNet.

    They are fetched once and kept on this computer, as safetensors; those of SqueezeNet as tensors only, nothing in
    the file is run.

    Raises
    ------
    JobFailed
        They are not on this computer and cannot be fetched.
    """
    smp = library()
    try:
        if encoder == _SQUEEZENET:
            return squeezenet.imagenet_weights()
        chosen = True if library_name(encoder) != encoder else "imagenet"
        made = smp.encoders.get_encoder(library_name(encoder), in_channels=3, depth=depth, weights=chosen)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise JobFailed(
            f"The ImageNet weights of the encoder {encoder} could not be fetched from the internet.",
            hint="Connect this computer once while such a training starts, or switch the ImageNet weights off "
            "(setting pretrained).",
            code="no-pretrained-weights",
        ) from error
    weights: dict[str, Tensor] = made.state_dict()
    return weights
