"""One writer for a project: the system's own file lock, which ends with the process, and who holds it."""

import json
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from segstudio.core.errors import UserError
from segstudio.io.computer import computer_mark
from segstudio.io.disk import DISK, Disk, disk_errors
from segstudio.io.file_lock import open_lock, try_lock
from segstudio.io.regular_file import open_regular

#: Code of the error about a project that another computer has not closed.
LEFT_OPEN: Final = "project-left-open"
_OWNER_BYTES: Final = 4096


@dataclass(frozen=True)
class Holder:
    """Who has a project open on another computer, or has left it open there.

    Attributes
    ----------
    who
        User, computer and process, in words.
    computer
        Name of the computer; empty when it is not known.
    since
        When it was opened, by the clock of the drive.
    content
        Of the lock file: another holder has another one.
    """

    who: str
    computer: str
    since: datetime
    content: bytes


class ProjectLock:
    """Holds the lock file of a project while it is open for writing.

    Notes
    -----
    The lock is the kernel's: after a ``kill -9`` it is free at once, and no clock or process list decides. Some network
    drives keep locks within each computer, though. So the file names the owner until the project was closed, and what
    another computer has not closed is open there, for all that anybody can tell: the user decides, by taking over.
    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self.interrupted = False
        """Whether the owner before ended without closing the project: it was killed, or the computer went off."""
        self._path = path
        self._disk = disk
        self._descriptor: int | None = None
        self._content = b""
        self._lost = False
        self._mutex = threading.Lock()  # who waits for it would wait for the same drive

    def acquire(self, take_from: Holder | None = None) -> None:
        """Take the lock.

        Parameters
        ----------
        take_from
            On another computer, which is off: so says the user. Whoever else has it keeps it.

        Raises
        ------
        UserError
            Another program has it, or another computer has not closed the project (code `LEFT_OPEN`); the sentence
            says who. Or nobody can lock anything there (code ``no-locks``).
        DiskError
            The lock file cannot be written.
        """
        with disk_errors(self._path.parent.parent, "opened for writing"):
            # Who deletes it takes over from somebody who has not closed the project.
            absent = not self._path.exists()
            descriptor = open_lock(self._path)
        try:
            if not self._try(descriptor):
                raise _held(self._path, _owner_in(_content(descriptor)))
            content = _content(descriptor)
            owner = _owner_in(content)
            if _elsewhere(owner) and (take_from is None or take_from.content != content):
                raise _left_by(self._path, owner)
            # Not what is written there: after a power cut it may be anything.
            self.interrupted = absent or os.fstat(descriptor).st_size > 0
            with disk_errors(self._path.parent.parent, "opened for writing"):
                owner = {"pid": os.getpid(), "host": socket.gethostname(), "user": _user(), "computer": computer_mark()}
                self._write(descriptor, owner | {"session": uuid4().hex})  # one program may open several projects
                self._disk.sync_folder(self._path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _write(self, descriptor: int, owner: dict[str, object]) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        # Never empty on the way: that would say that the project was closed.
        self._content = json.dumps(owner).encode()
        os.ftruncate(descriptor, os.write(descriptor, self._content))
        # Or a power cut leaves it empty, and nobody looks for what only the journals have.
        self._disk.sync(descriptor)

    def names_us(self) -> bool:
        """Return whether the lock file that lies there now names this owner.

        Raises
        ------
        OSError
            It cannot be read.
        """
        try:
            with open_regular(self._path) as file:
                return file.read(_OWNER_BYTES) == self._content
        except (FileNotFoundError, NotADirectoryError):
            return False

    def take_again(self) -> str:
        """Take the lock again where another program has deleted its file; return, once, that somebody else has it.

        May be called by several threads at once.
        """
        with self._mutex:  # or the second is refused by what the first has just taken
            if self._descriptor is None or self._lost or self._is_ours(self._descriptor):
                return ""
            try:
                return self._retake(self._descriptor)
            except OSError:  # tried again with the next files that are written
                return ""

    def _retake(self, held: int) -> str:
        """Do so where the file that we hold does not lie there any more."""
        other = open_lock(self._path)
        try:
            owner = _owner_in(_content(other))
            if _elsewhere(owner) or not try_lock(other):
                self._lost = True
                return (
                    f"The lock of {self._path.parent.parent.name} was deleted, and {_writer(owner)} has opened it for "
                    "writing since. Close it in one of both: what is drawn in both is told apart only when it is "
                    "opened next."
                )
            self._write(other, json.loads(self._content))
            self._disk.sync_folder(self._path.parent)
            self._descriptor, other = other, held
        finally:
            os.close(other)
        return ""

    def _is_ours(self, descriptor: int) -> bool:
        """Whether the file that we hold lies there, whatever is in it; also when nobody can tell."""
        try:
            return self.names_us() or os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def leave_to_next(self) -> None:
        """Give the lock back so that any computer may take it, and is `interrupted` then; raise `DiskError`."""
        if self._descriptor is not None:
            with disk_errors(self._path, "written"):
                self._write(self._descriptor, {})
        self.release(clean=False)

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
        with self._mutex:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
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


def left_open_by(path: Path) -> Holder | None:
    """Return who has not closed a project on another computer, as its lock file at `path` says; ``None`` for nobody.

    Raises
    ------
    DiskError
        The lock file cannot be read.
    """
    with disk_errors(path, "read"):
        try:
            with open_regular(path) as file:
                content = file.read(_OWNER_BYTES)
                since = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime).astimezone()
        except FileNotFoundError:
            return None
    owner = _owner_in(content)
    return Holder(_who(owner), str(owner.get("host") or "")[:80], since, content) if _elsewhere(owner) else None


def refuse_held(path: Path) -> None:
    """Raise `UserError` when a program on this computer has the project of a lock file open for writing."""
    with disk_errors(path, "read"):
        if not path.exists():
            return
        descriptor = open_lock(path)
    try:
        if not try_lock(descriptor):
            raise _held(path, _owner_in(_content(descriptor)))
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether somebody has the project of a lock file open for writing, also when nobody can tell."""
    try:
        if left_open_by(path) is not None:
            return True
        if was_left_open(path):  # else it need not be tried, which would bar who opens it at the same moment
            refuse_held(path)
    except UserError:
        return True
    return False


