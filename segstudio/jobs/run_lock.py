"""Of all processes that would train a run, one does: the system's own lock of a file in its folder."""

import os
import time
from pathlib import Path
from typing import Final

from segstudio.io.disk import disk_errors
from segstudio.io.file_lock import open_lock, try_lock

#: Descriptors of the locks that this process has, by file; the system frees them when it ends.
_held: dict[Path, int] = {}
#: Another process that only looks, with `is_free`, has the lock for a moment, seconds.
_PATIENCE: Final = 0.5
_STEP: Final = 0.02


def take(file: Path) -> bool:
    """Return whether this process has the lock `file` now, until `give_back`; one that has it already may ask again.

    Raises
    ------
    DiskError
        The file cannot be made.
    """
    end = time.monotonic() + _PATIENCE
    while not (taken := _try(file)) and time.monotonic() < end:
        time.sleep(_STEP)
    return taken


def give_back(file: Path) -> None:
    """Let another process have the lock; nothing happens when this one does not have it."""
    if (descriptor := _held.pop(file.absolute(), None)) is not None:
        os.close(descriptor)


def is_free(file: Path) -> bool:
    """Return whether no other process has the lock."""
    if file.absolute() in _held or not file.exists():
        return True
    free = take(file)
    give_back(file)
    return free


def _try(file: Path) -> bool:
    key = file.absolute()
    if key in _held:
        return True
    with disk_errors(file, "saved"):
        descriptor = open_lock(file)
    try:
        taken = try_lock(descriptor)
    except OSError:  # a disk without locks: who trains is then known from the file with its process only
        taken = True
    if taken:
        _held[key] = descriptor
    else:
        os.close(descriptor)
    return taken
