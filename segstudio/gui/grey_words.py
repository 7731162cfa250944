"""Why an action cannot work at the moment, in words: for tooltips and for the list of actions."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from segstudio.gui.reading_only import why_grey as why_reading_only
from segstudio.session.session import Session

_CONTEXT = "GreyWords"
_PROJECT = QT_TRANSLATE_NOOP("GreyWords", "Open a project first.")
_IMAGE = QT_TRANSLATE_NOOP("GreyWords", "Open an image first.")
_SELECTION = QT_TRANSLATE_NOOP("GreyWords", "Select an object first.")
_STACK = QT_TRANSLATE_NOOP("GreyWords", "This image is no stack.")
_TRAINING = QT_TRANSLATE_NOOP("GreyWords", "No training is running.")
_PROPOSAL = QT_TRANSLATE_NOOP("GreyWords", "There is no proposal to decide on.")
#: What is missing when project and image are open; the longest beginning of an id counts.
_MISSING = {
    "edit.undo": QT_TRANSLATE_NOOP("GreyWords", "Nothing has been done on this image yet."),
    "edit.redo": QT_TRANSLATE_NOOP("GreyWords", "Nothing has been taken back."),
    "edit.delete": _SELECTION,
    "edit.merge": QT_TRANSLATE_NOOP("GreyWords", "Select two or more objects first."),
    "edit.copy_back": _STACK,
    "edit.copy_on": _STACK,
    "edit.interpolate": QT_TRANSLATE_NOOP("GreyWords", "Select an object of a stack first."),
    "edit.class_": QT_TRANSLATE_NOOP("GreyWords", "The project has fewer classes."),
    "image.previous_": _STACK,
    "image.next_": _STACK,
    "train.pause": _TRAINING,
    "train.stop": _TRAINING,
    "train.rates": QT_TRANSLATE_NOOP("GreyWords", "Complete the step Train first, and let a training end."),
    "train.network": QT_TRANSLATE_NOOP("GreyWords", "Complete the step Train first."),
    "review.": _PROPOSAL,
    "review.restore": QT_TRANSLATE_NOOP("GreyWords", "No proposal has been rejected."),
    "shape.": _SELECTION,
    "objects.mark_": _SELECTION,
    "view.made": QT_TRANSLATE_NOOP("GreyWords", "The model made no image of this one."),
    "image.axes": QT_TRANSLATE_NOOP("GreyWords", "This image has only rows and columns."),
    "view.projection": _STACK,
    "view.channel_": QT_TRANSLATE_NOOP("GreyWords", "This image has no such channel."),
    "view.single_channel": QT_TRANSLATE_NOOP("GreyWords", "This image is gray, or in red, green and blue."),
    "view.contrast": QT_TRANSLATE_NOOP("GreyWords", "The contrast is automatic."),
}


def why_grey(session: Session, action_id: str) -> str:
    """Return why an action that is grey cannot work; empty when nothing more is known."""
    reading_only = why_reading_only(session)
    if reading_only:
        return reading_only
    if session.project is None:
        missing = _PROJECT
    elif session.document is None and not action_id.startswith("train."):
        missing = _IMAGE
    else:
        begins = [begin for begin in _MISSING if action_id.startswith(begin)]
        missing = _MISSING[max(begins, key=len)] if begins else ""
    return QCoreApplication.translate(_CONTEXT, str(missing)) if missing else ""
