"""Threads that read the messages of jobs and hand each one to the main thread."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from PySide6.QtCore import QObject, Qt, QThread, Signal

from segstudio.gui.later import later
from segstudio.jobs.messages import Message
from segstudio.session.job_queue import JobQueue

#: Seconds that messages may take in one turn of the event loop: a training of hours is followed from its start.
_TURN: Final = 0.008


class JobThread(QThread):
    """Reads one stream of messages until it ends; the main thread takes them out of the `inbox`.

    Attributes
    ----------
    heard
        Whether the main thread knows that there are messages.
    """

    said = Signal()
    """There are messages, which was not known yet; delivered on the thread of its receiver."""

    def __init__(self, messages: Iterator[Message], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages = messages
        self.inbox: deque[Message] = deque()
        self.heard = False

    def run(self) -> None:
        """Read until the stream ends."""
        for message in self._messages:
            self.inbox.append(message)
            if not self.heard:
                self.heard = True
                self.said.emit()


class JobThreads(QObject):
    """The threads of all jobs of a queue; becomes the queue's reader.

    `close` must be called after `JobQueue.close`, which ends the streams.
    """

    def __init__(self, jobs: JobQueue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._threads: list[JobThread] = []
        jobs.follow = self.follow

    def follow(self, messages: Iterator[Message], handle: Callable[[Message], None]) -> None:
        """Read `messages` on a thread of its own and call `handle` on this thread for each."""
        thread = JobThread(messages, self)
        receiver = _Receiver(handle, thread, self._let_go)
        # A slot of an object of this thread, and a queued connection: the handler must never run on the reader.
        thread.said.connect(receiver.take, Qt.ConnectionType.QueuedConnection)
        thread.finished.connect(self._let_go, Qt.ConnectionType.QueuedConnection)
        self._threads.append(thread)
        thread.start()

    def close(self, wait_ms: int = 5_000) -> None:
        """Wait for all threads; their streams must have been ended."""
        for thread in self._threads:
            thread.wait(wait_ms)
        self._threads.clear()

    def _let_go(self) -> None:
        for thread in [thread for thread in self._threads if thread.isFinished() and not thread.inbox]:
            thread.wait()
            self._threads.remove(thread)
            thread.deleteLater()


class _Receiver(QObject):
    def __init__(self, handle: Callable[[Message], None], thread: JobThread, emptied: Callable[[], None]) -> None:
        super().__init__(thread)
        self._handle = handle
        self._thread = thread
        self._emptied = emptied
        self._comes_again = False

    def take(self) -> None:
        """Handle what has come, for one turn; the rest after whatever else the window has to do."""
        inbox, end = self._thread.inbox, time.perf_counter() + _TURN
        while inbox:
            message = inbox.popleft()
            self._come_again()  # before: it may raise, or wait in an event loop of its own
            self._handle(message)
            if time.perf_counter() > end:
                break
        if not inbox:
            self._emptied()

    def _come_again(self) -> None:
        if not self._thread.inbox:
            self._thread.heard = False
        if self._thread.inbox and not self._comes_again:  # also what came just before the line above
            self._thread.heard = self._comes_again = True
            later(self, self._take_again)

    def _take_again(self) -> None:
        self._comes_again = False
        self.take()
