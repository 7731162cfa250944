"""The thread that makes finished actions durable: nothing handed to it is forgotten before it is on the disk."""

import threading
import time
from collections.abc import Callable
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.disk import DISK, Disk, disk_error
from segstudio.project.failures import failure_of
from segstudio.project.journal import JournalPlace
from segstudio.project.journal_records import JournalRecord
from segstudio.project.medium import Medium
from segstudio.project.rescue import ImageRescue
from segstudio.project.rescue_watch import ALARM_SECONDS, PATIENCE_SECONDS, Late, RescueWatch
from segstudio.project.session_journal import SessionJournal
from segstudio.project.threads import joined

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
    name
        Of the image, for sentences; that of its folder when it is empty.

    Notes
    -----
    A record is handed to the system as soon as it comes, also while an earlier one waits for the medium, which may
    take seconds: whoever is killed then loses nothing. All that was written meanwhile is synced once. After an error
    the file is given up and all records that are not known to be durable go to a new one: a sync that is tried again
    proves nothing. A file that another program replaced meanwhile is given up as well, and what was written to it is
    written again.
    """

    def __init__(  # noqa: PLR0913 - what it writes, and whom it tells
        self,
        place: JournalPlace,
        last: int,
        *,
        prepare: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
        disk: Disk = DISK,
        rescue: ImageRescue | None = None,
        name: str = "",
    ) -> None:
        self._on_change = on_change
        self._condition = threading.Condition()
        self._waiting: list[JournalRecord] = list(rescue.pending) if rescue is not None else []
        self._since = 0.0
        self._last = self._there = last
        self._durable = self._waiting[0].seq - 1 if self._waiting else last
        self._files = SessionJournal(place, prepare, disk, begun=self._durable > 0, name=name)
        self._error: UserError | None = None
        self._written = self._synced = self._durable
        self._medium = Medium(self._condition)
        self._closing = False
        self._closed = False
        self._hurry = False
        self._thread: threading.Thread | None = None
        self._watch = RescueWatch(rescue, self._late, on_change) if rescue is not None else None

    @property
    def incidents(self) -> int:
        """How often another program has done something to the journal: it need not hold everything any more."""
        return self._files.incidents

    def take_notices(self) -> list[str]:
        """Return sentences about what another program has done to the journal, each once."""
        return self._files.take_notices()

    @property
    def last(self) -> int:
        """Sequence number of the newest record handed in."""
        return self._last

    @property
    def durable(self) -> int:
        """Sequence number up to which everything survives a power cut."""
        return self._durable

    @property
    def waiting(self) -> tuple[JournalRecord, ...]:
        """The records that are not durable yet, in order."""
        with self._condition:
            return tuple(self._waiting)

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
            alarm = 0.0 if self.alarming else self._since + ALARM_SECONDS - time.monotonic()
            return Late(tuple(self._waiting), max(wait, 0.0), max(alarm, 0.0))

    @property
    def alarming(self) -> bool:
        """Whether the user is to be told that the disk refuses, or does not answer."""
        return self._error is not None or time.monotonic() > self._since + ALARM_SECONDS

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
        if self._thread is None or not self._thread.is_alive():
            self._files.close()
        return self._durable == self._last

    def join(self, timeout: float | None = None) -> bool:
        """Wait after `close` until all threads have ended; return whether they have."""
        # The first one starts and ends the others.
        ended = joined((self._thread,), timeout)
        watch = None if self._watch is None else self._watch.thread
        ended = ended and joined((self._medium.thread, watch), timeout)
        if ended:
            self._files.close()
            if self._watch is not None:
                self._watch.let_go()
        return ended

    def _run(self) -> None:
        if self._watch is not None:
            self._watch.start()
        try:
            while self._go_on():
                pass
        finally:
            self._medium.end()

    def _go_on(self) -> bool:
        """Write what has come, take what the medium has; return whether there may be more."""
        medium = self._medium
        with self._condition:
            self._condition.wait_for(
                lambda: medium.over or self._last > self._written or (self._closing and not medium.busy)
            )
            over, closing, idle = medium.over, self._closing, self._last <= self._written
        error = self._put_right()
        with self._condition:
            batch = [record for record in self._waiting if record.seq > self._written]
        if idle and not over and not batch:
            if error is not None:
                self._tell(error)
            return False
        over = over and medium.busy
        if batch and error is None:
            error = self._write(batch)
        if over or (error is not None and medium.busy):  # nobody closes a file that is being synced
            error = self._judged(medium.take()) or error
            over = True
        if error is not None:
            self._files.give_up()
            self._files.remove_empty()
            self._written = self._durable
        elif not medium.busy and self._written > self._durable and (sync := self._files.syncing()) is not None:
            self._synced = self._written
            medium.begin(sync)
        if over or error is not None:
            self._tell(error)
        if error is not None and not closing:
            self._pause()
        return error is None or not closing

    def _put_right(self) -> UserError | None:
        """Go on in another file when another program has replaced this one; return why the disk refused."""
        error = None
        if self._files.taken_away:
            # This sync proves nothing: its file need not be the one that is found after a power cut.
            error = self._refusal(self._medium.take()) if self._medium.busy else None
            self._files.set_aside()
            self._written = self._durable
        return self._files.put_right(self._durable) or error

    def _judged(self, outcome: BaseException | None) -> UserError | None:
        """Take note of what a sync has done; return why the disk refused."""
        if (error := self._refusal(outcome)) is not None:
            return error
        with self._condition:
            self._waiting = [record for record in self._waiting if record.seq > self._synced]
            self._durable = self._synced
            self._since = time.monotonic()
        return None

    def _refusal(self, outcome: BaseException | None) -> UserError | None:
        if isinstance(outcome, OSError):
            return disk_error(outcome, self._files.path, "written")
        if isinstance(outcome, Exception):
            return failure_of(outcome, self._files.path)
        if outcome is not None:
            raise outcome
        return None

    def _tell(self, error: UserError | None) -> None:
        with self._condition:
            self._error = error
            self._condition.notify_all()
            self._tell_watch()
        self._on_change()

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
        may_end = not self._medium.busy and self._durable == self._written
        error = self._files.write(batch, may_end=may_end)
        if error is None:
            # What comes from the rescue store may end before what the journal had already.
            self._written = max(batch[-1].seq, self._there)
        return error
