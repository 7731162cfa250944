"""What a crash of the program itself, in C, leaves: the stacks of all threads, for the next start to read."""

import faulthandler
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

from segstudio.io.disk import DISK, Disk
from segstudio.io.file_lock import open_lock, try_lock

log = logging.getLogger("segstudio")

_LONGEST: Final = 64_000
#: How the system's word for a crash begins; a file without it tells of a stall.
_FATAL: Final = b"Fatal Python error"


class CrashFile:
    """The file of one process, locked while it lives.

    Parameters
    ----------
    folder
        Where it is made, beside the log.
    """

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        self.path = folder / f"crash-{os.getpid()}-{uuid4().hex[:6]}.txt"
        self._disk = disk
        descriptor = disk.create(self.path)
        self.stream: IO[bytes] = os.fdopen(descriptor, "wb", buffering=0)
        try_lock(descriptor)
        self._was_enabled = faulthandler.is_enabled()
        faulthandler.enable(self.stream)

    @classmethod
    def start(cls, folder: Path | None) -> "CrashFile | None":
        """Return the file of this process; ``None`` where none can be written."""
        if folder is None:
            return None
        try:
            return cls(folder)
        except OSError as error:
            log.warning("No file for crashes: %s", error)
            return None

    def close(self) -> None:
        """Take the file away: the program ends in order."""
        faulthandler.disable()
        if self._was_enabled and sys.__stderr__ is not None:
            faulthandler.enable(sys.__stderr__)
        self.stream.close()
        with suppress(OSError):
            self._disk.unlink(self.path)


def take_crashes(folder: Path, disk: Disk = DISK) -> str:
    """Return what dead processes left, the last one last; their files are taken away and the log gets it all.

    Stalls in which such a process ended are for the log only. Call it on a thread.
    """
    crashes = []
    for path in sorted(folder.glob("crash-*.txt"), key=_age):
        said = _of_the_dead(path, disk)
        if said:
            log.error("A process that ended unexpectedly left %s:\n%s", path.name, said)
        if _FATAL.decode() in said:
            crashes.append(said)
    return "\n".join(crashes)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another program took it away
        return 0.0


def _of_the_dead(path: Path, disk: Disk) -> str:
    try:
        descriptor = open_lock(path)
    except OSError:
        return ""
    try:
        if not try_lock(descriptor):
            return ""  # it lives
        said = os.read(descriptor, _LONGEST)
        with suppress(OSError):
            disk.unlink(path)
        return said.decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
