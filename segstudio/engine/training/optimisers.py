"""What moves the weights: SGD, Adam or AdamW, with a rate of its own for the encoder."""

from typing import Any

import torch

from segstudio.config.training import TrainingConfig
from segstudio.engine.network import Network


def build_optimiser(network: Network, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return a fresh optimiser of all weights of `network`.

    The learning rate of each group is the training's times its ``"factor"``; see `set_rate`. SGD with momentum is
    Sutskever's (2013), Adam is Kingma and Ba's (2015), AdamW is Loshchilov and Hutter's (2019).
    """
    groups = _groups(network, config.encoder_rate)
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "sgd":
        look_ahead = config.nesterov and config.momentum > 0
        return torch.optim.SGD(groups, lr=rate, weight_decay=decay, momentum=config.momentum, nesterov=look_ahead)
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    return kind(groups, lr=rate, weight_decay=decay)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step follow the learning rate `rate`."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]


def _groups(network: Network, encoder_rate: float) -> list[dict[str, Any]]:
    encoder = {id(weight) for weight in network.encoder_parameters()}
    if encoder_rate == 1 or not encoder:
        return [{"params": list(network.parameters()), "factor": 1.0}]
    rest = [weight for weight in network.parameters() if id(weight) not in encoder]
    slow = [weight for weight in network.parameters() if id(weight) in encoder]
    parts = [{"params": rest, "factor": 1.0}, {"params": slow, "factor": encoder_rate}]
    return [part for part in parts if part["params"]]
