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
#: The first convolution of a backbone and the normalisation after it.
_FIRST = {"resnet": ("body.conv1", "body.bn1"), "mobilenet_v2": ("body.0.0", "body.0.1")}
#: Of red, green and blue in ImageNet, from 0 to 1: what the weights expect to be taken off, and to be divided by.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


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
    _take_plain_images(names, *_FIRST["mobilenet_v2" if backbone == "mobilenet_v2" else "resnet"])
    own = network.get_submodule("backbone")
    taken = {}
    for name, weight in own.state_dict().items():
        if (new := names.get(name)) is not None:
            taken[name] = new if new.shape == weight.shape else for_channels(new, weight.shape[1])
    own.load_state_dict(taken, strict=False)


def _take_plain_images(weights: dict[str, Tensor], layer: str, normalisation: str) -> None:
    """Let the first layer expect images from 0 to 1, instead of less the mean and by the deviation of photographs.

    Only so does a frozen backbone, whose normalisation keeps the statistics of photographs, see what it knows.
    """
    weight = weights[f"{layer}.weight"]
    mean, deviation = (weight.new_tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
    weights[f"{layer}.weight"] = weight / deviation
    shift = (weight * mean / deviation).sum((1, 2, 3))
    weights[f"{normalisation}.running_mean"] = weights[f"{normalisation}.running_mean"] + shift
