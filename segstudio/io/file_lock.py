"""The system's own lock of a file: one process has it, and it ends with that process, even a killed one."""

import os
import sys
from typing import Final

#: Windows locks bytes for reading as well: one far behind the content leaves that readable.
_LOCKED_BYTE: Final = 1 << 20


def open_lock(path: "os.PathLike[str]") -> int:
    """Open the file at `path`, which is made when it is not there; return its descriptor, not yet locked."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, 0o644)


def try_lock(descriptor: int) -> bool:
    """Return whether the lock could be taken; it is given back when the descriptor is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
