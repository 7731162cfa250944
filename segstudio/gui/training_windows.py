"""The windows that stay open beside the step Train: the network, patches, and the comparison; at most one of each."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog

from segstudio.gui.dialogs.network import NetworkDialog
from segstudio.gui.dialogs.patches import PatchesDialog
from segstudio.gui.keys_in_use import in_brackets
from segstudio.gui.panels.bake_off import BakeOffDialog

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

D = TypeVar("D", bound=QDialog)
_MINUTES = "training.max_minutes"


class TrainingWindows(QObject):
    """Opens these windows, joins them with form and canvas, and closes them with the main window."""

    def __init__(self, window: "MainWindow") -> None:
        super().__init__(window)
        self._window = window
        training = window.training
        training.setup.network_wanted.connect(self.network)
        training.setup.patches_wanted.connect(self.patches)
        training.compare_wanted.connect(self.compare)

    def network(self) -> None:
        """Open the window about the network, or bring it to the front; raise `WrongUsage` when there is none."""
        self._window.training.setup.wish()  # a key can be faster than the list of networks: no window without one
        self._bring(NetworkDialog, self._make_network)

    def patches(self) -> None:
        """Show patches as a training with the settings of the form would see them."""
        self._window.show_step(1)
        self._bring(PatchesDialog, self._make_patches)

    def compare(self) -> None:
        """Open the window that compares ways to learn, or bring it to the front."""
        self._bring(BakeOffDialog, self._make_comparison)

    def close(self) -> None:
        """Close all of them."""
        for kind in (NetworkDialog, PatchesDialog, BakeOffDialog):
            for dialog in self._window.findChildren(kind):
                dialog.close()

    def _bring(self, kind: type[D], make: Callable[[], D]) -> None:
        dialog = self._window.findChild(kind)
        if dialog is None:
            dialog = make()
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.show()
        else:
            dialog.raise_()
        dialog.activateWindow()

    def _make_network(self) -> NetworkDialog:
        w = self._window
        dialog = NetworkDialog(w.session, w.training.setup.wish, w.canvas.square, w)
        dialog.field_changed.connect(w.canvas.network.show_field)
        dialog.picture_wanted.connect(w.canvas.network.show_picture)
        w.training.setup.changed.connect(dialog.form_changed)
        return dialog

    def _make_patches(self) -> PatchesDialog:
        setup = self._window.training.setup
        dialog = PatchesDialog(self._window.session, setup.wish, self._window)
        setup.checked.connect(dialog.on_checked)
        return dialog

    def _make_comparison(self) -> BakeOffDialog:
        dialog = BakeOffDialog(self._window.session, self._window.training.setup.wish, self._window)
        dialog.taken.connect(self._take_candidate)
        return dialog

    def _take_candidate(self, run_id: str) -> None:
        """Predict with the model of a candidate from now on, and show what is known of it and its settings."""
        session, setup = self._window.session, self._window.training.setup
        job = session.bake_off.job(run_id)
        if job is None:
            return
        setup.fill(job, {_MINUTES: setup.form.values()[_MINUTES]} if _MINUTES in setup.form.rows else {})
        session.models.choose(run_id)
        self._window.training.advice.speak_of(run_id)
        uses = self.tr("Predict this image{0} uses it; the Train form has its settings.")
        session.notice(
            self.tr("{0} is the model that predicts now.").format(job.name),
            uses.format(in_brackets("predict.current")),
            "good",
        )
