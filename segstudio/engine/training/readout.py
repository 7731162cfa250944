"""What a training says of itself: means of its losses, its speed, how much is left."""

import time
from collections import deque

from segstudio.engine.training.schedule import Length
from segstudio.jobs.messages import Metric, Progress

#: Seconds between two messages about the progress.
_PROGRESS_S = 0.5
_SPEED_OVER_STEPS = 20


class Readout:
    """Gathers steps and makes messages of them.

    Parameters
    ----------
    length
        Of the training.
    seconds
        On its clock at the start; not 0 for one that is resumed.
    """

    def __init__(self, length: Length, seconds: float = 0.0) -> None:
        self._length = length
        self._said_s = seconds
        self._losses: list[dict[str, float]] = []
        self._recent: deque[tuple[float, int]] = deque(maxlen=_SPEED_OVER_STEPS)

    def note(self, losses: dict[str, float], patches: int) -> None:
        """Take in a step: its loss terms by name, and how many patches it learned from."""
        self._losses.append(losses)
        self._recent.append((time.monotonic(), patches))

    @property
    def losses(self) -> list[dict[str, float]]:
        """The loss terms of each step since the last metric, for a checkpoint."""
        return list(self._losses)

    def take_up(self, losses: list[dict[str, float]]) -> None:
        """Go on from the `losses` of a checkpoint."""
        self._losses = list(losses)

    @property
    def empty(self) -> bool:
        """Whether there was no step since the last metric."""
        return not self._losses

    def forget_speed(self) -> None:
        """Measure the speed anew: what came between the last step and the next was no step."""
        self._recent.clear()

    def progress(self, step: int, seconds: float) -> Progress | None:
        """Return how far the training is after `seconds` of its clock; ``None`` when that was said just now."""
        if seconds - self._said_s < _PROGRESS_S:
            return None
        self._said_s = seconds
        fraction = self._length.fraction(step, seconds)
        total = round(step / fraction) if fraction > 0 else 0
        return Progress(
            stage="Training",
            done=step,
            total=max(total, step) if total else 0,
            rate=self._patches_per_second(),
            remaining_s=self._length.remaining(step, seconds),
        )

    def metric(self, epochs: float, step: int, seconds: float, values: dict[str, float], *, best: bool) -> Metric:
        """Return the means since the last metric, with the speed and other `values`."""
        means = {}
        if self._losses:
            for name in self._losses[0]:
                means[f"train_{name}"] = sum(losses[name] for losses in self._losses) / len(self._losses)
        self._losses = []
        values = {**means, **values, "images_per_s": self._patches_per_second()}
        return Metric(epoch=epochs, step=step, elapsed_s=seconds, values=values, best=best)

    def _patches_per_second(self) -> float:
        if len(self._recent) < 2:
            return 0.0
        seconds = self._recent[-1][0] - self._recent[0][0]
        return sum(number for _, number in list(self._recent)[1:]) / max(seconds, 1e-6)
