"""Was the training long enough, and did it get anywhere: stopped too early, no better than its start."""

from collections.abc import Iterator

from segstudio.session.doctor.base import Case, Finding, Remedy, counted
from segstudio.session.doctor.labels import WIDE, scored

#: Rise of F1 in the last third of a training that a longer one would go on with.
_RISE = 0.04
#: F1 above which more time is not worth a word.
_GOOD = 0.93
LEAST_POINTS = 4
#: F1, or similarity to the targets, below which a model of fewer validations has hardly begun to learn.
_POOR = 0.5
#: Minutes that such a training is offered at least.
FEW_MINUTES = 5.0
#: What is said of a button that lets the training itself go on.
_GOES_ON = {
    "resume": "Let it go on from where it was stopped.",
    "longer": "Train longer: it goes on from its end, for as long again.",
}
#: F1 by which a model must beat its start; less is chance.
_BETTER, _WORSE = 0.005, -0.02


def too_short(case: Case) -> Iterator[Finding]:
    """Find a score that was still rising when the training ended."""
    score = case.curve("val_f1")
    if case.finished is None or len(score) < LEAST_POINTS:
        yield from _hardly_begun(case)
        return
    last = score.epochs[-1]
    before = score.values[score.epochs <= last * 2 / 3]
    if not len(before) or score.values.max() > _GOOD or score.values[-1] < score.values.max() - _RISE / 2:
        return
    rise = score.values.max() - before.max()
    if rise < _RISE:
        return
    remedy = _more(case)
    yield Finding(
        code="too-short",
        severity="note",
        sentence="The training ended while it was still getting better.",
        evidence=f"F1 rose from {before.max():.2f} to {score.values.max():.2f} in the last third "
        f"({last:.0f} epochs in all).",
        advice=_GOES_ON.get(
            remedy.action,
            "Train again with more patience."
            if "training.patience" in remedy.settings
            else "Train again: twice the time is a good try.",
        ),
        remedy=remedy,
    )


def _hardly_begun(case: Case) -> Iterator[Finding]:
    """Find a poor score after so few validations that no curve can tell why."""
    name, key, score = "F1", "f1", case.curve("val_f1")
    if not len(score):
        name, key, score = "The similarity to the targets", "ssim", case.curve("val_ssim")
    nothing = key == "f1" and not case.number("validation_objects")
    if case.finished is None or not 0 < len(score) < LEAST_POINTS or nothing:
        return
    final = case.finished.summary.get(key)  # with the best decoder settings, often higher than while it trained
    best = float(final) if isinstance(final, float) else score.values.max()
    if not has_hardly_begun(len(score), best):
        return
    remedy = _more(case, FEW_MINUTES)
    yield Finding(
        code="too-short",
        severity="note",
        sentence="The training was too short to show what the network can do.",
        evidence=f"{name} is {best:.2f} after {counted(case.metrics[-1].step, 'step')}.",
        advice=_GOES_ON.get(remedy.action, "Train again: a few minutes at least."),
        remedy=remedy,
    )


def has_hardly_begun(looks: int, best: float) -> bool:
    """Return whether a training that was validated so often and got no better than `best` was too short to judge."""
    return looks < LEAST_POINTS and best <= _POOR


def _more(case: Case, least: float = 0.0) -> Remedy:
    """Return how a training that is over is made longer: it goes on where it can, and lasts `least` minutes then."""
    if case.finished is not None and case.finished.outcome == "stopped":
        return Remedy("Go on", action="resume")
    if case.lengthens and 2 * case.config.training.max_minutes >= least:
        return Remedy("Train longer", action="longer")
    return _again(case, least)


def _again(case: Case, least: float) -> Remedy:
    """Return a training of twice the length, or of `least` minutes: twice a few epochs are still a few."""
    training = case.config.training
    limits = {"training.max_minutes": 2 * training.max_minutes} if training.max_minutes else {}
    if training.epochs and not least:
        epochs = 2 * training.epochs
        return Remedy(f"Train again with {epochs} epochs", {"training.epochs": epochs, **limits}, starts=True)
    minutes = max(least, 2 * training.max_minutes)
    if not minutes:  # it had no limit: it ended because it got no better for so many epochs
        patience = 2 * training.patience
        return Remedy(f"Train again with a patience of {patience}", {"training.patience": patience}, starts=True)
    settings = {"training.max_minutes": minutes, **({"training.epochs": 0} if training.epochs else {})}
    return Remedy(f"Train again for {minutes:g} minutes", settings, starts=True)


def no_better_than_start(case: Case) -> Iterator[Finding]:
    """Find a model that was trained further and got no better than the one it began with."""
    before, score = case.number("start_f1"), case.curve("val_f1")
    if before is None or case.finished is None or not len(score):
        return
    final = case.finished.summary.get("f1")  # the figure that is told everywhere else
    best = float(final) if isinstance(final, float) else score.values.max()
    gain = best - before
    if gain > _BETTER or _too_few_to_tell(case, before):
        return
    worse = gain < _WORSE
    yield Finding(
        code="no-better-than-start",
        severity="warning" if worse else "note",
        sentence="The new model is worse than the one it started from."
        if worse
        else "The new model is no better than the one it started from.",
        evidence=f"On the same validation images the start had F1 {before:.2f}, the new model {best:.2f}.",
        advice="Go on using the earlier model, or label images in which it fails and train again."
        if not worse
        else "Go on using the earlier model. To train it further, use a lower learning rate.",
        remedy=Remedy("Predict with the earlier model", action="use-start", target=str(case.job.start_from or "")),
    )


def _too_few_to_tell(case: Case, before: float) -> bool:
    """Return whether validation says so little that the score of the start is as likely as that of the new model."""
    _, low, high = scored(case)
    return high - low > WIDE and low <= before <= high


def other_normalisation(case: Case) -> Iterator[Finding]:
    """Find a start whose images were scaled otherwise than those of this training."""
    now = case.number("low_percentile"), case.number("high_percentile")
    before = case.number("start_low_percentile"), case.number("start_high_percentile")
    if None in (*now, *before) or now == before:
        return
    settings = {"data.low_percentile": before[0], "data.high_percentile": before[1]}
    yield Finding(
        code="other-normalisation",
        severity="warning",
        sentence="This training scales brightness otherwise than the model that it starts from.",
        evidence=f"The start learned with dark and bright at {before[0]:g} % and {before[1]:g} %, "
        f"this training takes {now[0]:g} % and {now[1]:g} %.",
        advice="Use the percentiles of the start: else the network has to unlearn what bright and dark mean.",
        remedy=Remedy(f"Use {before[0]:g} % and {before[1]:g} % and train again", settings, starts=True),
    )
