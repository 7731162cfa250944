"""The program's log: a file that rotates, written by a thread of its own so that a slow disk holds nobody up."""

import logging
import sys
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import Full, Queue
from typing import Final

from platformdirs import user_log_path

log = logging.getLogger("segstudio")

_BYTES: Final = 2_000_000
_KEPT: Final = 3
#: Lines that wait for the disk; what comes while it takes none is dropped.
_MOST_WAITING: Final = 10_000
#: Seconds that somebody who wants to read it waits for the disk.
_PATIENCE: Final = 2.0


class _Waiting(QueueHandler):
    """Hands lines over; `flush` waits until they are in the file, and no longer than a disk may take."""

    queue: "Queue[logging.LogRecord]"

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put a line behind the others."""
        with suppress(Full):
            self.queue.put_nowait(record)

    def flush(self) -> None:
        """Wait until all lines are written."""
        with self.queue.all_tasks_done:
            self.queue.all_tasks_done.wait_for(lambda: not self.queue.unfinished_tasks, _PATIENCE)


class ProgramLog:
    """Writes what the program notes until it is closed.

    Parameters
    ----------
    path
        The file; older ones get a number behind their name.

    Raises
    ------
    OSError
        It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
        self._file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(message)s"))
        lines: Queue[logging.LogRecord] = Queue(_MOST_WAITING)
        self._waiting = _Waiting(lines)
        self._listener = QueueListener(lines, self._file)
        self._listener.start()
        log.addHandler(self._waiting)
        log.setLevel(logging.INFO)

    @classmethod
    def start(cls) -> "ProgramLog | None":
        """Return the log of this user; ``None`` where none can be written."""
        try:
            return cls(user_log_path("SegStudio", appauthor=False) / "segstudio.log")
        except OSError as error:
            # A full home folder must not keep anyone from their labels.
            sys.stderr.write(f"No log is written: {error}\n")
            return None

    def close(self) -> None:
        """Write what is waiting and end."""
        log.removeHandler(self._waiting)
        self._waiting.flush()
        if not self._waiting.queue.unfinished_tasks:  # else the disk hangs, and so would the end of the program
            self._listener.stop()
            self._file.close()
        self._waiting.close()


def write_waiting_lines() -> None:
    """Wait until everything noted so far is in the file; for who is about to read it, on a thread."""
    for handler in log.handlers:
        handler.flush()
