"""Whether a project lies where it was opened: where its drive was, nothing is made, and nothing missing is blank.

Everything that reads or makes a file in an open project asks here, what makes one by its disk.
"""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.disk import Disk, DiskError, OtherDisk, RemovedFolder, ReplacedFolder, disk_error
from segstudio.io.objects_file import read_limited
from segstudio.project.checksums import sum_of
from segstudio.project.layout import INTERNAL
from segstudio.project.lock import ProjectLock
from segstudio.project.manifest import BACKUP, MANIFEST, SIZE_LIMIT
from segstudio.project.refusals import refusal_of

#: Code of the error about a project that is not in its place.
GONE: Final = "project-gone"
#: Any of them tells the folder of a project from the one in which its drive was mounted.
_MARKS: Final = (MANIFEST, BACKUP, INTERNAL)


class ProjectPlace:
    """Tells whether an open project is in its folder; asks the disk, for any thread but the window's.

    Parameters
    ----------
    folder
        Of the project, which is there now.
    lock
        Of who writes to it; ``None`` when it is only read.
    origin
        Returns the digest of project.json as it was read or written here last.

    Notes
    -----
    The folder is known by its number on its file system. A drive that is connected again may have another one: then
    the lock file has to name who writes, and for who only reads project.json has to be the one that was read. Anything
    else may be another project: what is refused there is kept until the project is opened anew.
    """

    def __init__(self, folder: Path, lock: ProjectLock | None, origin: Callable[[], str]) -> None:
        self.folder = folder
        self._lock = lock
        self._origin = origin
        self._known: tuple[int, int] | None = None
        with suppress(OSError):
            self._known = _number_of(folder)

    def look(self) -> None:
        """Raise ``OSError`` when the project is not there, or its drive does not tell.

        `ReplacedFolder` for another one in its place, `RemovedFolder` when its drive is there without it.
        """
        number = _number_of(self.folder)
        if number is None or not any(_is_there(self.folder / name) for name in _MARKS):
            kind = RemovedFolder if self._has_its_drive() else FileNotFoundError
            raise kind(errno.ENOENT, os.strerror(errno.ENOENT))
        if number != self._known and not self._is_ours():
            raise ReplacedFolder(errno.ENOENT, os.strerror(errno.ENOENT))
        self._known = number

    def _has_its_drive(self) -> bool:
        """Whether what is left of the path lies on the drive of the project; where that was mounted it does not."""
        numbers = (_number_of(place) for place in (self.folder, *self.folder.parents))
        nearest = next((number for number in numbers if number is not None), None)
        return nearest is not None and self._known is not None and nearest[0] == self._known[0]

    def _is_ours(self) -> bool:
        if self._lock is not None:
            return self._lock.names_us()
        try:
            return sum_of(read_limited(self.folder / MANIFEST, SIZE_LIMIT)) == self._origin()
        except BadInput:
            return False

    def check(self, says: str) -> None:
        """Raise the `DiskError` that begins with `says`, as "a.tif cannot be opened", when the project is not there.

        Its code is `GONE`, unless the drive gives another reason.
        """
        try:
            self.look()
        except OSError as error:
            why = disk_error(error, self.folder, "read")
            refusal = refusal_of(why)
            reason = f"{refusal.reason[:1].lower()}{refusal.reason[1:]}"
            code = GONE if isinstance(error, FileNotFoundError) else why.code
            told = DiskError(f"{says}: {reason}.", hint=refusal.help, code=code, path=self.folder)
            told.reason = why.reason
            raise told from error


class PlacedDisk(OtherDisk):
    """The disk of a project: makes, names and removes nothing while the project is not in its place.

    Parameters
    ----------
    disk
        Does the work.
    place
        Of the project.
    """

    def __init__(self, disk: Disk, place: ProjectPlace) -> None:
        super().__init__(disk)
        self._place = place

    def check_place(self) -> None:
        """Raise ``OSError`` when the project is not there."""
        self._place.look()

    def create(self, path: Path) -> int:
        """See `Disk`."""
        self._place.look()
        return super().create(path)

    def replace(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._place.look()
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        """See `Disk`."""
        self._place.look()
        super().link(source, target)

    def make_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._place.look()
        super().make_folder(folder)

    def unlink(self, path: Path) -> None:
        """See `Disk`."""
        self._place.look()
        super().unlink(path)

    def remove_folder(self, folder: Path) -> None:
        """See `Disk`."""
        self._place.look()
        super().remove_folder(folder)


def _number_of(folder: Path) -> tuple[int, int] | None:
    """Return by what a file system knows a folder; ``None`` where there is none."""
    try:
        stat = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_dev, stat.st_ino


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
