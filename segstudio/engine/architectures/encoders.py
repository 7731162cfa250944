"""Encoders that others have made, from segmentation-models-pytorch, and their weights learned on ImageNet."""

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

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
_WEIGHTS = "model.safetensors"
#: So long the place of the weights may take to answer; the library itself tries for half a minute.
_PATIENCE_S = 5.0


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
        with _quiet_hub():
            check_reachable(encoder)
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


def check_reachable(encoder: str) -> None:
    """Raise ``OSError`` when the weights of an encoder are not on this computer and their place does not answer.

    Without a connection the library would try again and again.
    """
    hub = importlib.import_module("huggingface_hub")
    repository, revision = _place(encoder)
    if isinstance(hub.try_to_load_from_cache(repository, _WEIGHTS, revision=revision), str):
        return
    try:
        urlopen(Request(hub.constants.ENDPOINT, method="HEAD"), timeout=_PATIENCE_S).close()
    except HTTPError:
        return  # it answers


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keep the hub of the weights from printing bars and warnings; afterwards it says as much as before."""
    hub, logger = importlib.import_module("huggingface_hub"), logging.getLogger("huggingface_hub")
    level, bars = logger.level, not hub.utils.are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    if bars:
        hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bars:
            hub.utils.enable_progress_bars()


def _place(encoder: str) -> tuple[str, str | None]:
    """Return the repository of an encoder's weights and their version there."""
    if library_name(encoder) != encoder:
        return str(importlib.import_module("timm").get_pretrained_cfg(encoder).hf_hub_id), None
    place = library().encoders.encoders[encoder]["pretrained_settings"]["imagenet"]
    return str(place["repo_id"]), str(place["revision"])
