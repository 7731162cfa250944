"""JSON files that another person may have sent: none is read that is too large, or too deep to be parsed."""

import json
from pathlib import Path
from typing import Any, Final

from segstudio.io import regular_file
from segstudio.io.regular_file import TooLarge

__all__ = ["LIMIT", "TooLarge", "json_content", "limited_bytes"]

#: Bytes of the largest file: a training that names 100,000 images takes half of it.
LIMIT: Final = 64 << 20


def limited_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """Return the content of a file as `regular_file.limited_bytes`, of a JSON file at most."""
    return regular_file.limited_bytes(path, limit)


def json_content(path: Path, limit: int = LIMIT) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what a JSON file holds; its fields are to be checked.

    Raises
    ------
    OSError
        As `limited_bytes`.
    ValueError
        It is no JSON, or its parts lie too deep in each other.
    """
    try:
        return json.loads(limited_bytes(path, limit))
    except RecursionError as error:
        raise ValueError("too deep") from error
