"""Which channels the network sees, and an image brought to them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.jobs.messages import Warned

Channels = Literal["gray", "rgb", "channels"]

#: Share of red, green and blue in brightness (ITU-R BT.601).
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """What the network sees.

    Attributes
    ----------
    kind
        ``"gray"``, ``"rgb"``, or ``"channels"`` for the images' own.
    count
        Number of channels.
    converted
        How many of the images must be converted.
    names
        Of the images' own channels, when all images have the same; empty otherwise.
    """

    kind: Channels
    count: int
    converted: int = 0
    names: tuple[str, ...] = ()


def plan_channels(infos: Sequence[ImageInfo], wanted: Literal["auto", "gray", "rgb"] = "auto") -> ChannelPlan:
    """Decide what a network trained on `infos` sees.

    Raises
    ------
    BadInput
        Images with channels of their own are mixed with others.
    """
    kinds = Counter((info.kind, info.channels) for info in infos)
    own = [info for info in infos if info.kind == "channels"]
    if own:
        other = next((info for info in infos if (info.kind, info.channels) != ("channels", own[0].channels)), None)
        if other is not None:
            raise BadInput(
                f"The training images differ in their channels: {own[0].path.name} has {own[0].channels}, "
                f"{other.path.name} has {other.channels}.",
                hint="Train with images of one kind only.",
                code="mixed-channels",
                path=other.path,
            )
        same = all(info.channel_names == own[0].channel_names for info in own)
        return ChannelPlan("channels", own[0].channels, names=own[0].channel_names if same else ())
    kind: Channels = wanted if wanted != "auto" else max(("gray", "rgb"), key=lambda k: _count(kinds, k))
    return ChannelPlan(kind, 3 if kind == "rgb" else 1, converted=len(infos) - _count(kinds, kind))


def channel_warnings(plan: ChannelPlan, wanted: Literal["auto", "gray", "rgb"]) -> Iterator[Warned]:
    """Yield what the user should know of a plan that is not simply what was wanted."""
    if plan.converted:
        yield Warned(
            code="channels-converted",
            message=f"{plan.converted} images are converted to {'colour' if plan.kind == 'rgb' else 'gray'}.",
            hint="Set the channels, or train with images of one kind, if this is not wanted.",
        )
    if plan.kind == "channels" and wanted != "auto":
        yield Warned(
            code="channels-own",
            message=f"The images have {plan.count} channels of their own: the network sees all of them, "
            f"not {'colour' if wanted == 'rgb' else 'gray'}.",
            hint="Leave the channels on automatic, or export gray or colour images and train with these.",
        )


def as_channels(image: NDArray[np.generic], kind: Channels, count: int, path: Path) -> NDArray[np.generic]:
    """Return `image` ``(H, W)`` or ``(H, W, C)`` with the `count` channels that a network sees.

    Colour becomes gray by its brightness; gray becomes colour by repetition.

    Raises
    ------
    BadInput
        The channels cannot be brought to the wanted ones.
    """
    has = 1 if image.ndim == 2 else image.shape[2]
    if has == count:
        return image if count > 1 else image.reshape(image.shape[:2])
    if kind == "gray" and has == 3:
        return (image.astype(np.float32) @ _LUMA).astype(np.float32)
    if kind == "rgb" and has == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    raise BadInput(
        f"The network expects {count} channels, {path.name} has {has}.",
        hint="Use an image with the same channels as the training images.",
        code="channels",
        path=path,
    )


def _count(kinds: "Counter[tuple[Channels, int]]", kind: Channels) -> int:
    return sum(number for (name, _), number in kinds.items() if name == kind)
