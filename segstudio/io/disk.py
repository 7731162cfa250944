"""The only door to the disk for writing: about a dozen primitives, and the sentence for each refusal."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError

_WINDOWS: Final = sys.platform == "win32"
_CHUNK: Final = 4 << 20


class DiskError(UserError):
    """The disk refused to write: full, read-only, no permission, gone."""

    exit_code = 4
    reason = ""
    """Why, as a part of a sentence: "the disk is full"."""


class ReplacedFolder(FileNotFoundError):
    """A folder that was in use is gone, and another one lies in its place."""


class RemovedFolder(FileNotFoundError):
    """A folder that was in use is gone, though its drive is there."""


class Disk:
    """Every primitive with which this program changes a disk.

    Tests replace single methods to record, fail, delay or cut them. All methods raise ``OSError``;
    `disk_error` turns that into a sentence.
    """

    def create(self, path: Path) -> int:
        """Create a new file for writing; return its descriptor. Fails when it exists."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.open(path, flags, 0o644)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        """Write all of `data` at the end of what was written; short writes are continued."""
        view = memoryview(data)
        while view.nbytes:
            view = view[os.write(descriptor, view[:_CHUNK]) :]

    def sync(self, descriptor: int) -> None:
        """Return when the file's data and length are on the medium."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:  # macOS and Windows
            os.fsync(descriptor)

    def sync_file(self, path: Path) -> None:
        """Return when what another program, or an earlier session, has written to a file is on the medium."""
        way = os.O_RDWR if _WINDOWS else os.O_RDONLY
        descriptor = os.open(path, way | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            self.sync(descriptor)
        finally:
            self.close(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a descriptor."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename `source` to `target` in one step, over an old `target` if need be."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name, `target`, which must be new; not every disk can."""
        target.hardlink_to(source)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in `folder` durable; Windows has no such call and does it with the rename."""
        if _WINDOWS:
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def make_folder(self, folder: Path) -> None:
        """Make one folder; its parent must exist."""
        folder.mkdir()

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_folder(self, folder: Path) -> None:
        """Remove an empty folder."""
        folder.rmdir()

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut an open file to `size` bytes."""
        os.ftruncate(descriptor, size)

    def sleep(self, seconds: float) -> None:
        """Wait before another try."""
        time.sleep(seconds)

    def check_place(self) -> None:
        """Raise ``OSError`` when what this disk is for is not there; the real one is for everything."""


#: The real disk.
DISK: Final = Disk()


class OtherDisk(Disk):
    """Has each primitive done by another disk, also by one that tests have put there; others do more before or after.

    Parameters
    ----------
    disk
        Does the work.
    """

    def __init__(self, disk: Disk) -> None:
        self._inner = disk

    def create(self, path: Path) -> int:
        """See `Disk`."""
        return self._inner.create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        """See `Disk`."""
        self._inner.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """See `Disk`."""
        self._inner.sync(descriptor)

    def sync_file(self, path: Path) -> None:
        """See `Disk`."""
        self._inner.sync_file(path)

    def close(self, descriptor: int) -> None:
        """See `Disk`."""
        self._inner.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._inner.replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._inner.link(source, target)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._inner.sync_folder(folder)

    def make_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._inner.make_folder(folder)

    def unlink(self, path: Path) -> None:
        """See `Disk`."""
        self._inner.unlink(path)

    def remove_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._inner.remove_folder(folder)

    def truncate(self, descriptor: int, size: int) -> None:
        """See `Disk`."""
        self._inner.truncate(descriptor, size)

    def sleep(self, seconds: float) -> None:
        """See `Disk`."""
        self._inner.sleep(seconds)

    def check_place(self) -> None:
        """See `Disk`."""
        self._inner.check_place()


def make_one_folder(folder: Path, disk: Disk = DISK) -> None:
    """Make `folder` if it is not there, and never its parents: where those are gone their drive may be.

    Raises
    ------
    DiskError
        It cannot be made.
    """
    with disk_errors(folder, "made"):
        if not folder.is_dir():
            disk.make_folder(folder)
            disk.sync_folder(folder.parent)


@contextmanager
def disk_errors(path: Path, verb: str) -> Iterator[None]:
    """Turn any ``OSError`` inside into the `DiskError` for `path`; `verb` says what could not be done to it."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, path, verb) from error


def disk_error(error: OSError, path: Path, verb: str = "saved") -> DiskError:
    """Return the sentence for an error of the disk."""
    code, reason, hint = _explain(error, reading=verb == "read")
    told = DiskError(f"{path.name} could not be {verb} in {path.parent}: {reason}.", hint=hint, code=code, path=path)
    told.reason = reason
    return told


def _explain(error: OSError, *, reading: bool) -> tuple[str, str, str]:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return "disk-full", "the disk is full", "Free some space; nothing that was saved before has changed."
    if error.errno in (errno.EACCES, errno.EPERM):
        if reading:
            return "no-reading", "you may not read it", "Change the permissions."
        return "no-permission", "you may not write there", "Change the permissions or choose another folder."
    if error.errno == errno.EROFS:
        return "read-only", "the disk is read-only", "Choose a folder on another disk."
    if isinstance(error, ReplacedFolder):
        return "folder-replaced", "another folder lies there now", "Put the one before back."
    if isinstance(error, RemovedFolder):
        return "folder-removed", "the folder was deleted, moved or renamed", "Put it back where it was."
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "folder-missing", "the folder is not there any more", "Connect the drive or choose another folder."
    if error.errno == errno.EEXIST:
        return "not-a-folder", "there is a file of this name", "Choose another folder."
    if error.errno == errno.ENAMETOOLONG:
        return "name-too-long", "its name is too long for this disk", "Choose a folder with a shorter path."
    reason = error.strerror or type(error).__name__
    return "disk-error", f"the disk reports “{reason}”", "Check the disk or the network drive and try again."
