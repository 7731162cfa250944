"""Actions of the menu Train: train, predict, and decide on proposals."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, can_write_now

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)

    def reviewing() -> bool:
        return can_edit() and session.review.pending_count > 0

    return [
        Action("train.start", "T&rain", "Train", w.train, ("Ctrl+T",), "ph.graduation-cap", enabled=can_write_now(w)),
        Action(
            "predict.current",
            "T&rain",
            "Predict this image",
            w.predict_current,
            ("Ctrl+P",),
            "ph.magic-wand",
            enabled=can_edit,
        ),
        Action(
            "review.accept",
            "T&rain",
            "Accept the proposal",
            w.prediction.proposals.accept_current,
            ("Return", "Enter"),
            "ph.check",
            enabled=reviewing,
            separator=True,
        ),
        Action(
            "review.reject",
            "T&rain",
            "Reject the proposal",
            session.walk.reject_current,
            ("Backspace",),
            "ph.x",
            enabled=reviewing,
        ),
        Action("review.next", "T&rain", "Next proposal", session.walk.next_pending, ("Down",), enabled=reviewing),
        Action(
            "review.previous",
            "T&rain",
            "Previous proposal",
            session.walk.previous_pending,
            ("Up",),
            enabled=reviewing,
        ),
        Action(
            "review.accept_all",
            "T&rain",
            "Accept all proposals",
            w.prediction.proposals.accept_all,
            ("Ctrl+Shift+Return",),
            "ph.checks",
            enabled=reviewing,
        ),
    ]
