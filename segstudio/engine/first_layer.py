"""The first layer of a network, brought to images with other channels."""

from collections.abc import Sequence

import torch
from torch import Tensor


def for_channels(weight: Tensor, count: int) -> Tensor:
    """Return the weights of a first layer for images of `count` channels.

    The old channels go to the new ones in turn: where there are fewer, several are added up; where there are more, the
    copies share the weight. So an image of equal channels gives what it gave before.

    Parameters
    ----------
    weight
        ``(outputs, channels, height, width)``.

    Examples
    --------
    >>> colour = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    >>> for_channels(colour, 1).flatten(), for_channels(colour, 2).flatten()
    (tensor([6.]), tensor([4., 2.]))
    """
    known = weight.shape[1]
    turn = torch.arange(max(count, known))
    copies = torch.bincount(turn % known).to(weight.dtype)
    shares = weight[:, turn % known] / copies[turn % known, None, None]
    return weight.new_zeros(weight.shape[0], count, *weight.shape[2:]).index_add(1, turn % count, shares)


def for_named_channels(weight: Tensor, sources: Sequence[int | None]) -> Tensor:
    """Return the weights of a first layer whose channels were channels `sources` of the old one.

    New channels (``None``) begin with weights 0: at first the network sees what it saw before.
    """
    result = weight.new_zeros(weight.shape[0], len(sources), *weight.shape[2:])
    for place, source in enumerate(sources):
        if source is not None:
            result[:, place] = weight[:, source]
    return result
