"""The user's preferences in one small JSON file."""

import os
from pathlib import Path

from platformdirs import user_config_path
from pydantic import ValidationError

from segstudio.config.preferences import Preferences
from segstudio.io.atomic import write_atomic
from segstudio.io.json_file import limited_bytes

_SIZE_LIMIT = 1_000_000


def preferences_path() -> Path:
    """Return where this user's preferences lie; ``SEGSTUDIO_CONFIG`` names another folder."""
    folder = os.environ.get("SEGSTUDIO_CONFIG")
    return (Path(folder) if folder else user_config_path("SegStudio", appauthor=False)) / "preferences.json"


def read_preferences(path: Path) -> Preferences:
    """Read the preferences; the defaults when there are none or they are damaged.

    Damaged preferences hold no work, so they are replaced at the next change without asking.
    """
    try:
        return Preferences.model_validate_json(limited_bytes(path, _SIZE_LIMIT))
    except (OSError, ValidationError):
        return Preferences()


def write_preferences(path: Path, preferences: Preferences) -> None:
    """Write the preferences, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, preferences.model_dump_json(indent=1).encode())
