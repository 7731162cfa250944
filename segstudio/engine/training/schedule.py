"""The learning rate over a training: one cycle, cosine, plateau or constant, each with its warm-up."""

import math
import time
from dataclasses import dataclass, replace
from typing import Literal

from segstudio.config.training import TrainingConfig
from segstudio.core.errors import WrongUsage

Schedule = Literal["one-cycle", "cosine", "plateau", "constant"]

#: A cycle starts at the peak divided by this, and ends near 0.
_START_DIVISOR = 25.0
_LONGEST_WARM_UP = 500
#: Share of a limited time, and at most how many seconds, that are kept for choosing the decoder at the end.
_RESERVE, _RESERVE_MAX_S = 0.06, 45.0


def one_cycle(fraction: float, peak: float, warm_up: float) -> float:
    """Return the learning rate when `fraction` of the training is over (Smith 2018, cosine in both halves).

    Parameters
    ----------
    fraction
        0 at the start, 1 at the end.
    warm_up
        Share of the training in which the rate rises.

    Examples
    --------
    >>> [round(one_cycle(f, 1.0, 0.1), 3) for f in (0.0, 0.1, 0.55, 1.0)]
    [0.04, 1.0, 0.5, 0.0]
    """
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction < warm_up:
        rise = 0.5 - 0.5 * math.cos(math.pi * fraction / warm_up)
        return peak * (1 / _START_DIVISOR + rise * (1 - 1 / _START_DIVISOR))
    return peak * (0.5 + 0.5 * math.cos(math.pi * (fraction - warm_up) / max(1 - warm_up, 1e-9)))


def cosine(fraction: float, peak: float, warm_up: float) -> float:
    """Return the learning rate that falls along half a cosine (Loshchilov and Hutter 2017) after a straight rise.

    Parameters as for `one_cycle`.

    Examples
    --------
    >>> [round(cosine(f, 1.0, 0.2), 3) for f in (0.0, 0.1, 0.2, 0.6, 1.0)]
    [0.04, 0.52, 1.0, 0.5, 0.0]
    """
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction < warm_up:
        return peak * (1 / _START_DIVISOR + fraction / warm_up * (1 - 1 / _START_DIVISOR))
    return one_cycle(fraction, peak, warm_up)


def warmed_up(step: int, rate: float, warm_up: float, steps_per_epoch: int) -> float:
    """Return the learning rate of a training without a known length: a straight rise to `rate`."""
    length = min(_LONGEST_WARM_UP, max(1, round(warm_up * 100 * steps_per_epoch)))
    return rate * min(1.0, (step + 1) / length)


@dataclass(frozen=True)
class Plateau:
    """Halves the rate after `patience` epochs without a better score, and stops after `stop_after`."""

    patience: int
    stop_after: int
    best: float = -math.inf
    best_epoch: int = 0
    halved_epoch: int = 0
    factor: float = 1.0

    def after(self, epoch: int, score: float) -> "Plateau":
        """Return the state after the validation of `epoch`."""
        if score > self.best:
            return replace(self, best=score, best_epoch=epoch, halved_epoch=epoch)
        if epoch - self.halved_epoch >= self.patience:
            return replace(self, factor=self.factor / 2, halved_epoch=epoch)
        return self

    def should_stop(self, epoch: int) -> bool:
        """Whether the training got no better for too long."""
        return self.stop_after > 0 and epoch - self.best_epoch >= self.stop_after


class Clock:
    """Seconds of training, without pauses, going on from a checkpoint."""

    def __init__(self, before: float = 0.0) -> None:
        self._before = before
        self._since: float | None = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)

    def pause(self) -> None:
        """Stop counting."""
        self._before, self._since = self.seconds, None

    def go_on(self) -> None:
        """Count again."""
        self._since = time.monotonic()


@dataclass(frozen=True)
class Length:
    """How long a training lasts: seconds and steps, each 0 when it is not limited."""

    seconds: float
    steps: int

    @property
    def known(self) -> bool:
        """Whether the training has a limit."""
        return self.seconds > 0 or self.steps > 0

    def fraction(self, step: int, seconds: float) -> float:
        """Return how much of the training is over, 0..1; 0 without a limit."""
        by_time = seconds / self.seconds if self.seconds > 0 else 0.0
        by_steps = step / self.steps if self.steps > 0 else 0.0
        return min(1.0, max(by_time, by_steps))

    def remaining(self, step: int, seconds: float) -> float | None:
        """Return the seconds left, ``None`` when unknown."""
        fraction = self.fraction(step, seconds)
        return seconds * (1 - fraction) / fraction if fraction > 0 else None


def length_of(config: TrainingConfig, prepared_s: float = 0.0) -> Length:
    """Return what is left for steps: of a limited time, preparing has taken some and the decoder's choice will."""
    budget = config.max_minutes * 60
    seconds = max(0.05 * budget, budget - min(_RESERVE * budget, _RESERVE_MAX_S) - prepared_s)
    return Length(seconds if budget > 0 else 0.0, config.epochs * config.steps_per_epoch)


def chosen_schedule(config: TrainingConfig, length: Length) -> Schedule:
    """Return the schedule that the settings ask for, with the automatic one decided.

    Raises
    ------
    WrongUsage
        The schedule needs a length and the training has none.
    """
    if config.schedule == "auto":
        return "one-cycle" if length.known else "plateau"
    if config.schedule in ("one-cycle", "cosine") and not length.known:
        raise WrongUsage(
            f"The learning rate schedule {config.schedule} needs to know how long the training lasts.",
            hint="Limit the minutes or the epochs, or take the schedule plateau.",
            code="schedule-without-length",
        )
    return config.schedule


@dataclass(frozen=True)
class LearningRate:
    """The learning rate at any moment of a training."""

    schedule: Schedule
    warm_up: float
    steps_per_epoch: int
    length: Length

    @property
    def falls_to_nothing(self) -> bool:
        """Whether it ends near 0, so that the training should not be ended early."""
        return self.schedule in ("one-cycle", "cosine")

    def at(self, step: int, seconds: float, peak: float, plateau: Plateau) -> float:
        """Return the learning rate of the step after `step`, which begins after `seconds`."""
        if self.schedule == "one-cycle":
            return one_cycle(self.length.fraction(step, seconds), peak, self.warm_up)
        if self.schedule == "cosine":
            return cosine(self.length.fraction(step, seconds), peak, self.warm_up)
        factor = plateau.factor if self.schedule == "plateau" else 1.0
        return warmed_up(step, peak * factor, self.warm_up, self.steps_per_epoch)
