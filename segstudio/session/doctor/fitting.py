"""Does the network learn the rule or the examples, and does it look for objects at all."""

from collections.abc import Iterator

import numpy as np

from segstudio.config.augmentation import AugmentationConfig
from segstudio.session.doctor.base import Case, Curve, Finding, Remedy, counted, figure

LEAST_POINTS = 6
#: Random changes that make few images go further and suit most microscopes.
_STRONG = {"flips": True, "scale": 0.2, "rotation": 90.0, "gain": 0.35, "gamma": 0.35, "noise": 0.08}
#: Rise of the validation loss over its lowest value that is worth a note, and that is a warning when F1 suffers too.
_RISE, _STEEP = 0.15, 0.4
_SUFFERS = 0.02
#: Times the training loss that the validation loss is when the images are known by heart.
_GAP = 4.0
#: Foreground IoU below which nothing is found.
_NOTHING = 0.03
_NOTHING_POINTS = 4
#: Share of patches on objects that is enough.
_ON_OBJECTS = 0.8


def overfitting(case: Case) -> Iterator[Finding]:
    """Find a validation loss that rises while the training loss goes on falling."""
    val, train = case.curve("val_loss"), case.curve("train_loss")
    if len(val) < LEAST_POINTS or len(train) < LEAST_POINTS or not case.facts.get("own_validation", True):
        return
    smooth = val.smooth()
    place = int(np.argmin(smooth))
    lowest, end = float(smooth[place]), val.end()
    began = float(val.epochs[place])
    learned_then, learned_now = _around(train, began), train.end()
    rise = end / lowest - 1 if lowest > 0 else 0.0
    if rise < _RISE or len(val) - place < LEAST_POINTS // 2 or learned_now >= learned_then:
        return
    lost = _lost(case.curve("val_f1"))
    serious = rise > _STEEP or lost > _SUFFERS or end > _GAP * learned_now
    yield Finding(
        code="overfitting",
        severity="warning" if serious else "note",
        sentence="The network has begun to learn its training images by heart.",
        evidence=f"The validation loss rose from {figure(lowest)} at epoch {began:.0f} to {figure(end)} at epoch "
        f"{val.epochs[-1]:.0f}; the training loss fell from {figure(learned_then)} to {figure(learned_now)}.",
        advice=f"The best weights so far are kept, so nothing is lost. {_images(case)}"
        "More labelled images help most; then stronger random changes of the images.",
        remedy=_augmented(case),
        epoch=began,
        mark="by heart from here",
    )


def _around(curve: Curve, epoch: float) -> float:
    return float(curve.smooth()[int(np.argmin(np.abs(curve.epochs - epoch)))])


def _lost(score: Curve) -> float:
    return float(score.smooth().max() - score.end()) if len(score) else 0.0


def _images(case: Case) -> str:
    images = case.number("train_images")
    return f"It learned from {counted(images, 'image')}. " if images is not None and images < 10 else ""


def _augmented(case: Case) -> Remedy:
    """Return stronger augmentation, or more labels where that is strong already."""
    now = case.config.augmentation
    changed = {
        f"augmentation.{name}": value
        for name, value in _STRONG.items()
        if name in AugmentationConfig.model_fields and getattr(now, name) < value
    }
    if not changed:
        return Remedy("Label more", action="label")
    return Remedy("Change images more and train again", changed, starts=True)


def stuck_at_background(case: Case) -> Iterator[Finding]:
    """Find a network that calls everything background, although the loss falls."""
    overlap = case.curve("val_iou")
    if len(overlap) < _NOTHING_POINTS or overlap.values[-_NOTHING_POINTS:].max() >= _NOTHING:
        return
    found, there = case.curve("val_predicted"), case.curve("val_objects")
    if (len(there) and there.values.max() == 0) or case.makes_images:
        return  # there is nothing to find
    objects = f"{counted(found.end(0), 'object')} of {there.end(0):.0f}" if len(found) and len(there) else "no object"
    loss = case.curve("train_loss")
    fell = f"; the loss went from {figure(loss.values[0])} to {figure(loss.end())}" if len(loss) else ""
    yield Finding(
        code="stuck-at-background",
        severity="error" if case.over else "warning",
        sentence="The network calls everything background.",
        evidence=f"At epoch {overlap.epochs[-1]:.0f} it finds {objects}, "
        f"with a foreground IoU of {overlap.values[-1]:.2f}{fell}.",
        advice="See whether the labels lie on the right images and whether the learning rate suits: "
        "measure it, and look only at patches with objects.",
        remedy=_towards_objects(case),
    )


def _towards_objects(case: Case) -> Remedy:
    if case.config.data.foreground_fraction < _ON_OBJECTS:
        return Remedy("Look at objects more and train again", {"data.foreground_fraction": 1.0}, starts=True)
    return Remedy("Find a learning rate", action="range-test")
