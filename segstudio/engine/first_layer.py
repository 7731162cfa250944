"""The first layer of a network, brought to images with other channels."""

from collections.abc import Sequence

import torch
from torch import Tensor


def for_channels(weight: Tensor, count: int) -> Tensor:
    """Return the weights of a first layer for images of `count` channels.

    One channel takes the sum of all weights, as a gray image shown in all channels would. More channels take the old
    ones in turn, scaled so that equal channels give what they gave before.

    Parameters
    ----------
    weight
        ``(outputs, channels, height, width)``.

    Examples
    --------
    >>> colour = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    >>> for_channels(colour, 1).flatten(), for_channels(colour, 2).flatten()
    (tensor([6.]), tensor([1.5000, 3.0000]))
    """
    known = weight.shape[1]
    if count == known:
        return weight
    if count == 1:
        return weight.sum(dim=1, keepdim=True)
    return weight[:, torch.arange(count) % known] * (known / count)


def for_named_channels(weight: Tensor, sources: Sequence[int | None]) -> Tensor:
    """Return the weights of a first layer whose channels were channels `sources` of the old one.

    New channels (``None``) begin with weights 0: at first the network sees what it saw before.
    """
    result = weight.new_zeros(weight.shape[0], len(sources), *weight.shape[2:])
    for place, source in enumerate(sources):
        if source is not None:
            result[:, place] = weight[:, source]
    return result
