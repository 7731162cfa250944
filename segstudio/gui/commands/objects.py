"""Actions of the review of objects: a menu of its own in Edit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, has_document_now
from segstudio.labels.objects import ReviewState
from segstudio.labels.state_edit import SetState

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

_MENU = "Review"
_MARKS: tuple[tuple[ReviewState, str], ...] = (
    ("accepted", "Accept the selected objects"),
    ("suspicious", "Mark the selected as suspicious"),
    ("unreviewed", "Mark the selected as unreviewed"),
)


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)
    walk = session.object_walk

    def then(verb: Callable[[], object]) -> Callable[[], None]:
        def act() -> None:
            w.canvas.finish_stroke()  # a gesture keeps its plane and its object
            verb()

        return act

    def selected() -> bool:
        return can_edit() and bool(session.view.selected)

    def mark(state: ReviewState) -> Callable[[], None]:
        return lambda: w.apply(SetState(tuple(sorted(session.view.selected)), state))

    marks = [
        Action(f"objects.mark_{state}", _MENU, text, mark(state), enabled=selected, separator=state == "accepted")
        for state, text in _MARKS
    ]
    return [
        Action(
            "objects.next",
            _MENU,
            "Next object to review",
            then(walk.next),
            ("Shift+Down",),
            tip="The next unreviewed or suspicious object; after the last, the next image that has one",
            enabled=has_document_now(w),
        ),
        Action(
            "objects.previous",
            _MENU,
            "Previous object to review",
            then(walk.previous),
            ("Shift+Up",),
            enabled=has_document_now(w),
        ),
        Action(
            "objects.accept",
            _MENU,
            "Accept the object and go on",
            then(walk.accept),
            ("Shift+Return", "Shift+Enter"),
            "ph.check",
            enabled=can_edit,
        ),
        Action(
            "objects.doubt",
            _MENU,
            "Mark as suspicious and go on",
            then(walk.doubt),
            ("Shift+Backspace",),
            "ph.warning",
            enabled=can_edit,
        ),
        *marks,
        Action(
            "objects.gallery",
            _MENU,
            "Gallery of objects",
            w.show_gallery,
            ("Ctrl+G",),
            "ph.squares-four",
            "Small pictures of all objects, sorted by what you choose",
            enabled=has_document_now(w),
            separator=True,
        ),
    ]
