"""What is looked at, where it is not simply the plane in front of an image, in words for the lower edge."""

from PySide6.QtCore import QCoreApplication

from segstudio.gui.keys_in_use import key_of
from segstudio.session.session import Session

_AXES = {"T": "time", "Z": "depth"}


def seen_words(session: Session) -> str:
    """Return that it is the image that a model made, or a maximum over planes; empty for the plane in front."""
    made, document = session.made, session.document
    if document is None:
        return ""
    if made.shown:
        key = key_of("view.made")
        words = _tr("Made by {0}  ·  press {1} for the image") if key else _tr("Made by {0}")
        return words.format(made.model, key)
    letter = session.planes.projected(session.view.projection)
    if not letter:
        return ""
    letters = [name for name, _ in session.planes.axes]
    size, at = session.planes.axes[letters.index(letter)][1], session.planes.position[letters.index(letter)]
    words = _tr("Maximum over {1} ({0} planes)  ·  labels on plane {2}")
    return words.format(size, _tr(_AXES.get(letter, "the stack")), at + 1)


def _tr(text: str) -> str:
    return QCoreApplication.translate("SeenWords", text)
