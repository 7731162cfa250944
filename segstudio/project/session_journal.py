"""What one session writes of an image's journal: file after file, each watched for who puts another in its place."""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from segstudio.core.errors import UserError
from segstudio.io.atomic import AppendFile, make_folders
from segstudio.io.disk import Disk, disk_error
from segstudio.project import journal
from segstudio.project.failures import failure_of
from segstudio.project.journal import JournalPlace, encode_header, file_name, new_session
from segstudio.project.journal_records import JournalRecord, encode_record
from segstudio.project.replaced_journal import put_right


class SessionJournal:
    """The files of one session, of which at most the last one is open; used by one thread, but for syncs.

    Parameters
    ----------
    place
        Journal of the image; its folder is made when the first record comes.
    prepare
        Called once, before the first record is written; may raise ``DiskError``.

    Attributes
    ----------
    notices
        Sentences about what another program has done to the journal.
    """

    def __init__(self, place: JournalPlace, prepare: Callable[[], None], disk: Disk) -> None:
        self.notices: list[str] = []
        self._place = place
        self._folder = place.folder
        #: Of the folders around the journal the innermost that is there now; it stays, unless the drive is gone.
        self._root = next((folder for folder in place.folder.parents if folder.is_dir()), place.folder)
        self._prepare = prepare
        self._prepared = False
        self._disk = disk
        self._session = new_session()
        self._segment = self._size = 0
        self._file: AppendFile | None = None
        self._unnamed: list[Path] = []
        self._looks = self._times = True
        self._replaced: AppendFile | None = None

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
            data = b"".join(map(encode_record, records))
            if not self._prepared:
                self._make_folder()
            if self._size >= journal.SEGMENT_BYTES and may_end:
                self.give_up()
            if self._file is None:
                self._size = 0
                self._file = AppendFile(self._next(records[0].seq), self._disk)
                data = encode_header(self._place, self._session, records[0].seq) + data
            self._file.write(data)
            self._size += len(data)
        except OSError as error:
            return disk_error(error, self.path, "written")
        except Exception as error:  # noqa: BLE001 - whatever it is, the record is still to be written
            return failure_of(error, self._folder)
        return None

    def _make_folder(self) -> None:
        if not self._root.is_dir():  # a drive that is gone is not made anew where it was
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._unnamed += [made.parent for made in make_folders(self._folder, self._disk, durable=False)]
        self._prepare()
        self._prepared = True

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
        while self._unnamed:
            self._disk.sync_folder(self._unnamed[-1])
            del self._unnamed[-1]

    @property
    def taken_away(self) -> bool:
        """Whether another program has replaced, changed or removed the open file."""
        return self._file is not None and self._looks and not self._file.in_place(times=self._times)

    def set_aside(self) -> None:
        """Write nothing more to the open file: `put_right` is to keep both."""
        self._replaced, self._file = self._file, None

    def put_right(self) -> UserError | None:
        """Write what was set aside again, beside what lies there now; return why the disk refused."""
        if self._replaced is None:
            return None
        again = self._next(int(self._replaced.path.name.partition("-")[0]))
        try:
            says = put_right(self._replaced, again, self._place, self._disk)
        except UserError as refused:
            return refused
        if not says and self._replaced.in_place(times=False):
            self._times = False  # somebody has touched the file, or such a drive changes times by itself
        else:
            self._looks = bool(says)  # such a drive gives one file two numbers
        self.notices += [says] if says else []
        self._replaced.close()
        self._replaced = None
        return None

    def take_notices(self) -> list[str]:
        """Return `notices`, each once."""
        notices, self.notices = self.notices, []
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
