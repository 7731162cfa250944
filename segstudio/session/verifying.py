"""Verifying the open project on a thread: how far it is, and what it has found."""

import threading
import time
from pathlib import Path
from typing import Final

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.project.findings import Report
from segstudio.project.verify import verify_project
from segstudio.session.background import Background

#: Progress is told so often at most.
_TELL_SECONDS: Final = 0.05
_LANE: Final = "verify"


class Verifying:
    """Verifies one project, once at a time. Events are emitted on the main thread."""

    progressed = Signal(int, int, str)
    """Images that are done, how many there are, and the name of the next one."""
    found = Signal(object)
    """The `Report`."""
    failed = Signal(object)
    """The `UserError` that prevented it."""

    def __init__(self, folder: Path, background: Background) -> None:
        self.running = False
        self._folder = folder
        self._background = background
        self._stop = threading.Event()
        self._told = 0.0

    def start(self) -> None:
        """Begin, unless it is running."""
        if self.running:
            return
        self.running = True
        self._stop.clear()
        self._background.run(self._work, self._done, self._fail, lane=_LANE)

    def stop(self) -> None:
        """End it after the image that is being read; nothing is told any more."""
        self._stop.set()

    def _work(self) -> Report:
        return verify_project(self._folder, self._tell, self._stop.is_set)

    def _tell(self, done: int, total: int, name: str) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_SECONDS or done == total:
            self._told = now
            self._background.post(lambda: self._progress(done, total, name))

    def _progress(self, done: int, total: int, name: str) -> None:
        if not self._stop.is_set():
            self.progressed.emit(done, total, name)

    def _done(self, report: Report) -> None:
        self.running = False
        if not self._stop.is_set():
            self.found.emit(report)

    def _fail(self, error: UserError) -> None:
        self.running = False
        if not self._stop.is_set():
            self.failed.emit(error)
