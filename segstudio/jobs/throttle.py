"""Keeps a process that talks too much from drowning those who listen: of too many messages some are dropped."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from segstudio.jobs.messages import Failed, Finished, Message, Progress

#: Messages a second that are passed on for long, and how many may come at once: of progress, whose next one says more
#: anyway, and of all others. The window takes milliseconds for each.
_PROGRESS: Final = (20.0, 20.0)
_OTHERS: Final = (100.0, 500.0)
#: The same for lines that are read at all: to look into each of half a million would take the window's time.
_LINES: Final = (500.0, 5_000.0)
_ENDS: Final = (b'"finished"', b'"failed"')


class _Bucket:
    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._last = burst, clock()

    def take(self) -> bool:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._last) * self._rate)
        self._last = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Throttle:
    """Lets messages pass while they are not too many; ends of jobs always.

    Parameters
    ----------
    clock
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = _Bucket(*_PROGRESS, clock)
        self._others = _Bucket(*_OTHERS, clock)
        self._lines = _Bucket(*_LINES, clock)

    def lines(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Yield `lines` while they are not too many, and those that may be the end of a job."""
        for line in lines:
            if self._lines.take() or any(word in line for word in _ENDS):
                yield line

    def passes(self, message: Message) -> bool:
        """Return whether to pass `message` on."""
        if isinstance(message, Finished | Failed):
            return True
        return (self._progress if isinstance(message, Progress) else self._others).take()
