"""Files that are whole at any instant: replaced, copied, appended to, and folders that come and go with them."""

import errno
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from segstudio.io.disk import DISK, Disk, DiskError, disk_errors
from segstudio.io.regular_file import open_regular

#: Windows refuses for a moment while a virus scanner or a viewer holds the file.
_WINDOWS_BUSY: Final = (5, 32, 33)
_RETRY_SECONDS: Final = 2.5
_CHUNK: Final = 4 << 20
#: Marks our temporary files, so that leftovers of a killed program can be recognised.
TEMP_MARK: Final = ".segstudio-tmp"

Data = bytes | Iterable[bytes]


def write_atomic(path: Path, data: Data, disk: Disk = DISK) -> None:
    """Write a file so that at any instant, also after a power cut, it holds its old or its new content whole.

    Parameters
    ----------
    path
        The file; its folder must exist.
    data
        The content, or pieces of it in order. Pieces may be read from the old file while it is written.

    Raises
    ------
    DiskError
        The old file is then as it was, and no temporary file is left. A folder, device or pipe in the place of the
        file is never replaced.

    Notes
    -----
    Temporary file in the same folder, write, sync, rename, sync of the folder.
    """
    write_together({path: data}, disk)


def write_together(files: Mapping[Path, Data], disk: Disk = DISK) -> None:
    """Write files that belong together, each as `write_atomic` does: none is replaced before all are on the disk.

    Raises
    ------
    DiskError
        Nothing new is left then, and the old files are as they were, unless the disk refused between two renames.
    """
    for path in files:
        refuse_what_is_no_file(path)
    temps: dict[Path, Path] = {}
    appeared: list[Path] = []
    try:
        for path, data in files.items():
            with disk_errors(path, "saved"):
                temps[path] = _write_temp(path, (data,) if isinstance(data, bytes) else data, disk)
        for path, temp in temps.items():
            with disk_errors(path, "saved"):
                is_new = not path.exists()
                _replace_patiently(temp, path, disk)
            if is_new:
                appeared.append(path)
    except BaseException:
        for leftover in (*temps.values(), *appeared):
            with suppress(OSError):
                disk.unlink(leftover)
        raise
    for folder, path in {path.parent: path for path in files}.items():
        with disk_errors(path, "saved"):
            disk.sync_folder(folder)


def refuse_what_is_no_file(path: Path) -> None:
    """Raise `DiskError` when a rename to `path` would put a file where a folder, a device or a pipe is."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # not there, or the rename will say what is wrong
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise DiskError(
            f"{path} is {kind} and is not replaced by a file.",
            hint="Choose another name for the file.",
            code="not-a-file",
            path=path,
        )


def _write_temp(path: Path, pieces: Iterable[bytes], disk: Disk) -> Path:
    # The name must fit beside any name that fits: it is made of the random part alone.
    temp = path.parent / f"{TEMP_MARK}-{uuid4().hex[:12]}"
    descriptor = disk.create(temp)
    try:
        try:
            for piece in pieces:
                disk.write(descriptor, piece)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
    except BaseException:
        with suppress(OSError):
            disk.unlink(temp)
        raise
    return temp


def _replace_patiently(source: Path, target: Path, disk: Disk) -> None:
    deadline = time.monotonic() + _RETRY_SECONDS
    pause = 0.01
    while True:
        try:
            return disk.replace(source, target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _WINDOWS_BUSY or time.monotonic() > deadline:
                raise
        disk.sleep(pause)
        pause = min(2 * pause, 0.25)


def copy_atomic(source: Path, target: Path, disk: Disk = DISK) -> None:
    """Copy a file so that `target` appears whole or not at all.

    Raises
    ------
    DiskError
        As `write_atomic`; also when `source` cannot be read.
    """
    write_atomic(target, _pieces(source), disk)


def link_or_copy(source: Path, target: Path, disk: Disk = DISK) -> None:
    """Give a file that is only ever replaced, never changed in place, a second name; copy it where a disk cannot.

    Raises
    ------
    DiskError
        As `copy_atomic`. After a link the name is durable once the folder of `target` was synced.
    """
    try:
        disk.link(source, target)
    except OSError:  # FAT, some network drives, too many links; what is really wrong the copy will say
        copy_atomic(source, target, disk)


def _pieces(path: Path) -> Iterator[bytes]:
    with open_regular(path) as file:
        while piece := file.read(_CHUNK):
            yield piece


def make_folders(folder: Path, disk: Disk = DISK, *, durable: bool = True) -> list[Path]:
    """Make `folder` and its missing parents; return those made, outermost first.

    Parameters
    ----------
    durable
        Whether to sync the folder of each; otherwise who calls does it.

    Raises
    ------
    DiskError
        Folders made before the failure are removed again.
    """
    missing = []
    with disk_errors(folder, "read"):
        while not folder.is_dir():
            missing.append(folder)
            if folder.parent == folder:
                break
            folder = folder.parent
    made: list[Path] = []
    for item in reversed(missing):
        try:
            with disk_errors(item, "made"):
                _make_folder(item, made, disk)
                if durable:
                    disk.sync_folder(item.parent)
        except DiskError:
            remove_folders(made, disk)
            raise
    return made


def _make_folder(folder: Path, made: list[Path], disk: Disk) -> None:
    try:
        disk.make_folder(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        made.append(folder)


def remove_folders(made: list[Path], disk: Disk = DISK) -> None:
    """Remove folders again that `make_folders` made, if they are empty."""
    for folder in reversed(made):
        with suppress(OSError):
            disk.remove_folder(folder)


def remove_leftovers(folder: Path, disk: Disk = DISK) -> None:
    """Remove the temporary files of a killed program; only the owner of the folder's lock may call it."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name.startswith(TEMP_MARK):
                with suppress(OSError):
                    disk.unlink(path)


