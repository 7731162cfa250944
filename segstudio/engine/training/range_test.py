"""Learning-rate range test: a few steps with a rising rate show which rates a training can bear."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from segstudio.engine.control import Control
from segstudio.engine.devices import choose_device
from segstudio.engine.training.automatic import resolved
from segstudio.engine.training.precision import choose_precision
from segstudio.engine.training.prepare import Prepared, prepare
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.messages import Finished, Message, Metric, Progress, Warned
from segstudio.jobs.spec import RangeTestJob

#: The first and the last rate.
LOWEST_RATE, HIGHEST_RATE = 1e-6, 1.0
#: Times the lowest smoothed loss at which the network is lost and more steps tell nothing.
_LOST = 4.0
#: Steps over which the loss is smoothed, and below which nothing can be said.
_SMOOTH, _LEAST_STEPS = 3.0, 15
#: Share by which the loss must fall for a rate to be suggested.
_FALL = 0.05
#: A rate this much below that of the lowest loss is safe to train with for long.
_SAFETY = 4.0
#: Share of its fastest fall at which the loss still falls steeply.
_STEEP = 0.5


def range_test(job: RangeTestJob, control: Control | None = None) -> Iterator[Message]:
    """Raise the rate from step to step on the data of a training, and suggest one (Smith 2017, arXiv:1506.01186).

    Yields
    ------
    Message
        A `Metric` for each step with ``learning_rate``, ``train_loss`` and ``smooth_loss``; `Finished` with
        ``suggested_rate``, unless the loss did not fall at any rate, which a `Warned` of code ``"range-test-flat"``
        says.

    Raises
    ------
    UserError
        The data cannot be used, or the model to start from does not fit.
    """
    device = choose_device(job.training.device)
    with tempfile.TemporaryDirectory(prefix="segstudio-range-") as folder:
        training = job.training.model_copy(update={"run_folder": Path(folder), "resume": False})
        training = resolved(training, device)
        prepared = yield from prepare(training, control or Control(), device)
        if prepared is None:
            yield Finished(outcome="stopped")
            return
        try:
            stepper = Stepper(prepared.network, prepared.formulation, prepared.config.training, device)
            yield from _rise(prepared, stepper, job.steps)
        finally:
            prepared.store.close()


def suggested_rate(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> float | None:
    """Return the peak rate for a training, ``None`` when the loss fell at none.

    Towards the upper end of the rates at which the smoothed loss falls steeply, and well below that of the lowest loss,
    where those reach so far: beyond them a higher rate gains little and comes near to those at which the loss rises.
    What comes after the lowest loss does not count.

    Parameters
    ----------
    rates, losses
        ``(N,)``, rates rising by a constant factor; losses of one step each.

    Examples
    --------
    >>> rates = np.geomspace(1e-6, 1, 100)
    >>> losses = 1 - 0.5 / (1 + (1e-3 / rates) ** 2) + np.maximum(0, np.log10(rates / 0.03))
    >>> 5e-4 < suggested_rate(rates, losses) < 2e-2
    True
    """
    if len(losses) < _LEAST_STEPS:
        return None
    smooth = smoothed(losses)
    lowest = int(np.argmin(smooth))
    if smooth[: lowest + 1].max() - smooth[lowest] < _FALL * abs(smooth[: lowest + 1].max()) or lowest < 2:
        return None
    falls = np.gradient(smooth)[: lowest + 1]
    steepest = int(np.argmin(falls))
    first, last = _stretch(falls <= _STEEP * falls[steepest], steepest)
    return float(max(rates[first], min(np.sqrt(rates[steepest] * rates[last]), rates[lowest] / _SAFETY)))


def _stretch(holds: NDArray[np.bool_], place: int) -> tuple[int, int]:
    """Return the first and the last index of the unbroken stretch around `place` on which something `holds`."""
    before, after = np.flatnonzero(~holds[:place]), np.flatnonzero(~holds[place:])
    first = int(before[-1]) + 1 if len(before) else 0
    last = place + int(after[0]) - 1 if len(after) else len(holds) - 1
    return first, last


def smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `losses` without the chance of single batches."""
    return np.asarray(gaussian_filter1d(losses, _SMOOTH, mode="nearest"), np.float64)


def _rise(prepared: Prepared, stepper: Stepper, steps: int) -> Iterator[Message]:
    size = prepared.config.training.batch_size
    stepper.precision = choose_precision(stepper, prepared.sampler.batch(0, size), prepared.config.training)
    planned = np.geomspace(LOWEST_RATE, HIGHEST_RATE, steps)
    losses: list[float] = []
    begun = time.monotonic()
    for step, rate in enumerate(planned):
        result = stepper.step(prepared.sampler.batch(step, size), float(rate))
        if not result.finite:
            break
        losses.append(result.losses["loss"])
        smooth = smoothed(np.array(losses))
        values = {"learning_rate": float(rate), "train_loss": losses[-1], "smooth_loss": float(smooth[-1])}
        yield Metric(epoch=step + 1, step=step + 1, elapsed_s=0.0, values=values)
        left = (time.monotonic() - begun) / (step + 1) * (steps - step - 1)
        yield Progress(stage="Trying learning rates", done=step + 1, total=steps, remaining_s=left)
        if len(losses) > _LEAST_STEPS and smooth[-1] > _LOST * smooth.min() > 0:
            break
    rates = planned[: len(losses)]
    found = suggested_rate(rates, np.array(losses))
    summary: dict[str, float | int | str] = {"steps": len(losses)}
    if found is None:
        yield Warned(
            code="range-test-flat",
            message="At no learning rate did the loss fall clearly, so none can be suggested.",
            hint="See whether the labels lie on the right images, and whether there are enough of them.",
        )
    else:
        summary["suggested_rate"] = float(f"{found:.2g}")
    yield Finished(outcome="done", summary=summary)