def _content(descriptor: int) -> bytes:
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, _OWNER_BYTES)
    except OSError:
        return b""


def _owner_in(content: bytes) -> dict[str, object]:
    try:
        owner = json.loads(content)
    except (ValueError, RecursionError):
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
        hint="Close it there, or open it for reading only. If that computer is off, or SegStudio does not run on it, "
        "take the project over: in the window, or with segstudio unlock.",
        code=LEFT_OPEN,
        path=project,
    )


def _who(owner: dict[str, object], *, here: bool = False) -> str:
    """Return user, computer and process in words; of this computer only another user is named, and the process."""
    user = "" if here and owner.get("user") == _user() else owner.get("user")
    host = "" if here else owner.get("host")
    process = owner.get("pid") and f"process {owner['pid']}"
    return ", ".join(str(text)[:80] for text in (user, host, process) if text)


def _writer(owner: dict[str, object]) -> str:
    """Return where the one is who has a project open for writing, and who it is."""
    here = bool(owner) and not _elsewhere(owner)
    who = _who(owner, here=here)
    place = "another window or command on this computer" if here else "another program"
    return f"{place} ({who})" if who else place


def _held(path: Path, owner: dict[str, object]) -> UserError:
    project = path.parent.parent.name
    return UserError(
        f"{project} is already open for writing in {_writer(owner)}.",
        hint="Close it there first, or open it for reading only.",
        code="project-locked",
        path=path.parent.parent,
    )


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("USERNAME") or ""
