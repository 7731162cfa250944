"""Where the worker of short jobs writes what libraries print, and the stacks of a crash."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_log_path

_LONGEST: Final = 1_000_000


def worker_log() -> Path | None:
    """Return the log, emptied when it has become long; ``None`` where none can be written."""
    path = user_log_path("SegStudio", appauthor=False) / "worker.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError:
        return None
    with suppress(OSError):
        if path.stat().st_size > _LONGEST:
            path.unlink()
    return path
