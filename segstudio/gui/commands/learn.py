"""Actions of the menu Train: train, predict, and decide on proposals."""

from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, can_write_now

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    session, can_edit = w.session, can_edit_now(w)

    live, proposals = w.training.live, w.prediction.proposals

    def reviewing() -> bool:
        return can_edit() and session.review.pending_count > 0 and not session.review.accepting

    def can_find_rate() -> bool:
        return can_write_now(w)() and w.training.setup.complete and session.runs.training is None

    def can_see_comparison() -> bool:
        return can_write_now(w)() or session.bake_off.runner.record is not None

    return [
        Action("train.start", "T&rain", "Train", w.train, ("Ctrl+T",), "ph.graduation-cap", enabled=can_write_now(w)),
        Action(
            "train.patches",
            "T&rain",
            "Preview patches…",
            w.beside_training.patches,
            icon="ph.squares-four",
            tip="Eight patches with their labels, as the network would see them",
            enabled=lambda: session.project is not None,
        ),
        Action(
            "train.rates",
            "T&rain",
            "Find a learning rate",
            lambda: _find_rate(w),
            icon="ph.gauge",
            tip="Learns for 100 steps with a rising rate and shows which one suits these images",
            enabled=lambda: can_find_rate() and session.rates.state != "running",
        ),
        Action(
            "train.compare",
            "T&rain",
            "Compare networks…",
            w.beside_training.compare,
            icon="ph.scales",
            tip="Train several ways for the same time and see which is best on your images",
            enabled=can_see_comparison,
        ),
        Action(
            "train.pause", "T&rain", "Pause or resume the training", live.toggle_pause, enabled=lambda: live.can_pause
        ),
        Action("train.stop", "T&rain", "Stop the training, keep the best", live.stop, enabled=lambda: live.can_stop),
        Action(
            "train.network",
            "T&rain",
            "Network…",
            w.beside_training.network,
            icon="ph.tree-structure",
            tip="Layers, size, memory and receptive field; feature maps of a trained model",
            enabled=lambda: w.training.setup.complete,
        ),
        Action(
            "predict.current",
            "T&rain",
            "Predict this image",
            lambda: _predict_current(w),
            ("Ctrl+P",),
            "ph.magic-wand",
            enabled=can_edit,
            separator=True,
        ),
        Action(
            "review.accept",
            "T&rain",
            "Accept the proposal",
            proposals.accept_current,
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
        Action(
            "review.edit",
            "T&rain",
            "Edit the proposal",
            proposals.edit_current,
            icon="ph.pencil-simple",
            tip="Accept the proposal and take its object into the hand; the key of the eraser does it, too",
            enabled=lambda: reviewing() and session.review.current > 0,
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
            proposals.accept_all,
            ("Ctrl+Shift+Return",),
            "ph.checks",
            enabled=reviewing,
            separator=True,
        ),
        Action("review.accept_empty", "T&rain", "Accept where empty", proposals.accept_where_empty, enabled=reviewing),
        Action("review.reject_all", "T&rain", "Reject all proposals", session.review.reject_all, enabled=reviewing),
        Action(
            "review.restore",
            "T&rain",
            "Bring back rejected proposals",
            session.review.restore_rejected,
            enabled=lambda: can_edit() and session.review.rejected_count > 0,
        ),
    ]


def _find_rate(w: "MainWindow") -> None:
    """Go to the step Train and test learning rates."""
    w.show_step(1)
    w.training.find_rate()


def _predict_current(w: "MainWindow") -> None:
    """Go to the step Predict and predict the image in front."""
    w.show_step(2)
    w.prediction.predict_current()
