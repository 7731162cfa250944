"""What the first process of a crew tells the others before each step, and how they follow."""

from typing import TYPE_CHECKING

import torch
import torch.distributed

from segstudio.engine.training.crew import Crew
from segstudio.engine.training.stepper import Stepper

if TYPE_CHECKING:
    from segstudio.engine.training.fit import Training

_STEP, _WAIT, _GO_BACK, _END = 0.0, 1.0, 2.0, 3.0


def step(crew: Crew, rate: float) -> None:
    """Let the others do the next step with the learning rate `rate`."""
    crew.tell([_STEP, rate])


def wait(crew: Crew) -> None:
    """Let the others know that the first process is there and does no step now."""
    crew.tell([_WAIT, 0.0])


def go_back(crew: Crew) -> None:
    """Let the others take the weights that `spread` gives."""
    crew.tell([_GO_BACK, 0.0])


def end(crew: Crew) -> None:
    """Let the others end."""
    crew.tell([_END, 0.0])


def spread(crew: Crew, stepper: Stepper) -> None:
    """Give all processes the weights of the first one."""
    if crew.alone:
        return
    for tensor in stepper.network.state_dict().values():
        torch.distributed.broadcast(tensor, src=0)


def follow(training: "Training") -> None:
    """Do what the first process says until it says that the end is there."""
    crew, stepper = training.crew, training.stepper
    while True:
        order, rate = crew.tell([_END, 0.0])
        if order == _END:
            return
        if order == _STEP:
            training.learn(rate)
        elif order == _GO_BACK:
            stepper.restart(stepper.network.state_dict())
            stepper.precision = torch.float32
            spread(crew, stepper)
            stepper.average.restart(stepper.network.state_dict())
