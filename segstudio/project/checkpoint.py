"""The thread that publishes the annotation of one image as files that other programs read."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.core.weakly import weakly
from segstudio.io.disk import DISK, Disk, disk_error
from segstudio.labels.history import Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.failures import failure_of
from segstudio.project.journal_writer import JournalWriter
from segstudio.project.publisher import Publisher
from segstudio.project.replay_chains import TileId
from segstudio.project.snapshot_keeper import SnapshotKeeper
from segstudio.project.sync_folders import is_synchronized
from segstudio.project.threads import joined
from segstudio.project.waiting import Rows, Tiles, Waiting

#: Publish when nothing was edited for so long, and after so long at the latest.
IDLE_SECONDS: Final = 10.0
LATEST_SECONDS: Final = 60.0
#: The same in the folder of a sync program, which sends each file to all other computers.
SYNCHRONIZED_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 5.0
_DURABLE_SECONDS: Final = 5.0


class Checkpoint:
    """Writes label TIFF, region TIFF and object table behind the edits, off the editing thread.

    Parameters
    ----------
    files
        Where to.
    planes
        As they are now; the thread keeps its own view of them, sharing the tiles.
    journal
        Only what is durable there is published: so a replay knows every published state.
    keeper
        Keeps earlier states.
    on_change
        Called on the thread after each try.
    """

    def __init__(
        self,
        files: AnnotationFiles,
        planes: Planes,
        journal: JournalWriter,
        keeper: SnapshotKeeper,
        *,
        on_change: Callable[[], None] = lambda: None,
        disk: Disk = DISK,
    ) -> None:
        self._files = files
        self._disk = disk
        self._journal = journal
        self._publisher = Publisher(files, planes, journal.last, keeper, tell=weakly(self._tell), disk=disk)
        self._on_change = on_change
        self._latest = SYNCHRONIZED_SECONDS if is_synchronized(files.labels.parent) else LATEST_SECONDS
        self._condition = threading.Condition()
        self._waiting = Waiting(journal.last, planes.objects.next_id())
        self._completed = 0
        self._first_edit: float | None = None
        self._last_edit = 0.0
        self._requests = 0
        self._handled = 0
        self._closing = False
        self._publishing = False  # what was taken to be published is neither waiting nor dirty for a moment
        self._error: UserError | None = None
        self._notices: list[str] = []
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> UserError | None:
        """Why the last try failed; ``None`` after one that worked."""
        return self._error

    @property
    def completed(self) -> int:
        """Number of checkpoints that worked."""
        return self._completed

    @property
    def objects(self) -> int:
        """Number of objects at the last checkpoint."""
        return self._publisher.objects

    @property
    def regions_used(self) -> bool:
        """Whether any region was marked, at the last checkpoint."""
        return self._publisher.regions_used

    def take_notices(self) -> list[str]:
        """Return sentences about foreign files, each once."""
        with self._condition:
            notices, self._notices = self._notices, []
        return notices

    def _tell(self, notice: str) -> None:
        with self._condition:
            self._notices.append(notice)

    def mark(self, tiles: Iterable[TileId], table: bool, whole: Iterable[Path] = ()) -> None:
        """Say what already differs from the files, and which are to be written `whole`; before the first edit."""
        with self._condition:
            self._publisher.mark(tiles, table, whole)
            if self._publisher.dirty:
                self._schedule()

    def note(self, seq: int, tiles: Tiles, objects: Rows, next_id: int) -> None:
        """Take over what the record `seq` left behind: shared tiles (``None``: all 0) and table rows."""
        with self._condition:
            self._waiting.note(seq, tiles, objects, next_id)
            self._schedule()

    def keep_before(self, name: str) -> None:
        """Keep the state as it is now for the history, soon; the large change called `name` is noted after this."""
        with self._condition:
            self._waiting.keep_before(name)

    def request(self) -> int:
        """Ask for a checkpoint now; return a ticket for `wait`."""
        with self._condition:
            self._requests += 1
            if self._first_edit is None and self._requests == self._handled + 1 and not self._pending():
                self._handled = self._requests
            else:
                self._start()
            self._condition.notify_all()
            return self._requests

    def wait(self, ticket: int, timeout: float) -> bool:
        """Return whether the checkpoint of `ticket` was tried and everything is published."""
        with self._condition:
            self._condition.wait_for(lambda: self._handled >= ticket, timeout)
            return self._handled >= ticket and not self._pending()

    def confirm(self, ticket: int, timeout: float) -> None:
        """Wait for the checkpoint of `ticket`; raise the `UserError` that prevented it."""
        with self._condition:
            tried = self._condition.wait_for(lambda: self._handled >= ticket, timeout)
            error = self._error
        if error is not None or not tried:
            raise error or UserError(
                "The labels take long to be saved.", hint="Check the disk or the network drive.", code="disk-slow"
            )

    def close(self, timeout: float = 30.0) -> bool:
        """Publish what is left and end the thread; return whether everything is published."""
        with self._condition:
            if self._pending():
                self._start()
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        return self.whole

    @property
    def whole(self) -> bool:
        """Whether everything is published."""
        with self._condition:
            return not self._pending()

    def join(self, timeout: float | None = None) -> bool:
        """Wait after `close` until the thread has ended; return whether it has."""
        return joined((self._thread,), timeout)

    def _pending(self) -> bool:
        return bool(self._publishing or self._waiting or self._publisher.dirty)

    def _schedule(self) -> None:
        self._last_edit = time.monotonic()
        if self._first_edit is None:
            self._first_edit = self._last_edit
        self._start()
        self._condition.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
            self._thread.start()

    def _delay(self) -> float | None:
        """Return the seconds until the next checkpoint is due; ``None`` when there is nothing to do."""
        if self._requests > self._handled or self._closing or (self._waiting.has_states and self._error is None):
            return 0.0
        if self._first_edit is None:
            return None
        due = min(self._last_edit + IDLE_SECONDS, self._first_edit + self._latest)
        return max(0.0, due - time.monotonic())

    def _run(self) -> None:
        while True:
            with self._condition:
                while (delay := self._delay()) is None or delay > 0:
                    self._condition.wait(delay)
                ticket, closing = self._requests, self._closing
                self._first_edit = None
                self._publishing = True
            error = self._try(self._publish)
            with self._condition:
                self._error = error
                self._publishing = False
                self._handled = ticket
                if error is not None and self._first_edit is None:
                    self._first_edit = self._last_edit = time.monotonic() + RETRY_SECONDS - IDLE_SECONDS
                self._condition.notify_all()
            if (failure := self._try(self._on_change)) is not None:
                self._error = failure
            if closing:
                return

    def _try(self, action: Callable[[], None]) -> UserError | None:
        """Return why `action` failed: whatever it was, the thread tries again, or what is drawn later is kept back."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - told to the user, and to the log
            return failure_of(error, self._files.labels)
        return None

    def _publish(self) -> None:
        with self._condition:
            steps, next_id = self._waiting.take(), self._waiting.next_id
        try:
            refusal = self._refusal(steps[-1].seq)
            if refusal is not None:
                raise refusal
            self._publisher.take_over(steps)
        except BaseException:
            with self._condition:  # never none: nothing fails any more once the last step is taken over
                self._waiting.put_back(steps)
            raise
        self._publisher.write(next_id)
        self._completed += 1

    def _refusal(self, seq: int) -> UserError | None:
        """Return why nothing can be published now."""
        if not self._journal.wait(seq, _DURABLE_SECONDS):
            return self._journal.error or UserError(
                "The journal takes long to write.", hint="Check the disk or the network drive.", code="disk-slow"
            )
        try:
            self._disk.check_place()  # before an earlier state that is to be kept is given up as one that cannot be
        except OSError as error:
            return disk_error(error, self._files.labels.parents[1], "written")
        return None
