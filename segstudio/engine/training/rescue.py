"""What a training does when its numbers leave the finite ones, or the memory does not suffice."""

from collections.abc import Iterator

import torch

from segstudio.core.errors import JobFailed
from segstudio.engine.training.average import Weights
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.messages import Warned

_BAD_STEPS = 3
_RESTARTS = 5
#: How often a smaller batch is tried when the memory does not suffice.
_SMALLER_BATCHES = 3


class Rescue:
    """Counts steps that were not finite, and goes back to good weights when there are three in a row.

    Attributes
    ----------
    left_out
        Steps so far whose loss or gradient was no finite number.
    in_row, restarts
        How many of them were the last ones; how often the training went back.
    """

    def __init__(self) -> None:
        self.left_out = self.in_row = self.restarts = 0
        self._smaller = 0

    @property
    def needed(self) -> bool:
        """Whether the training must go back to good weights."""
        return self.in_row >= _BAD_STEPS

    def count(self) -> Iterator[Warned]:
        """Take in a step that was not finite; the first one is told."""
        self.in_row += 1
        self.left_out += 1
        if self.left_out == 1:
            yield Warned(
                code="step-left-out",
                message="The loss was no finite number in one step; the step was left out and the training goes on.",
                hint="The summary says how many. If they are many, lower the learning rate or look for extreme pixels.",
            )

    def smaller_batch(self, size: int, error: BaseException) -> int:
        """Return the batch to try after one of `size` patches did not fit into the memory.

        Raises
        ------
        JobFailed
            There is none, or smaller ones were tried often enough.
        """
        if size == 1 or self._smaller >= _SMALLER_BATCHES:
            raise JobFailed(
                f"The memory does not suffice for this training, not even for batches of {size} "
                f"{'patch' if size == 1 else 'patches'}.",
                hint="Choose smaller patches or a narrower network, set a smaller batch, close other programs, or "
                "choose the processor (CPU) as device.",
                code="out-of-memory",
            ) from error
        self._smaller += 1
        return size // 2

    def go_back(self, stepper: Stepper, weights: Weights) -> Warned:
        """Restore `weights`; the caller halves the learning rate.

        Raises
        ------
        JobFailed
            It was done too often already.
        """
        self.in_row = 0
        self.restarts += 1
        if self.restarts > _RESTARTS:
            raise JobFailed(
                "The training left the finite numbers again and again and was given up.",
                hint="Lower the learning rate, or check the images for extreme values.",
                code="diverged",
            )
        stepper.restart(weights)
        stepper.precision = torch.float32
        return Warned(
            code="not-finite",
            message="The loss was no finite number three times in a row; the best weights were restored "
            "and the learning rate halved.",
            hint="Lower the learning rate if this happens again.",
        )


def batch_halved(size: int, device: torch.device) -> Warned:
    """Free what memory there is for batches of `size` patches, and return what to tell the user."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return Warned(
        code="batch-halved",
        message=f"The memory did not suffice; the batch is now {size} patches.",
        hint="A smaller patch size or a narrower network needs less memory.",
    )
