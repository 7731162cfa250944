"""Whatever stops a thread that saves, as a sentence for the user: the thread goes on and tries again."""

import logging
from pathlib import Path

from segstudio.core.errors import UserError
from segstudio.io.disk import disk_error

log = logging.getLogger("segstudio")


def failure_of(error: Exception, path: Path) -> UserError:
    """Return the sentence for what was raised while `path` was saved; what nobody has foreseen goes to the log."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, OSError):
        return disk_error(error, path, "saved")
    log.error("%s could not be saved.", path, exc_info=error)
    if isinstance(error, MemoryError):
        return UserError(
            f"There is not enough memory to save {path.name}.",
            hint="Close other programs or images; it is tried again by itself.",
            code="no-memory",
            path=path,
        )
    return UserError(
        f"{path.name} could not be saved because of an error in SegStudio: {type(error).__name__}: {error}.",
        hint="It is tried again by itself. Please send us the log.",
        code="internal",
        path=path,
    )
