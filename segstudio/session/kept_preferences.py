"""The user's preferences: read when a sitting begins, and kept when they change; recent projects are among them."""

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from segstudio.config.preferences import Preferences
from segstudio.io.preferences_file import preferences_path, read_what_is_good, write_preferences
from segstudio.project.layout import is_project
from segstudio.session.background import Background


class KeptPreferences:
    """What the user prefers, for one sitting.

    Parameters
    ----------
    background
        Writes them, and looks for projects.

    Attributes
    ----------
    background
        As given.
    preferences
        As they are now; changed by `set_preferences`.
    passed_over
        Names of what the file held at the start that means nothing here.
    """

    preferences_changed = Signal(object)

    def __init__(self, background: Background) -> None:
        self.background = background
        self.preferences, self.passed_over = read_what_is_good(preferences_path())

    def set_preferences(self, preferences: Preferences) -> None:
        """Take over and keep the user's preferences."""
        self.preferences = preferences
        self.preferences_changed.emit(preferences)
        self.background.run(lambda: write_preferences(preferences_path(), preferences), lane="preferences")

    def existing_recent(self, then: Callable[[tuple[str, ...]], None]) -> None:
        """Call `then` with the recent projects that are still there."""
        folders = self.preferences.recent
        self.background.run(lambda: tuple(folder for folder in folders if is_project(Path(folder))), then)

    def _remember(self, folder: Path) -> None:
        """Count a project among the recent ones."""
        self.set_preferences(self.preferences.opened(str(folder)))

    def _rescue_folder(self) -> Path | None:
        """Return where to keep what the disk of a project refuses; ``None``: among the user's own data."""
        chosen = self.preferences.rescue_folder
        return Path(chosen) if chosen else None
