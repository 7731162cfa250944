"""Actions of the menu Image: from image to image, and what is finished."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.axes_window import ask_axes
from segstudio.gui.commands.conditions import can_edit_now, can_write_now
from segstudio.io.read_as import meant_axes
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


#: Action, axis, step, words and key.
_PLANE_STEPS = (
    ("previous_plane", "Z", -1, "Previous plane", "PgUp"),
    ("next_plane", "Z", 1, "Next plane", "PgDown"),
    ("previous_time", "T", -1, "Previous time", "Shift+PgUp"),
    ("next_time", "T", 1, "Next time", "Shift+PgDown"),
)


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)

    def has_images() -> bool:
        # An image that could not be opened leaves none in front.
        return session.project is not None and bool(session.project.images)

    def has_axis(letter: str) -> bool:
        letters = [name for name, _ in session.planes.axes]
        return letter in letters or (letter == "Z" and len(letters) == 1)

    def along(action: str, letter: str, by: int, text: str, keys: str) -> Action:
        def can() -> bool:
            return has_axis(letter)

        return Action(f"image.{action}", "&Image", text, lambda: w.step_plane(letter, by), (keys,), enabled=can)

    def has_axes() -> bool:
        document = session.document
        return document is not None and bool(meant_axes(document.source.info))

    def reviewed() -> bool:
        document = session.document
        return document is not None and session.states.state(document.entry.id) == "reviewed"

    return [
        Action(
            "image.previous",
            "&Image",
            "Previous image",
            lambda: session.front.step(-1, w.images.shown_ids()),
            ("A", "Left"),
            "ph.caret-left",
            enabled=has_images,
        ),
        Action(
            "image.next",
            "&Image",
            "Next image",
            lambda: session.front.step(1, w.images.shown_ids()),
            ("D", "Right"),
            "ph.caret-right",
            enabled=has_images,
        ),
        Action(
            "image.unreviewed",
            "&Image",
            "Next image to review",
            lambda: session.front.next_unreviewed(w.images.shown_ids()),
            ("Shift+D",),
            enabled=has_images,
        ),
        *(along(*step) for step in _PLANE_STEPS),
        Action(
            "image.reviewed",
            "&Image",
            "Reviewed",
            lambda: _toggle_reviewed(session),
            ("Ctrl+Return",),
            checked=reviewed,
            enabled=can_edit,
            separator=True,
        ),
        Action(
            "image.complete",
            "&Image",
            "This image is completely labelled",
            lambda: _toggle_complete(w),
            ("Ctrl+L",),
            enabled=can_edit,
            checked=lambda: session.completeness.complete,
            tip="Everything that is not an object is background: training may learn from it",
        ),
        Action(
            "image.pixel_size",
            "&Image",
            "Pixel size…",
            w.ask_pixel_size,
            icon="ph.ruler",
            enabled=can_write_now(w),
            separator=True,
        ),
        Action(
            "image.axes",
            "&Image",
            "Axes and pixel size…",
            lambda: ask_axes(w, session.document.entry.id) if session.document is not None else None,
            enabled=lambda: can_edit() and has_axes(),
            tip="What the planes and channels of this image are: depth, time, channels",
        ),
    ]


def _toggle_reviewed(session: Session) -> None:
    """Mark the image in front as reviewed, or not."""
    document = session.document
    if document is not None:
        done = session.states.state(document.entry.id) == "reviewed"
        session.states.set_reviewed([document.entry.id], not done)


def _toggle_complete(w: "MainWindow") -> None:
    """State that the image in front is completely labelled, or take it back; the Label step shows which."""
    w.canvas.finish_stroke()
    w.session.completeness.toggle()
    w.completeness_notices.say()
