"""SqueezeNet as an encoder, which segmentation-models-pytorch lacks."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO

import torch
from torch import Tensor, nn

#: Most levels that it has.
DEPTH = 4
_CHANNELS = (64, 128, 256, 512)
#: Last layer of each level in torchvision's list of layers.
_ENDS = (1, 4, 7, 12)


class SqueezeNetEncoder(nn.Module):
    """The features of torchvision's SqueezeNet 1.1 (Iandola et al., 2016), padded so that each level halves the image.

    Parameters
    ----------
    depth
        Levels, 1 to 4.
    output_stride
        Asked for by segmentation-models-pytorch; SqueezeNet cannot be dilated.
    """

    def __init__(self, depth: int, output_stride: int = 32) -> None:
        super().__init__()
        from torchvision.models import squeezenet1_1  # takes seconds to import

        self.features: nn.Sequential = squeezenet1_1(weights=None).features[: _ENDS[depth - 1] + 1]
        for layer in self.features:
            # Without padding a level would be smaller than half, and its pixels beside those of the level above.
            if isinstance(layer, nn.Conv2d):
                layer.padding = (1, 1)
            elif isinstance(layer, nn.MaxPool2d):
                layer.padding, layer.ceil_mode = 1, False
        self.output_stride = min(output_stride, 2**depth)
        self.out_channels = [3, *_CHANNELS[:depth]]

    def set_in_channels(self, in_channels: int, pretrained: bool = False) -> None:
        """Take images of `in_channels` channels, with random weights for them."""
        del pretrained
        first = self.features[0]
        assert isinstance(first, nn.Conv2d)
        if in_channels != first.in_channels:
            self.features[0] = nn.Conv2d(in_channels, first.out_channels, 3, stride=2, padding=1)
            self.out_channels[0] = in_channels

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the image and what each level found, each half as large as the one before."""
        return list(self._levels(image))

    def _levels(self, x: Tensor) -> Iterator[Tensor]:
        yield x
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in _ENDS:
                yield x


def imagenet_weights() -> dict[str, Tensor]:
    """Return the weights that torchvision offers; they are fetched once and kept.

    Raises
    ------
    OSError
        They cannot be fetched.
    RuntimeError
        What came is something else.
    """
    from torchvision.models import SqueezeNet1_1_Weights

    choice = SqueezeNet1_1_Weights.IMAGENET1K_V1
    with redirect_stdout(StringIO()):  # torch says there that it fetches, among lines that are for programs
        weights = choice.get_state_dict(check_hash=True, progress=False, weights_only=True)
    return {name: torch.as_tensor(value) for name, value in weights.items()}
