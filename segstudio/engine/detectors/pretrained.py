"""Weights learned from everyday photographs, for the backbones of detectors."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any
from urllib.error import URLError

from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, ResNet34_Weights, ResNet50_Weights
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights
from torchvision.models.mobilenetv2 import MobileNet_V2_Weights

from segstudio.core.errors import JobFailed
from segstudio.engine.first_layer import for_channels

_IMAGENET: dict[str, Any] = {
    "mobilenet_v2": MobileNet_V2_Weights.IMAGENET1K_V2,
    "resnet18": ResNet18_Weights.IMAGENET1K_V1,
    "resnet34": ResNet34_Weights.IMAGENET1K_V1,
    "resnet50": ResNet50_Weights.IMAGENET1K_V2,
}


def load_pretrained(network: nn.Module, backbone: str, source: str) -> None:
    """Load the weights of `source`, ``"imagenet"`` or ``"coco"``, into the backbone of a `DetectorNetwork`.

    The first layer, made for red, green and blue, is adapted to the image's channels.

    Raises
    ------
    JobFailed
        The weights cannot be fetched.
    """
    enum = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1 if source == "coco" else _IMAGENET[backbone]
    try:
        with redirect_stdout(StringIO()):  # torch says there that it fetches, among lines that are for programs
            weights: dict[str, Tensor] = enum.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise JobFailed(
            f"The pretrained weights of {backbone} cannot be fetched from the internet: {reason}.",
            hint="Check the connection, or switch pretrained weights off to start from random ones.",
            code="no-pretrained-weights",
        ) from error
    names = {name.removeprefix("backbone."): tensor for name, tensor in weights.items()}
    if source == "imagenet":
        names = {f"body.{name.removeprefix('features.')}": tensor for name, tensor in names.items()}
    own = network.get_submodule("backbone")
    taken = {}
    for name, weight in own.state_dict().items():
        if (new := names.get(name)) is not None:
            taken[name] = new if new.shape == weight.shape else for_channels(new, weight.shape[1])
    own.load_state_dict(taken, strict=False)
