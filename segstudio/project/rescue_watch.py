"""The thread that brings to the rescue store what a journal does not get onto its disk."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from segstudio.core.errors import UserError
from segstudio.project.failures import failure_of
from segstudio.project.journal_records import JournalRecord
from segstudio.project.rescue import ImageRescue

#: So long a disk may take to answer, seconds: what it has not taken by then is rescued.
PATIENCE_SECONDS: Final = 1.0
#: After so many the user is told: a disk that is only busy has taken it by then.
ALARM_SECONDS: Final = 3.0
#: Seconds between tries while the rescue store refuses as well.
RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Late:
    """Records that are not durable, and the seconds until they are to be rescued, and until the user is told."""

    records: tuple[JournalRecord, ...]
    wait: float
    alarm: float


class RescueWatch:
    """Sleeps as long as a journal keeps up; rescues what it does not.

    Parameters
    ----------
    image
        Where to.
    late
        Tells what is not durable; called on the thread.
    on_change
        Called on the thread whenever `rescued` or `error` has changed, and when the user is to be told.
    """

    def __init__(self, image: ImageRescue, late: Callable[[], Late], on_change: Callable[[], None]) -> None:
        self.image = image
        self.rescued = 0
        """Sequence number up to which everything is durable here, as long as the journal is behind that."""
        self.error: UserError | None = None
        """Why the rescue store refuses, while it does."""
        self._late = late
        self._on_change = on_change
        self._wake = threading.Event()
        self._timed = False
        self._alarmed = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; what `image` read earlier counts as rescued."""
        if self.image.pending:
            self.rescued = self.image.pending[-1].seq
        self._thread = threading.Thread(target=self._run, name="rescue", daemon=True)
        self._thread.start()

    def handed_in(self, *, at_once: bool) -> None:
        """Say that there is a record to watch over; `at_once` when it is known that the journal is stuck."""
        if at_once or not self._timed:  # once a second is enough to find a record that waits for that long
            self._wake.set()

    def look(self) -> None:
        """Say that the journal was refused, or that it has caught up after all."""
        self._wake.set()

    def caught_up(self) -> None:
        """Say that all is durable in the journal; what was rescued is forgotten."""
        if self.rescued:
            self._wake.set()

    def close(self, timeout: float) -> None:
        """Rescue what is not durable, end the thread."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self.image.close()

    @property
    def thread(self) -> threading.Thread | None:
        """Where things are brought to the rescue store; ``None`` before `start`."""
        return self._thread

    def let_go(self) -> None:
        """Know nothing any more of whom it watches, after the thread has ended."""
        self._late = lambda: Late((), 0.0, 0.0)

    def forget(self) -> None:
        """Remove what was rescued, after `close`: all of it became durable in the journal at last."""
        if self.rescued:
            self.image.clear()
            self.rescued = 0

    def _run(self) -> None:
        pause: float | None = None
        while True:
            self._timed = pause is not None
            self._wake.wait(pause)
            self._timed = False
            self._wake.clear()
            closing = self._closing
            late = self._late()
            pause = late.wait if late.records and late.wait > 0 and not closing else None
            if pause is None:
                pause = self._act(late)
            if closing:
                return

    def _act(self, late: Late) -> float | None:
        """Rescue, or forget what was rescued; return the seconds until another look."""
        before = self.rescued, self.error, self._alarmed
        if not late.records:
            if self.rescued:
                self.image.clear()
            self.rescued, self.error = 0, None
        elif new := [record for record in late.records if record.seq > self.rescued]:
            try:
                self.image.keep(new)
                self.rescued, self.error = new[-1].seq, None
            except Exception as error:  # noqa: BLE001 - whatever it is, the records are still to be rescued
                self.error = failure_of(error, self.image.folder)
        self._alarmed = bool(late.records) and late.alarm <= 0
        if before != (self.rescued, self.error, self._alarmed):
            self._on_change()
        if self.error is not None:
            return RETRY_SECONDS
        return late.alarm if late.records and late.alarm > 0 else None
