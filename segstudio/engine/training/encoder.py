"""The encoder that stays as it is while the decoder learns to use it."""

from torch import nn

from segstudio.engine.network import Network


class Encoder:
    """The weights that `network` calls its encoder, and the normalisations among them."""

    def __init__(self, network: Network) -> None:
        self._weights = list(network.encoder_parameters())
        own = {id(weight) for weight in self._weights}
        self._norms = [
            module
            for module in network.modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and any(id(weight) in own for weight in module.parameters(recurse=False))
        ]
        self.frozen = False

    @property
    def known(self) -> bool:
        """Whether the network says which of its weights are the encoder."""
        return bool(self._weights)

    def freeze(self, *, frozen: bool) -> None:
        """Hold the weights, or let them go."""
        self.frozen = frozen
        for weight in self._weights:
            weight.requires_grad_(not frozen)

    def keep_still(self) -> None:
        """Hold the running statistics too, if it is frozen; call it after ``network.train()``."""
        if self.frozen:
            for norm in self._norms:
                norm.eval()
