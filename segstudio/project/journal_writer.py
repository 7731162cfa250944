"""The thread that makes finished actions durable: nothing handed to it is forgotten before it is on the disk."""

import errno
import os
import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from segstudio.core.errors import UserError
from segstudio.io.atomic import AppendFile, make_folders
from segstudio.io.disk import DISK, Disk, disk_error
from segstudio.project.journal import JournalPlace, encode_header, file_name
from segstudio.project.journal_records import JournalRecord, encode_record
from segstudio.project.rescue import ImageRescue
from segstudio.project.rescue_watch import PATIENCE_SECONDS, Late, RescueWatch

#: Seconds between tries while the disk refuses.
RETRY_SECONDS: Final = 1.0
#: Records waiting for the disk before `append` slows its caller down a little.
QUEUE_LIMIT: Final = 256
_SLOW_DOWN_SECONDS: Final = 0.02
#: So long a closing program waits for a disk that does not answer when all is safe elsewhere.
_LAST_CHANCE_SECONDS: Final = 3.0


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
        Called on a thread whenever `durable`, `rescued` or `error` has changed.
    rescue
        Takes what the disk refuses, or does not take within a second; its pending records are written first, on
        the first try of the disk.

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
        rescue: ImageRescue | None = None,
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
        self._waiting: list[JournalRecord] = list(rescue.pending) if rescue is not None else []
        self._since = 0.0
        self._last = last
        self._durable = self._waiting[0].seq - 1 if self._waiting else last
        self._error: UserError | None = None
        self._prepared = False
        self._closing = False
        self._closed = False
        self._hurry = False
        self._thread: threading.Thread | None = None
        self._watch = RescueWatch(rescue, self._late, on_change) if rescue is not None else None

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

    @property
    def rescued(self) -> int:
        """Sequence number up to which everything lies in the rescue store; 0 when nothing has to."""
        return self._watch.rescued if self._watch is not None else 0

    @property
    def rescue_error(self) -> UserError | None:
        """Why the rescue store refuses, while it does."""
        return self._watch.error if self._watch is not None else None

    @property
    def safe(self) -> bool:
        """Whether every record would be found again after a power cut, be it in the rescue store."""
        return max(self._durable, self.rescued) >= self._last

    def start(self) -> None:
        """Write what came from the rescue store; `append` starts by itself."""
        with self._condition:
            if self._waiting and not self._closing:
                self._begin()

    def retry(self) -> None:
        """Try the disk again now, if it refuses."""
        with self._condition:
            self._hurry = True
            self._condition.notify_all()

    def append(self, record: JournalRecord) -> None:
        """Hand a record in; returns at once. Its number must follow `last`."""
        with self._condition:
            if self._closing:
                raise RuntimeError("The journal is closed.")
            if record.seq != self._last + 1:
                raise ValueError(f"Record {record.seq} does not follow {self._last}.")
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(record)
            self._last = record.seq
            self._begin()
            self._condition.notify_all()
            if self._watch is not None:
                self._watch.handed_in(at_once=self._stuck())
            if self._last - max(self._durable, self.rescued) > QUEUE_LIMIT:
                self._condition.wait(_SLOW_DOWN_SECONDS)

    def _begin(self) -> None:
        if self._thread is None:
            self._since = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    def _stuck(self) -> bool:
        return self._error is not None or time.monotonic() > self._since + PATIENCE_SECONDS

    def _late(self) -> Late:
        with self._condition:
            now = self._stuck() or self._closing
            wait = 0.0 if now else self._since + PATIENCE_SECONDS - time.monotonic()
            return Late(tuple(self._waiting), max(wait, 0.0))

    def wait(self, seq: int, timeout: float) -> bool:
        """Return whether all records up to `seq` are durable, waiting at most `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self._durable >= seq or self._closed, timeout)
            return self._durable >= seq

    def close(self, timeout: float = 10.0) -> bool:
        """Write what waits, end the thread; return whether everything is durable, other than in the rescue store."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(min(timeout, PATIENCE_SECONDS) if self._watch is not None else timeout)
            if self._watch is not None:
                self._watch.close(timeout)
                self._thread.join(min(timeout, _LAST_CHANCE_SECONDS) if self.safe else timeout)
                if self._durable == self._last:
                    self._watch.forget()
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self._file is not None and (self._thread is None or not self._thread.is_alive()):
            self._file.close()
        return self._durable == self._last

    def _run(self) -> None:
        if self._watch is not None:
            self._watch.start()
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
                    self._since = time.monotonic()
                self._error = error
                self._condition.notify_all()
                self._tell_watch()
            self._on_change()
            if error is not None:
                if closing:
                    return
                self._pause()

    def _tell_watch(self) -> None:
        if self._watch is not None and self._error is not None:
            self._watch.look()
        elif self._watch is not None and not self._waiting:
            self._watch.caught_up()

    def _pause(self) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._closing or self._hurry, RETRY_SECONDS)
            self._hurry = False

    def _write(self, batch: list[JournalRecord]) -> UserError | None:
        data = b"".join(map(encode_record, batch))
        try:
            if not self._prepared:
                if not self._folder.parents[2].is_dir():  # a drive that is gone is not made anew where it was
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
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