class AppendFile:
    """A new file that grows at its end; what was written is on the medium when a later `sync` returns.

    A `write` may come while another thread waits for a `sync`, which then need not have what it wrote.

    After any ``OSError`` the file must be given up: the system may have dropped the pages of a failed sync,
    and a second try would report success for data that are gone (PostgreSQL's "fsyncgate", 2018).
    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self.path = path
        self._disk = disk
        self._descriptor: int | None = disk.create(path)
        self._named = False
        self._size = self._check = self._writes = 0
        self._settled = (-1, 0)

    def append(self, data: bytes) -> None:
        """Write and sync `data`; raise ``OSError``."""
        self.write(data)
        self.sync()

    def write(self, data: bytes) -> None:
        """Hand `data` to the system: it is there when the program is killed from now on. Raise ``OSError``."""
        self._disk.write(self._open, data)
        self._writes += 1  # a sync that ends before this one has not settled it
        self._size += len(data)
        self._check = zlib.crc32(data, self._check)

    def in_place(self, *, times: bool = True) -> bool:
        """Return whether the file still lies where it was made, as long as it was written.

        Parameters
        ----------
        times
            And with the time that it had when the last `sync` of all of it returned. Some network drives change it
            later by themselves.
        """
        try:
            there, mine = self.path.stat(), os.fstat(self._open)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # nobody can tell; the next write will say what is wrong
        # Windows lets nobody replace an open file, and has other numbers for it by its name on some drives.
        same = sys.platform == "win32" or os.path.samestat(there, mine)
        writes, modified = self._settled
        then = not times or writes != self._writes or mine.st_mtime_ns == modified
        return same and then and there.st_size == self._size

    @property
    def modified(self) -> int:
        """When the file was changed last, wherever its name leads to now; raise ``OSError``."""
        return os.fstat(self._open).st_mtime_ns

    def accept(self, modified: int) -> None:
        """Let `in_place` go by another time: what was written was read at `modified` or later, and is all there."""
        self._settled = (self._writes, modified)

    def contents(self) -> bytes | None:
        """Return all that was written, wherever its name leads to now; ``None`` when it was changed in place."""
        with disk_errors(self.path, "read"):
            if os.fstat(self._open).st_size != self._size:
                return None
            os.lseek(self._open, 0, os.SEEK_SET)
            pieces = []
            while piece := os.read(self._open, _CHUNK):
                pieces.append(piece)
        data = b"".join(pieces)
        return data if zlib.crc32(data) == self._check else None

    def sync(self) -> None:
        """Return when all that was written before is on the medium; raise ``OSError``."""
        writes = self._writes
        self._disk.sync(self._open)
        if not self._named:
            self._disk.sync_folder(self.path.parent)
            self._named = True
        self._settled = (writes, os.fstat(self._open).st_mtime_ns)

    @property
    def _open(self) -> int:
        if self._descriptor is None:
            raise OSError(errno.EBADF, "file is closed", str(self.path))
        return self._descriptor

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):
                self._disk.close(descriptor)
