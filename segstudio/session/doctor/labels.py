"""Are there enough labels: of each class to learn from, and of validation images to believe the score."""

from collections.abc import Iterator

from segstudio.session.doctor.base import Case, Finding, Remedy, counted

#: Objects of a class below which it is hardly learned, and share of the most frequent class that is rare.
_FEW, _RARE = 10, 0.02
#: Objects in all that a network needs to learn what a cell is.
_FEW_AT_ALL = 10
#: Width of the 95 % interval of F1 above which two models cannot be told apart.
WIDE = 0.15
#: Fewer validation images than this say little, unless they show many objects.
_FEW_IMAGES, _FEW_OBJECTS = 3, 50
#: Difference from which two figures are not the same to a reader.
_ANOTHER = 0.005
_LABEL = Remedy("Label more", action="label")
_NEXT = Remedy("Label another image", action="label-another")
_ADD = Remedy("Add images…", action="add-images")
_MORE_PAIRS = "Add a few more pairs of images: some of them are kept for validation."


def few_labels(case: Case) -> Iterator[Finding]:
    """Find classes with too few objects to learn them; with one class only, too few objects at all."""
    counts = {name: case.number(f"train_objects:{name}") for name in case.classes}
    known = {name: count for name, count in counts.items() if count is not None}
    if len(known) < 2:
        yield from _few_at_all(case)
        return
    most = max(known, key=lambda name: known[name])
    few = [name for name, count in known.items() if count < _FEW or count < _RARE * known[most]]
    few = [name for name in few if name != most]
    if not few:
        return
    told = ", ".join(f"{counted(known[name], 'object')} of {name}" for name in few)
    names = " and ".join(few) if len(few) < 3 else f"{len(few)} classes"
    yield Finding(
        code="few-labels-of-class",
        severity="warning",
        sentence=f"The network sees too little of {names} to learn it.",
        evidence=f"Training images hold {told}, and {known[most]:g} of {most}.",
        advice="Label about 30 objects of each class, in several images. A class that you do not need can be removed.",
        remedy=_LABEL,
    )


def _few_at_all(case: Case) -> Iterator[Finding]:
    objects, images = case.number("train_objects"), case.number("train_images")
    if objects is None or objects >= _FEW_AT_ALL or not case.finds_objects:
        return
    yield Finding(
        code="few-labels",
        severity="note",
        sentence="There are few labels to learn from.",
        evidence=f"{counted(objects, 'labelled object')} in {counted(images or 1, 'training image')}.",
        advice="Good for a first look. About 30 objects in 3 different images make a model that holds on new images.",
        remedy=_LABEL,
    )


def no_validation(case: Case) -> Iterator[Finding]:
    """Find that no image is kept for validation: nobody can know how good the model is."""
    if case.facts.get("own_validation") is not False:
        return
    yield Finding(
        code="no-validation",
        severity="warning",
        sentence="Nobody can know how good this model is: no image is kept for validation.",
        evidence=f"It is scored on what it learned from, {counted(case.number('train_images') or 0, 'image')}: "
        "the scores are too good.",
        advice=_MORE_PAIRS
        if case.learns_images
        else "Label one more image completely; in the list of images, choose Use for › Validation.",
        remedy=_ADD if case.learns_images else _NEXT,
        explains=frozenset({"small-validation"}),
    )


def small_validation(case: Case) -> Iterator[Finding]:
    """Find a score that rests on so little that it says little (bootstrap over images, Efron 1979)."""
    images, objects = case.number("validation_images"), case.number("validation_objects")
    if not images:
        return
    score, low, high = scored(case)
    seen = f"{counted(images, 'image')} with {counted(objects or 0, 'object')}"
    if case.learns_images:
        seen = counted(images, "image")
    if images == 1 or (images < _FEW_IMAGES and (objects or 0) < _FEW_OBJECTS):
        evidence = f"The score comes from {seen}."
    elif high - low > WIDE:
        evidence = (
            f"{_when(case, score)} {score:.2f} on {seen}; on others like them it may be anything from "
            f"{low:.2f} to {high:.2f} (95\u00a0%)."
        )
    else:
        return
    yield Finding(
        code="small-validation",
        severity="note",
        sentence="The validation set is too small to believe the score.",
        evidence=evidence,
        advice=_MORE_PAIRS if case.learns_images else "Label two or three more images and use them for validation.",
        remedy=_ADD if case.learns_images else _NEXT,
    )


def scored(case: Case) -> tuple[float, float, float]:
    """Return F1 and its interval of the weights that are kept, which need not be the last; zeros when not known."""
    names = ("val_f1", "val_f1_low", "val_f1_high")
    known = [metric for metric in case.metrics if set(names) <= metric.values.keys()]
    kept = [metric for metric in known if metric.best] or known
    if not kept:
        return 0.0, 0.0, 0.0
    score, low, high = (float(kept[-1].values[name]) for name in names)
    return score, low, high


def _when(case: Case, score: float) -> str:
    """Begin a sentence about an F1 of the curve, which another one follows where better settings were found."""
    final = case.finished.summary.get("f1") if case.finished is not None else None
    another = isinstance(final, float) and abs(final - score) > _ANOTHER
    return "While it trained, with quick settings, F1 was" if another else "F1 is"


def unlike_validation(case: Case) -> Iterator[Finding]:
    """Find validation images that look unlike the training images."""
    names = str(case.facts.get("unlike_images") or "")
    image_id, reason = str(case.facts.get("unlike_image_id") or ""), str(case.facts.get("unlike_reason") or "")
    if not names:
        return
    yield Finding(
        code="unlike-training",
        severity="note",
        sentence="Some validation images look unlike the training images.",
        evidence=f"{names}: {reason}",
        advice="The network never learned such images. Use one or two of them for training, or leave them out.",
        remedy=Remedy("Show the image", action="show-image", target=image_id) if image_id else None,
    )
