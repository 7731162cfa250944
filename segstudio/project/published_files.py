"""The published files of one image as this program left them, so that what another program did to them is noticed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segstudio.io.atomic import make_folders
from segstudio.io.disk import Disk, disk_errors
from segstudio.project.annotation_files import keep_foreign
from segstudio.project.checksums import Sums


@dataclass(frozen=True)
class _Signature:
    """What tells that a file was touched: inode, size and time of change."""

    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> "_Signature | None":
        with disk_errors(path, "read"):
            try:
                stat = path.stat()
            except (FileNotFoundError, NotADirectoryError):  # a file may lie where its folder should be
                return None
        return cls(stat.st_ino, stat.st_size, stat.st_mtime_ns)


class PublishedFiles:
    """What tells whether files are as this program left them; used by one thread.

    Parameters
    ----------
    paths
        The files, there or not.
    sums
        Know a save of which the last step failed.
    """

    def __init__(self, paths: Iterable[Path], sums: Sums, disk: Disk) -> None:
        self._sums = sums
        self._disk = disk
        self._signatures = {path: _Signature.of(path) for path in paths}

    def written(self, path: Path) -> None:
        """Take note that this program wrote a file."""
        self._signatures[path] = _Signature.of(path)

    def untouched(self) -> set[Path]:
        """Return the files that nobody has touched since."""
        return {path for path, signature in self._signatures.items() if _Signature.of(path) == signature}

    def prepare(self, path: Path) -> str | None:
        """Make the folder of a file, and keep a version of another program.

        Returns
        -------
        A sentence for the user when the file is not as this program left it.
        """
        make_folders(path.parent, self._disk)
        found = _Signature.of(path)
        if found == self._signatures[path] or self._sums.is_newest(path):
            return None  # only touched, or a save of ours of which the last step failed
        if found is None:
            return f"{path.name} was taken away by another program while it was open here. It was written anew."
        kept = keep_foreign(path, self._disk)
        return (
            f"{path.name} was changed by another program while it was open here. "
            f"Your labels are kept; the changed file is {kept.name}."
        )
