"""The user's keys: given to the actions when the window is built and when they change, and chosen in a dialog."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt

from segstudio.config.preferences import Preferences
from segstudio.gui.dialogs.shortcuts import ShortcutsDialog
from segstudio.gui.key_bindings import bind
from segstudio.gui.key_choice import KeyChoice
from segstudio.gui.key_presets import PRESETS
from segstudio.gui.keys_in_use import use_keys
from segstudio.session.notice import Notice

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


class KeySettings:
    """Keeps the keys of a window as the preferences have them."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window
        self._own = {spec.id: spec.keys for spec in window.actions_table.specs.values()}
        self._in_use: tuple[str, object] = ("", None)
        wrong = self.use(window.session.preferences)
        passed_over = (*window.session.passed_over, *wrong)
        if passed_over:
            window.banners.show_notice(_passed_over(passed_over, in_keys=bool(wrong)))
        window.session.preferences_changed.connect(self.use)

    def use(self, preferences: Preferences) -> tuple[str, ...]:
        """Give the actions the keys of some preferences, and return the names of what means nothing here."""
        wanted = (preferences.key_preset, preferences.shortcuts)
        if wanted == self._in_use:
            return ()
        self._in_use = wanted
        bindings = bind(self._own, PRESETS[preferences.key_preset], preferences.shortcuts)
        self._window.actions_table.set_keys(bindings.keys)
        use_keys(bindings.keys)
        self._window.canvas.set_undo_keys(bindings.keys["edit.undo"], bindings.keys["edit.redo"])
        return bindings.passed_over

    def choose(self) -> None:
        """Open the dialog "Keyboard shortcuts"."""
        preferences = self._window.session.preferences
        choice = KeyChoice(self._own, preferences.key_preset, preferences.shortcuts)
        dialog = ShortcutsDialog(self._window.actions_table.specs, choice, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._keep)
        dialog.open()

    def _keep(self, choice: KeyChoice) -> None:
        update = {"key_preset": choice.preset, "shortcuts": dict(choice.changed)}
        session = self._window.session
        session.set_preferences(session.preferences.model_copy(update=update))


def _passed_over(names: tuple[str, ...], *, in_keys: bool) -> Notice:
    words = QCoreApplication.translate("KeySettings", "Passed over in your preferences, as it means nothing here: {0}.")
    hint = QCoreApplication.translate("KeySettings", "“Use these keys” in Help › Keyboard shortcuts takes it out.")
    return Notice(words.format(", ".join(names)), hint if in_keys else "", "warning", outlives=True)
