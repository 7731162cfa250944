"""Does the learning rate suit: loss that is no number, loss that explodes, loss that hardly falls."""

from collections.abc import Iterator

import numpy as np

from segstudio.config.training import TrainingConfig
from segstudio.session.doctor.base import Case, Curve, Finding, Remedy, counted, figure

#: Share of steps left out above which the training suffers.
_MANY_LEFT_OUT = 0.02
#: Times the loss of the untrained network that a loss must exceed to have exploded.
_EXPLODED = 4.0
#: Within the first epoch it must do so in so many validations: after a few steps the averages of batch norm lag behind.
_EARLY_POINTS = 2
#: Times its lowest value that the training loss must stay above, over so many points, to have risen.
_RISEN, _RISEN_POINTS = 1.5, 4
#: Share of its fall that a training loss may still have before it when the rate is too low.
_STEADY = 0.75
LEAST_POINTS = 5
#: Times the usual rate of Adam that SGD needs.
_SGD = 10.0
_POOR = 0.6
_CONSEQUENCES = frozenset({"rate-too-high", "stuck-at-background", "too-short", "overfitting"})
_TEST = Remedy("Find a learning rate", action="range-test")


def not_finite(case: Case) -> Iterator[Finding]:
    """Find a loss that was no finite number, once or again and again."""
    given_up = case.failed is not None and case.failed.code == "diverged"
    restarted, left_out = case.warned("not-finite"), case.warned("step-left-out")
    if not (given_up or restarted or left_out):
        return
    steps = case.metrics[-1].step if case.metrics else 0
    skipped = float(case.finished.summary.get("steps_left_out", 0)) if case.finished is not None else 0.0
    often = bool(given_up or restarted) or skipped > _MANY_LEFT_OUT * max(steps, 1)
    yield Finding(
        code="not-finite",
        severity="error" if given_up else "warning" if often else "note",
        sentence="The loss was no finite number any more, and the training was given up."
        if given_up
        else "The loss was no finite number any more, and the best weights had to be restored."
        if restarted
        else "The loss was no finite number in some steps, which were left out.",
        evidence=_left_out(steps, skipped, case.peak_rate),
        advice="Use a lower learning rate. If that does not help, look for images with extreme or empty pixels."
        if often
        else "A few such steps do no harm.",
        remedy=lower_rate(case) if often else None,
        explains=_CONSEQUENCES if often else frozenset(),
    )


def _left_out(steps: int, skipped: float, rate: float) -> str:
    seen = f"{counted(skipped, 'step')} of {steps} left out" if skipped else f"after {counted(steps, 'step')}"
    return f"{seen}, with a learning rate of {figure(rate)}."


def rate_too_high(case: Case) -> Iterator[Finding]:
    """Find a loss that explodes, or rises while the rate is high."""
    train, val = case.curve("train_loss"), case.curve("val_loss")
    told = _exploded(train, val) or _risen(train, case.curve("learning_rate"))
    if not told:
        return
    evidence, epoch = told
    yield Finding(
        code="rate-too-high",
        severity="warning",
        sentence="The learning rate is too high: the network jumps over what it should learn.",
        evidence=f"{evidence} The learning rate is {figure(case.peak_rate)}.",
        advice="Use a lower learning rate, or measure which one suits.",
        remedy=lower_rate(case),
        epoch=epoch,
        explains=frozenset({"stuck-at-background", "too-short", "overfitting"}),
    )


def _exploded(train: Curve, val: Curve) -> tuple[str, float] | None:
    if len(train) < 1 or len(val) < 1 or train.values[0] <= 0:
        return None
    place = int(np.argmax(val.values))
    worst = float(val.values[place])
    exploded = val.values > _EXPLODED * train.values.max()
    if not exploded[val.epochs >= 1].any() and exploded.sum() < _EARLY_POINTS:
        return None
    epoch = float(val.epochs[place])
    other = figure(float(np.interp(epoch, train.epochs, train.values)))
    return f"The validation loss was {figure(worst)} at epoch {epoch:.0f}, the training loss {other}.", epoch


def _risen(train: Curve, rate: Curve) -> tuple[str, float] | None:
    """Return where the training loss rises for good although the rate is near its peak."""
    if len(train) < LEAST_POINTS or len(rate) < LEAST_POINTS:
        return None
    smooth = train.smooth()
    lowest = np.minimum.accumulate(smooth)
    high = np.interp(train.epochs, rate.epochs, rate.values) > 0.3 * rate.values.max()
    above = (smooth > _RISEN * lowest) & high & (lowest > 0)
    if above.sum() < _RISEN_POINTS:
        return None
    place = int(np.argmax(np.where(above, smooth / lowest, 0)))
    begin = int(np.argmin(smooth[: place + 1]))
    words = (
        f"The training loss rose from {figure(smooth[begin])} at epoch {train.epochs[begin]:.0f} "
        f"to {figure(smooth[place])} at epoch {train.epochs[place]:.0f}."
    )
    return words, float(train.epochs[begin])


def rate_too_low(case: Case) -> Iterator[Finding]:
    """Find a loss that falls evenly and slowly: the rate could be higher."""
    train, rate, score = case.curve("train_loss"), case.curve("learning_rate"), case.curve("val_f1")
    if len(train) < LEAST_POINTS or not len(rate) or case.job.start_from is not None:
        return
    if len(score) and score.values.max() > _POOR:
        return
    high = np.interp(train.epochs, rate.epochs, rate.values) > 0.3 * rate.values.max()
    smooth = train.smooth()[high]
    if len(smooth) < LEAST_POINTS - 1 or smooth[0] <= 0:
        return
    steps = -np.diff(smooth)
    fallen = 1 - smooth[-1] / smooth[0]
    if (steps >= -0.01 * smooth[0]).mean() < 0.9 or smooth[-1] < _STEADY * smooth[0]:
        return
    yield Finding(
        code="rate-too-low",
        severity="warning",
        sentence="The network hardly learns: the learning rate seems too low.",
        evidence=f"The training loss fell by only {100 * max(fallen, 0):.0f} % in {train.epochs[-1]:.0f} epochs, from "
        f"{figure(smooth[0])} to {figure(smooth[-1])}, with a learning rate of {figure(case.peak_rate)}.",
        advice="Measure which learning rate suits these images, or use a higher one.",
        remedy=_higher_rate(case),
        explains=frozenset({"stuck-at-background", "too-short"}),
    )


def lower_rate(case: Case) -> Remedy:
    """Return a training with a lower rate: the usual one when it is far above that, else a tenth."""
    usual = _usual_rate(case)
    setting = case.config.training.learning_rate
    lower = usual if setting >= 4 * usual else case.rate_setting(case.peak_rate / 10)
    return Remedy(f"Use rate {figure(lower)} and train again", {"training.learning_rate": lower}, starts=True)


def _higher_rate(case: Case) -> Remedy:
    usual = _usual_rate(case)
    if case.config.training.learning_rate > usual / 4:
        return _TEST
    return Remedy(f"Use rate {figure(usual)} and train again", {"training.learning_rate": usual}, starts=True)


def _usual_rate(case: Case) -> float:
    """Return the rate that suits most trainings; SGD needs larger steps than Adam and AdamW."""
    return TrainingConfig().learning_rate * (_SGD if case.config.training.optimiser == "sgd" else 1.0)
