"""Running average of a network's weights: less noisy than the weights themselves."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


def snapshot(network: nn.Module) -> Weights:
    """Return a copy of all weights and buffers."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


class Average:
    """Exponential moving average of the weights and buffers of `network`.

    Parameters
    ----------
    decay
        Share of the old average that each step keeps; ramped up in the first steps, 0 keeps only the newest.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.steps = 0
        self.weights = snapshot(network)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take the present weights in."""
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        old, new = [], []
        for name, tensor in network.state_dict().items():
            kept = self.weights[name]
            if kept.is_floating_point():
                old.append(kept)
                new.append(tensor.detach())
            else:
                kept.copy_(tensor)
        torch._foreach_lerp_(old, new, 1 - decay)

    def restart(self, weights: Mapping[str, Tensor]) -> None:
        """Forget everything and go on from `weights`."""
        for name, tensor in weights.items():
            self.weights[name].copy_(tensor)
