"""Earlier states of one image: whole copies of its annotation that the journal is not needed for.

A snapshot is a folder, named by a number, with the three files of an annotation and ``snapshot.json``, which is
written last: a folder without it is no snapshot. Later snapshots have larger numbers; no clock decides anything.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import TEMP_MARK, make_folders, write_atomic
from segstudio.io.disk import DISK, Disk, disk_errors
from segstudio.labels.history import Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import length_and_sum
from segstudio.project.snapshot_file import ABOUT, PARTS, Contents, Snapshot, encoded, files_in, read_about

#: So many of the newest are kept, and the last one of each of so many days.
NEWEST: Final = 10
DAYS: Final = 30


class Snapshots:
    """The snapshots of one image.

    May be read by any thread; only the one that publishes the annotation may `take` and `prune`.

    Parameters
    ----------
    folder
        Where they lie; need not exist.
    image_id, shape
        The image: its id, and ``(rows, columns)``.
    """

    def __init__(self, folder: Path, image_id: str, shape: tuple[int, int], disk: Disk = DISK) -> None:
        self._folder = folder
        self._image_id = image_id
        self._shape = shape
        self._disk = disk
        self._damaged: set[int] = set()

    def all(self) -> list[Snapshot]:
        """Return the whole ones, newest first; what is torn or damaged is passed over."""
        found = (read_about(folder) for folder in self._folders())
        return [item for item in found if isinstance(item, Snapshot) and item.number not in self._damaged]

    def newest(self) -> Snapshot | None:
        """Return the newest whole one."""
        for folder in self._folders():
            found = read_about(folder)
            if isinstance(found, Snapshot):
                return found
        return None

    def find(self, number: int) -> Snapshot:
        """Return one of them.

        Raises
        ------
        BadInput
            There is none of that number (any more).
        """
        found = read_about(self._folder / str(number))
        if not isinstance(found, Snapshot) or number in self._damaged:
            raise BadInput(
                f"There is no earlier state {number} of this image, or it is damaged.",
                hint="Choose another one; of older ones only the last of each day is kept.",
                code="snapshot-gone",
                path=self._folder,
            )
        return found

    def read(self, number: int, like: Planes | None = None) -> Planes:
        """Return the annotation of a snapshot; tiles that are as in `like` are shared.

        Raises
        ------
        BadInput
            There is none of that number (any more), it is damaged, or it belongs to another image.
        """
        found = self.checked(number)
        return found.files.read(self._shape, like)

    def checked(self, number: int) -> Snapshot:
        """Return a snapshot of which each byte is as it was written.

        Raises
        ------
        BadInput
            As for `read`.
        """
        found = self.find(number)
        shape = tuple(self._shape)  # rows and columns of all planes together: how they are divided is not written there
        if (found.shape, found.image_id) != (shape, self._image_id):
            raise BadInput(
                f"The earlier state {number} was made on an image of {found.shape[0]} × {found.shape[1]} pixels, "
                f"this one has {self._shape[0]} × {self._shape[1]}."
                if found.shape != shape
                else f"The earlier state {number} belongs to another image.",
                hint="Nothing was changed. Choose another one.",
                code="snapshot-foreign",
                path=found.files.journal,
            )
        for name, known in found.sums.items():
            path = found.files.journal / name
            try:
                same = length_and_sum(path) == known
            except OSError as error:
                raise BadInput(
                    f"The earlier state {number} cannot be read: {error.strerror or error}.",
                    hint="Check the drive and its permissions; nothing was changed.",
                    code="snapshot-unreadable",
                    path=path,
                ) from error
            if not same:
                self._damaged.add(number)
                return self.find(number)  # raises, and it is not offered again
        return found

    def take(self, contents: Contents, fill: Callable[[AnnotationFiles], None]) -> Snapshot:
        """Make a snapshot; return a recent one instead that holds the same and says the same.

        Parameters
        ----------
        fill
            Writes the files of an annotation.

        Raises
        ------
        DiskError
            Nothing is left of it then.
        """
        number = 1 + max(self._numbers(), default=0)
        folder = self._folder / str(number)
        try:
            make_folders(folder, self._disk)
            files = files_in(folder)
            fill(files)
            with disk_errors(folder, "saved"):
                self._disk.sync_folder(folder)
                sums = {path.name: length_and_sum(path) for path in files.published if path.exists()}
            if (twin := self._twin(contents, sums)) is not None:
                self._remove(folder)
                return twin
            found = Snapshot(
                **vars(contents), number=number, image_id=self._image_id, shape=self._shape, files=files, sums=sums
            )
            write_atomic(folder / ABOUT, encoded(found), self._disk)
        except BaseException:
            self._remove(folder)
            raise
        return found

    def _twin(self, contents: Contents, sums: dict[str, tuple[int, str]]) -> Snapshot | None:
        """Return a snapshot that makes a new one needless: who restores and undoes by turns would lose all others."""
        recent = self.all()[: NEWEST // 2]
        alike = (item for item in recent if contents.kind == "generation" or item.name == contents.name)
        return next((item for item in alike if item.sums == sums), None)

    def prune(self) -> None:
        """Remove what is kept no longer, and what is torn or damaged; what cannot be removed now is tried again."""
        found = []
        for folder in self._folders():
            about = read_about(folder)
            if about is None or int(folder.name) in self._damaged:
                self._remove(folder)
            elif isinstance(about, Snapshot):
                found.append(about)
        keep = kept(found)
        for snapshot in found:
            if snapshot.number not in keep:
                self._remove(snapshot.files.journal)

    def _folders(self) -> Iterator[Path]:
        """Yield the folders with a number, the largest first."""
        for number in sorted(self._numbers(), reverse=True):
            folder = self._folder / str(number)
            if not folder.is_symlink() and folder.is_dir():
                yield folder

    def _numbers(self) -> list[int]:
        try:
            return [int(path.name) for path in self._folder.iterdir() if _is_number(path.name)]
        except OSError:
            return []

    def _remove(self, folder: Path) -> None:
        """Remove a snapshot, its description first: half of it is none. What is not ours stays."""
        with suppress(OSError):
            names = {path.name for path in folder.iterdir()}
            ours = [name for name in (ABOUT, *PARTS) if name in names]
            for name in (*ours, *(name for name in names if name.startswith(TEMP_MARK))):
                self._disk.unlink(folder / name)
            self._disk.remove_folder(folder)


def kept(snapshots: Iterable[Snapshot]) -> set[int]:
    """Return the numbers of those to keep: the newest, and the last one of each of the newest days.

    Newer is what has the larger number; a day counts as new as its newest snapshot.
    """
    ordered = sorted(snapshots, key=lambda item: item.number, reverse=True)
    days: dict[str, int] = {}
    for item in ordered:
        if len(days) < DAYS:
            days.setdefault(item.day, item.number)
    return {item.number for item in ordered[:NEWEST]} | set(days.values())


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and len(name) < 16 and not name.startswith("0")
