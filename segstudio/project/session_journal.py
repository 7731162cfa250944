"""What one session writes of an image's journal: file after file, each watched for who puts another in its place."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.atomic import AppendFile, make_folders
from segstudio.io.disk import Disk, disk_error, disk_errors
from segstudio.project import journal
from segstudio.project.failures import failure_of
from segstudio.project.journal import JournalPlace, encode_header, file_name, new_session
from segstudio.project.journal_records import JournalRecord, encode_records
from segstudio.project.replaced_journal import IN_PART, put_right, rest_of

#: So often a file may have another time without another content until times are no longer looked at.
_TOUCHES: Final = 20
#: So many files, one after the other, may never be found under their names until nobody looks any more: there are
#: drives that give one file two numbers.
_STRANGERS: Final = 3
_ALL_AGAIN: Final = "All of it was written again."


class SessionJournal:
    """The files of one session, of which at most the last one is open; used by one thread, but for syncs.

    Parameters
    ----------
    place
        Journal of the image; its folder is made when the first record comes.
    begun
        Whether the journal has files.
    prepare
        Called before the first record is written to the folder; may raise ``DiskError``.
    name
        Of the image, for sentences; that of the folder when it is empty.

    Attributes
    ----------
    incidents
        How often one has done something to it.
    """

    def __init__(
        self, place: JournalPlace, prepare: Callable[[], None], disk: Disk, *, begun: bool, name: str = ""
    ) -> None:
        self.incidents = 0
        self._notices: deque[str] = deque()
        self._place = place
        self._folder = place.folder
        self._name = name or place.folder.name
        self._begun = begun
        self._prepare = prepare
        self._prepared = False
        self._based = True
        self._disk = disk
        self._session = new_session()
        self._segment = self._size = 0
        self._file: AppendFile | None = None
        self._held: set[int] = set()  # the numbers of the records in it
        self._unnamed: list[Path] = []
        self._looks = self._times = True
        self._touched = self._strangers = 0
        self._replaced: AppendFile | None = None
        self._all_gone = False  # and nobody was told

    @property
    def path(self) -> Path:
        """The file that is open, or the folder."""
        return self._folder if self._file is None else self._file.path

    def write(self, records: Sequence[JournalRecord], *, may_end: bool) -> UserError | None:
        """Hand records to the system; return why that failed.

        Parameters
        ----------
        may_end
            Whether all before is durable, so that a file that has become long can be given up.
        """
        try:
            if self._size >= journal.SEGMENT_BYTES and may_end:
                self.give_up()
            header = b""
            if self._file is None:
                self._have_folder()
                self._size = 0
                self._held.clear()
                self._file = AppendFile(self._next(records[0].seq), self._disk)
                header = encode_header(self._place, self._session, records[0].seq)
            data = header + encode_records(records, self._held)
            self._file.write(data)
            self._size += len(data)
            self._held.update(record.seq for record in records)
            self._begun = True
            if self._all_gone:
                self._tell_gone(records[0].seq)
        except OSError as error:
            return disk_error(error, self.path, "written")
        except Exception as error:  # noqa: BLE001 - whatever it is, the record is still to be written
            return failure_of(error, self._folder)
        return None

    def _have_folder(self) -> None:
        self._disk.check_place()  # a drive that is gone is not made anew where it was
        if not self._folder.is_dir():
            self._unnamed += [made.parent for made in make_folders(self._folder, self._disk, durable=False)]
            self._prepared = False
        if self._begun and not self._has_files():
            self._all_gone = True
        if not self._prepared:
            if self._based:  # or there was nothing before the first action
                self._prepare()
                self._based = any(self._folder.glob("base-*"))
            self._prepared = True

    def _has_files(self) -> bool:
        return any(self._folder.glob(f"*{journal.SUFFIX}"))

    def _tell_gone(self, first: int) -> None:
        self._all_gone, self._begun = False, self._file is not None
        gone = f"The journal of {self._name} was taken away by another program while the image was open here."
        self._notice(f"{gone} {_ALL_AGAIN if first == 1 else IN_PART}")

    def _notice(self, says: str) -> None:
        self._notices.append(says)
        self.incidents += 1

    def _next(self, first: int) -> Path:
        path = self._folder / file_name(first, self._session, self._segment)
        self._segment += 1
        return path

    def syncing(self) -> Callable[[], None] | None:
        """Return what syncs, on any thread, all that was written to the open file; ``None`` when there is none."""
        return None if self._file is None else partial(self._sync, self._file)

    def _sync(self, file: AppendFile) -> None:
        """Return when all that was written to `file` would be found after a power cut."""
        file.sync()
        self._sync_names()

    def _sync_names(self) -> None:
        while self._unnamed:
            self._disk.sync_folder(self._unnamed[-1])
            del self._unnamed[-1]

    @property
    def taken_away(self) -> bool:
        """Whether another program has replaced, changed or removed the open file."""
        if self._file is None or not self._looks:
            return False
        in_place = self._file.in_place(times=self._times)
        if in_place:
            self._strangers = 0
        return not in_place

    def set_aside(self) -> None:
        """Write nothing more to the open file: `put_right` is to keep both."""
        self._replaced, self._file = self._file, None

    def put_right(self, durable: int) -> UserError | None:
        """Write what was set aside again, beside what lies there now; return why the disk refused.

        Parameters
        ----------
        durable
            Number of the last action that is not written again anyway.
        """
        if self._replaced is None:
            return None
        try:
            with disk_errors(self._folder, "written"):
                self._disk.check_place()
                if self._all_gone or not self._has_files():
                    self._begin_again(self._replaced, durable)
                    return None
        except UserError as refused:
            return refused
        again = self._next(int(self._replaced.path.name.partition("-")[0]))
        try:
            with disk_errors(self._folder, "read"):
                modified = self._replaced.modified
                says = put_right(self._replaced, again, self._place, self._disk)
                if says and not self._has_files():  # what lay there was no journal, and ours cannot be read any more
                    self._begun = False
        except UserError as refused:
            return refused
        except Exception as error:  # noqa: BLE001 - whatever it is, what was set aside is still to be written
            return failure_of(error, self._folder)
        if not says and self._replaced.in_place(times=False):
            # Somebody has touched the file; a drive that changes times by itself would have it read for ever.
            self._touched += 1
            self._times = self._touched < _TOUCHES
            self._replaced.accept(modified)
            self._file, self._replaced = self._replaced, None
            return None
        if says:
            self._notice(says)
        else:  # a copy lies there that is the same
            self._strangers += 1
            self._looks = self._strangers < _STRANGERS
        self._replaced.close()
        self._replaced = None
        return None

    def _begin_again(self, lost: AppendFile, durable: int) -> None:
        """Write again what can be had of a journal of which nothing is left."""
        self._have_folder()
        self._sync_names()
        records = rest_of(lost, self._place, durable)
        if records:
            first = records[0].seq
            data = encode_header(self._place, self._session, first) + encode_records(records)
            self._file, self._size = self._appended(self._next(first), data), len(data)
            self._held = {record.seq for record in records}
        lost.close()
        self._replaced = None
        self._tell_gone(records[0].seq if records else durable + 1)

    def _appended(self, path: Path, data: bytes) -> AppendFile:
        file = AppendFile(path, self._disk)
        try:
            file.append(data)
        except BaseException:
            file.close()
            raise
        return file

    def take_notices(self) -> list[str]:
        """Return sentences about what another program has done to the journal, each once; for any thread."""
        notices = []
        while self._notices:
            notices.append(self._notices.popleft())
        return notices

    def give_up(self) -> None:
        """Close the open file: what comes next goes to a new one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove_empty(self) -> None:
        """Leave no file behind into which the disk has taken nothing: each try begins another one."""
        with suppress(OSError):
            for path in self._folder.glob(f"*-{self._session}-*{journal.SUFFIX}"):
                if path.stat().st_size == 0:
                    self._disk.unlink(path)

    def close(self) -> None:
        """Close all files; may be called twice."""
        for file in (self._file, self._replaced):
            if file is not None:
                file.close()
