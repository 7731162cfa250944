"""The user's preferences in one small JSON file."""

import os
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path
from pydantic import ValidationError

from segstudio.config.preferences import Preferences
from segstudio.io.atomic import write_atomic
from segstudio.io.json_file import json_content

_SIZE_LIMIT: Final = 1_000_000
#: The field whose entries are right or wrong one by one.
_BY_NAME: Final = "shortcuts"


def preferences_path() -> Path:
    """Return where this user's preferences lie; ``SEGSTUDIO_CONFIG`` names another folder."""
    folder = os.environ.get("SEGSTUDIO_CONFIG")
    return (Path(folder) if folder else user_config_path("SegStudio", appauthor=False)) / "preferences.json"


def read_preferences(path: Path) -> Preferences:
    """Read the preferences as `read_what_is_good`."""
    return read_what_is_good(path)[0]


def read_what_is_good(path: Path) -> tuple[Preferences, tuple[str, ...]]:
    """Read the preferences; the default of what is missing, damaged or not known here.

    Damaged preferences hold no work, so they are replaced at the next change without asking.

    Returns
    -------
    tuple
        The preferences, and the names of what was passed over, as ``"theme"``; the name of the file for all of it.
    """
    try:
        content = json_content(path, _SIZE_LIMIT)
    except FileNotFoundError:
        return Preferences(), ()
    except (OSError, ValueError):
        return Preferences(), (path.name,)
    if not isinstance(content, dict):
        return Preferences(), (path.name,)
    passed_over: dict[str, None] = {}
    while True:
        try:
            return Preferences.model_validate(content), tuple(passed_over)
        except ValidationError as error:
            for place in {found["loc"] for found in error.errors(include_url=False)}:
                passed_over[_leave_out(content, place)] = None


def _leave_out(content: dict[str, Any], place: tuple[int | str, ...]) -> str:
    """Take a wrong value out of the content of a file, and return its name; of shortcuts that of one action."""
    field, inner = place[0], content.get(str(place[0]))
    if field == _BY_NAME and isinstance(inner, dict) and len(place) > 1:
        inner.pop(place[1], None)
        return str(place[1])
    content.pop(str(field), None)
    return str(field)


def write_preferences(path: Path, preferences: Preferences) -> None:
    """Write the preferences, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, preferences.model_dump_json(indent=1).encode())
