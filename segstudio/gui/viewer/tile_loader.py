"""Loads tiles on threads; a new generation drops what nobody waits for any more."""

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from segstudio.core.errors import UserError


@dataclass(frozen=True, slots=True)
class _Answer:
    channel: str
    generation: int
    key: Hashable
    result: Any
    error: BaseException | None
    then: Callable[[Any], None]


class TileLoader(QObject):
    """Runs work on a few threads and hands results to the GUI thread.

    Work belongs to a channel (``"image"``, ``"labels"``, ...). `restart` of a channel drops its queued work and the
    answers of work that is running. Within a channel the same key is worked on once at a time.
    """

    failed = Signal(object)
    """The `UserError` that says why something could not be read."""
    idle = Signal()
    _answered = Signal(object)

    def __init__(self, parent: QObject | None = None, workers: int = 2) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="tiles")
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="slow-tiles")
        self._generations: dict[str, int] = {}
        self._pending: dict[str, set[Hashable]] = {}
        self._closed = False
        self._answered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def restart(self, channel: str) -> None:
        """Forget everything that was asked for in a channel."""
        self._generations[channel] = self._generations.get(channel, 0) + 1
        self._pending[channel] = set()

    def waiting(self, channel: str | None = None) -> bool:
        """Tell whether answers are still to come."""
        return any(keys for name, keys in self._pending.items() if channel in (None, name))

    def load(
        self,
        channel: str,
        key: Hashable,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        *,
        slow: bool = False,
    ) -> None:
        """Do `work` on a thread, then call ``then(result)`` on this one, unless the channel is restarted before.

        `slow` work has a thread of its own: nothing that is quickly read waits for it.
        """
        pending = self._pending.setdefault(channel, set())
        if self._closed or key in pending:
            return
        pending.add(key)
        generation = self._generations.setdefault(channel, 0)
        (self._slow if slow else self._pool).submit(self._work, channel, generation, key, work, then)

    def forget(self, channel: str, key: Hashable) -> None:
        """Let `key` be asked for again although an older answer is still to come."""
        self._pending.get(channel, set()).discard(key)

    def close(self) -> None:
        """Drop everything and end the threads."""
        if self._closed:
            return
        self._closed = True
        for channel in list(self._pending):
            self.restart(channel)
        for pool in (self._pool, self._slow):
            pool.shutdown(wait=True, cancel_futures=True)

    def _work(
        self, channel: str, generation: int, key: Hashable, work: Callable[[], Any], then: Callable[[Any], None]
    ) -> None:
        if self._generations[channel] != generation:
            return
        result, problem = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - carried to the GUI thread and raised there
            problem = error
        if self._generations[channel] == generation:
            self._answered.emit(_Answer(channel, generation, key, result, problem, then))

    def _deliver(self, answer: _Answer) -> None:
        if self._closed or self._generations[answer.channel] != answer.generation:
            return
        self._pending[answer.channel].discard(answer.key)
        if isinstance(answer.error, UserError):
            self.failed.emit(answer.error)
        elif answer.error is not None:
            raise answer.error
        else:
            answer.then(answer.result)
        if not self.waiting():
            self.idle.emit()
