"""What stands between architectures, which build networks, and formulations, which learn with them."""

from collections.abc import Iterator

from torch import Tensor, nn


class Network(nn.Module):
    """A network from images ``(N, C, H, W)`` to maps ``(N, K, H, W)`` of the same height and width.

    Attributes
    ----------
    stride
        Product of all strides; height and width of an input must be multiples of it.
    in_channels, out_channels
        Channels of the image and of the maps.
    reach
        Pixels beyond a block of stride x stride that can change its output, where the network knows it better than
        a measurement of its gradients; ``None`` lets `segstudio.engine.prediction.halo` measure it.
    sees_whole
        Whether every pixel of the image changes every output (global pooling, group or instance normalisation): no
        tile can then give exactly what the whole image gives.
    """

    stride: int
    in_channels: int
    out_channels: int
    reach: int | None = None
    sees_whole: bool = False

    def forward(self, image: Tensor) -> Tensor:
        """Return the raw maps (no activation) of normalised images."""
        raise NotImplementedError

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights that fine-tuning freezes at first and moves slowly; none unless a family says so."""
        yield from ()
