"""Actions of the menu Image: from image to image, and what is finished."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, can_write_now

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)

    def has_images() -> bool:
        # An image that could not be opened leaves none in front.
        return session.project is not None and bool(session.project.images)

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
        Action(
            "image.reviewed",
            "&Image",
            "Reviewed",
            w.toggle_reviewed,
            ("Ctrl+Return",),
            checked=reviewed,
            enabled=can_edit,
            separator=True,
        ),
        Action(
            "image.complete",
            "&Image",
            "This image is completely labelled",
            w.toggle_complete,
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
    ]
