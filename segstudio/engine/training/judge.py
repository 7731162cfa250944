"""Judging a training: the averaged weights are validated, and the best ones kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np

from segstudio.engine.formulations import DecodeSettings
from segstudio.engine.training.average import Weights
from segstudio.engine.training.prepare import Prepared
from segstudio.engine.training.preview import write_preview
from segstudio.engine.training.schedule import Plateau
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.messages import Preview
from segstudio.jobs.run_folder import RunFolder


@dataclass
class Judge:
    """What was found so far, and what a training draws from it.

    Attributes
    ----------
    decode
        How objects are found until the end, when the best way is chosen; the threshold follows the network.
    best, best_score, best_loss
        Averaged weights of the best validation so far, and their score and loss; -inf for a loss that is not known.
    step
        Of the last validation, -1 for none.
    due_s
        On the training's clock: the next validation is not before.
    """

    prepared: Prepared
    decode: DecodeSettings
    plateau: Plateau
    best: Weights | None = None
    best_score: float = field(default=float("-inf"))
    best_loss: float = field(default=float("-inf"))
    step: int = -1
    due_s: float = 0.0

    def validate(self, stepper: Stepper, step: int, epoch: int) -> tuple[dict[str, float], bool]:
        """Return the figures of the present average, and whether it is the best so far."""
        weights = stepper.average.weights
        values: dict[str, float] = {}
        if self.prepared.validation_batches:
            values["val_loss"] = stepper.validation_loss(list(self.prepared.validation_batches), weights)
        self.decode, result = self.prepared.validator.run(weights, self.decode)
        self.plateau = self.plateau.after(epoch, result.score)
        loss = values.get("val_loss", float("-inf"))
        # Before anything is found all score nothing: those that are nearest to it are the best then.
        better = (result.score, -loss) > (self.best_score, -self.best_loss)
        if better:
            self.best_loss = loss
            self.best, self.best_score = {name: tensor.clone() for name, tensor in weights.items()}, result.score
        self.step = step
        return values | result.figures(), better

    @cached_property
    def judged_on(self) -> str:
        """A name for all that scores depend on but the weights: the images that are looked at, and what is known."""
        digest = blake2b(digest_size=16)
        for part in self.prepared.validator.watched:
            for array in (part.image, part.known, part.target):
                if array is not None:
                    digest.update(f"{array.dtype} {array.shape}".encode())
                    digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def judge_anew(self, best: Weights) -> None:
        """Give the best weights so far the score that they have on what is judged on now: the bar for all others."""
        _, result = self.prepared.validator.run(best, self.decode)
        self.best_score, self.best_loss = result.score, float("-inf")
        self.plateau = replace(self.plateau, best=result.score)

    def preview(self, weights: Weights, run: RunFolder, epochs: float) -> Iterator[Preview]:
        """Yield how `weights` see one validation image."""
        yield write_preview(run.previews, epochs, self.prepared.validator.pictures(weights, self.decode))

    def rest(self, now_s: float, begun: float, share: float) -> None:
        """Let the next validation wait until those since `begun` (monotonic) take only `share` of the time."""
        self.due_s = now_s + (time.monotonic() - begun) * (1 - share) / share
