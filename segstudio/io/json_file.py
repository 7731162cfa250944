"""JSON files that another person may have sent: none is read that is too large, or too deep to be parsed."""

import errno
import json
from pathlib import Path
from typing import Any, Final

#: Bytes of the largest file: a training that names 100,000 images takes half of it.
LIMIT: Final = 64 << 20


class TooLarge(OSError):
    """A file has more bytes than any of its kind."""


def limited_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """Return the content of a file.

    Raises
    ------
    OSError
        It cannot be read; `TooLarge` when it has more than `limit` bytes, of which no more are read.
    """
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(errno.EFBIG, f"larger than {limit >> 20} MB", str(path))
    return data


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
