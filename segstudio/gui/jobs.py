"""Threads that read the messages of jobs and hand each one to the main thread."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, Qt, QThread, Signal

from segstudio.jobs.messages import Message
from segstudio.session.job_queue import JobQueue


class JobThread(QThread):
    """Reads one stream of messages until it ends; `message` is delivered on the thread of its receiver."""

    message = Signal(object)

    def __init__(self, messages: Iterator[Message], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._messages = messages

    def run(self) -> None:
        """Read until the stream ends."""
        for message in self._messages:
            self.message.emit(message)


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
        receiver = _Receiver(handle, thread)
        # A slot of an object of this thread, and a queued connection: the handler must never run on the reader.
        thread.message.connect(receiver.take, Qt.ConnectionType.QueuedConnection)
        thread.finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)
        self._threads.append(thread)
        thread.start()

    def close(self, wait_ms: int = 5_000) -> None:
        """Wait for all threads; their streams must have been ended."""
        for thread in self._threads:
            thread.wait(wait_ms)
        self._threads.clear()

    def _on_finished(self) -> None:
        for thread in [thread for thread in self._threads if thread.isFinished()]:
            thread.wait()
            self._threads.remove(thread)
            thread.deleteLater()  # after what it has said, which was put into the queue of this thread before


class _Receiver(QObject):
    def __init__(self, handle: Callable[[Message], None], parent: QObject) -> None:
        super().__init__(parent)
        self._handle = handle

    def take(self, message: Message) -> None:
        self._handle(message)
