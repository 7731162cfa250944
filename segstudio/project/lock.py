"""One writer for a project: the system's own file lock, which ends with the process, and who holds it."""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.computer import computer_mark
from segstudio.io.disk import DISK, Disk, disk_errors
from segstudio.io.file_lock import open_lock, try_lock

_OWNER_BYTES: Final = 4096


class ProjectLock:
    """Holds the lock file of a project while it is open for writing.

    Notes
    -----
    The lock is the kernel's: after a ``kill -9`` it is free at once, and no clock or process list decides. Some network
    drives keep locks within each computer, though. So the file names the owner until the project was closed, and what
    another computer has not closed is open there, for all that anybody can tell: the user decides, by deleting it.
    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self.interrupted = False
        """Whether the owner before ended without closing the project: it was killed, or the computer went off."""
        self._path = path
        self._disk = disk
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises
        ------
        UserError
            Another program has it, or another computer has not closed the project; the sentence says who. Or nobody
            can lock anything there (code ``no-locks``).
        DiskError
            The lock file cannot be written.
        """
        with disk_errors(self._path.parent.parent, "opened for writing"):
            # Who deletes it takes over from somebody who has not closed the project.
            absent = not self._path.exists()
            descriptor = open_lock(self._path)
        try:
            if not self._try(descriptor):
                raise _held(self._path, _owner(descriptor))
            owner = _owner(descriptor)
            if _elsewhere(owner):
                raise _left_by(self._path, owner)
            # Not what is written there: after a power cut it may be anything.
            self.interrupted = absent or os.fstat(descriptor).st_size > 0
            with disk_errors(self._path.parent.parent, "opened for writing"):
                owner = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "computer": computer_mark()}
                os.lseek(descriptor, 0, os.SEEK_SET)
                # Never empty on the way: that would say that the project was closed.
                os.ftruncate(descriptor, os.write(descriptor, json.dumps(owner).encode()))
                # Or a power cut leaves it empty, and nobody looks for what only the journals have.
                self._disk.sync(descriptor)
                self._disk.sync_folder(self._path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _try(self, descriptor: int) -> bool:
        try:
            return try_lock(descriptor)
        except OSError as error:
            project = self._path.parent.parent
            raise UserError(
                f"The drive of {project.name} cannot tell who has it open: {error.strerror or error}.",
                hint="Open it for reading only, or copy the project to a drive of this computer to work on it.",
                code="no-locks",
                path=project,
            ) from error

    def release(self, *, clean: bool = True) -> None:
        """Give the lock back; may be called twice. The file stays: to remove it would race with another owner.

        Parameters
        ----------
        clean
            Whether the label files hold everything; the next owner is `interrupted` otherwise.
        """
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            if clean:
                with suppress(OSError):
                    os.ftruncate(descriptor, 0)
            os.close(descriptor)


def was_left_open(path: Path) -> bool:
    """Return whether the lock file at `path` names an owner: somebody who has the project open, or was killed.

    One that was deleted, as who takes over from another computer does, may have named one.
    """
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return path.parent.is_dir()
    except OSError:
        return False


def _owner(descriptor: int) -> dict[str, object]:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        owner = json.loads(os.read(descriptor, _OWNER_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _elsewhere(owner: dict[str, object]) -> bool:
    """Whether the owner that a lock file names is on another computer."""
    mark, mine = owner.get("computer"), computer_mark()
    if mark and mine:
        return mark != mine
    return bool(owner.get("host")) and owner["host"] != socket.gethostname()


def _left_by(path: Path, owner: dict[str, object]) -> UserError:
    project = path.parent.parent
    return UserError(
        f"{project.name} was not closed on another computer ({_who(owner)}) and may be open there.",
        hint="Close it there, or open it for reading only. If that computer is off or SegStudio does not run on it, "
        f"delete the file {path.relative_to(project)} in the folder of the project, and open it again.",
        code="project-locked",
        path=project,
    )


def _who(owner: dict[str, object]) -> str:
    return ", ".join(
        str(text)[:80]
        for text in (owner.get("user"), owner.get("host"), owner.get("pid") and f"process {owner['pid']}")
        if text
    )


def _held(path: Path, owner: dict[str, object]) -> UserError:
    who = _who(owner)
    project = path.parent.parent.name
    return UserError(
        f"{project} is already open for writing{f' ({who})' if who else ''}.",
        hint="Close it there first, or open it for reading only.",
        code="project-locked",
        path=path.parent.parent,
    )


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("USERNAME") or ""
