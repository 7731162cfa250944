"""Waits for the medium on a thread of its own, so that what comes meanwhile is handed to the system at once."""

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Medium:
    """Does syncs, one at a time: each may take seconds when the disk is busy.

    Parameters
    ----------
    condition
        Notified when a sync is over.

    Attributes
    ----------
    busy
        Whether a sync was begun whose outcome was not taken.
    over
        Whether that outcome is there.
    """

    def __init__(self, condition: threading.Condition) -> None:
        self.busy = self.over = False
        self._condition = condition
        self._outcome: BaseException | None = None
        self._syncs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, sync: Callable[[], None]) -> None:
        """Have `sync` done; returns at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal sync", daemon=True)
            self._thread.start()
        self.busy = True
        self._syncs.put(sync)

    def take(self) -> BaseException | None:
        """Wait until the sync is over; return what it has raised."""
        with self._condition:
            self._condition.wait_for(lambda: self.over)
            self.busy = self.over = False
            return self._outcome

    def end(self) -> None:
        """End the thread, when nothing is to be synced any more."""
        if self._thread is not None:
            self._syncs.put(None)

    @property
    def thread(self) -> threading.Thread | None:
        """Where the syncs are done; ``None`` before the first one."""
        return self._thread

    def _run(self) -> None:
        while (sync := self._syncs.get()) is not None:
            outcome: BaseException | None = None
            try:
                sync()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is of who takes the outcome
                outcome = error
            with self._condition:
                self._outcome, self.over = outcome, True
                self._condition.notify_all()
