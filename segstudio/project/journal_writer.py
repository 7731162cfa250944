"""The thread that makes finished actions durable: nothing handed to it is forgotten before it is on the disk."""

import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from segstudio.core.errors import UserError
from segstudio.io.atomic import AppendFile, make_folders
from segstudio.io.disk import DISK, Disk, disk_error
from segstudio.project.journal import JournalPlace, JournalRecord, encode_header, encode_record, file_name

#: Seconds between tries while the disk refuses.
RETRY_SECONDS: Final = 1.0
#: Records waiting for the disk before `append` slows its caller down a little.
QUEUE_LIMIT: Final = 256
_SLOW_DOWN_SECONDS: Final = 0.02


class JournalWriter:
    """Appends records to a journal file of this session, on a thread of its own.

    Parameters
    ----------
    place
        Journal of the image; its folder is made when the first record comes.
    last
        Sequence number of the newest record that is already there.
    prepare
        Called on the thread, once, before the first record is written; may raise ``DiskError``.
    on_change
        Called on the thread whenever `durable` or `error` has changed.

    Notes
    -----
    All records that wait are written together and synced once. After an error the file is given up and all
    records that are not known to be durable go to a new one: a sync that is tried again proves nothing.
    """

    def __init__(
        self,
        place: JournalPlace,
        last: int,
        *,
        prepare: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
        disk: Disk = DISK,
    ) -> None:
        self._place = place
        self._folder = place.folder
        self._prepare = prepare
        self._on_change = on_change
        self._disk = disk
        self._session = uuid4().hex[:12]
        self._segment = 0
        self._file: AppendFile | None = None
        self._condition = threading.Condition()
        self._waiting: list[JournalRecord] = []
        self._last = last
        self._durable = last
        self._error: UserError | None = None
        self._prepared = False
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def last(self) -> int:
        """Sequence number of the newest record handed in."""
        return self._last

    @property
    def durable(self) -> int:
        """Sequence number up to which everything survives a power cut."""
        return self._durable

    @property
    def error(self) -> UserError | None:
        """Why the disk refuses, while it does."""
        return self._error

    def append(self, record: JournalRecord) -> None:
        """Hand a record in; returns at once. Its number must follow `last`."""
        with self._condition:
            if self._closing:
                raise RuntimeError("The journal is closed.")
            if record.seq != self._last + 1:
                raise ValueError(f"Record {record.seq} does not follow {self._last}.")
            self._waiting.append(record)
            self._last = record.seq
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
                self._thread.start()
            self._condition.notify_all()
            if len(self._waiting) > QUEUE_LIMIT:
                self._condition.wait(_SLOW_DOWN_SECONDS)

    def wait(self, seq: int, timeout: float) -> bool:
        """Return whether all records up to `seq` are durable, waiting at most `timeout` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._durable >= seq, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what waits, end the thread; return whether everything is durable."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        if self._file is not None and (self._thread is None or not self._thread.is_alive()):
            self._file.close()
        return self._durable == self._last

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closing)
                batch = list(self._waiting)
                closing = self._closing
            if not batch:
                return
            error = self._write(batch)
            with self._condition:
                if error is None:
                    del self._waiting[: len(batch)]
                    self._durable = batch[-1].seq
                self._error = error
                self._condition.notify_all()
            self._on_change()
            if error is not None:
                if closing:
                    return
                self._pause()

    def _pause(self) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        with self._condition:
            self._condition.wait_for(lambda: self._closing, max(0.0, deadline - time.monotonic()))

    def _write(self, batch: list[JournalRecord]) -> UserError | None:
        data = b"".join(map(encode_record, batch))
        try:
            if not self._prepared:
                make_folders(self._folder, self._disk)
                self._prepare()
                self._prepared = True
            if self._file is None:
                name = file_name(batch[0].seq, self._session, self._segment)
                self._segment += 1
                self._file = AppendFile(self._folder / name, self._disk)
                data = encode_header(self._place, self._session, batch[0].seq) + data
            self._file.append(data)
        except OSError as error:
            path = self._folder if self._file is None else self._file.path
            self._give_up_file()
            return disk_error(error, path, "written")
        except UserError as error:
            self._give_up_file()
            return error
        return None

    def _give_up_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
