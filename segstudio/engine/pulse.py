"""Signs of life of a worker, from a thread of their own, and the end of one that stands still."""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from segstudio.jobs.processes import HUNG

_BEAT: Final = 1.0
#: Seconds without any work after which a job hangs: no thread has moved, no processor time was used.
STILL_S: Final = 12.0
#: Seconds that a call into C may hold the interpreter.
HELD_S: Final = 13.0
#: Share of one core below which a process does nothing.
_IDLE: Final = 0.02


class Pulse:
    """Beats while the process lives, and ends it when a job neither computes nor moves, or holds the interpreter.

    Parameters
    ----------
    beat
        Tells the window; called on a thread of its own about once a second, with whether a job is at work.
    hung
        Called once before the process is ended, on the same thread.

    Notes
    -----
    A job that only computes for long is no hang: processor time of the process or of its children, or any thread that
    gets on, shows that it works. One that waits for a disk that does not answer is left alone too, where the system
    tells. When a call into C holds the interpreter no thread can beat: a timer of the system then ends the process
    (on Linux, whose timers do not count the sleep of the computer; elsewhere the window misses the beats).
    """

    def __init__(self, beat: Callable[[bool], None], hung: Callable[[], None] = lambda: None) -> None:
        self._beat = beat
        self._hung = hung
        self._busy = False
        self._paused: Callable[[], bool] = lambda: False
        self._closed = threading.Event()
        self._moved = time.monotonic()
        self._seen: object = None
        self._cpu = 0.0
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def work(self, paused: Callable[[], bool] = lambda: False) -> None:
        """Take note that a job is at work; `paused` says whether it rests because it was told to."""
        begins, self._busy = not self._busy, True
        self._moved, self._paused = time.monotonic(), paused
        if begins:  # what the job does next may let no thread run any more
            self._watch_interpreter(True)
            with suppress(OSError, ValueError):
                self._beat(True)

    def rest(self) -> None:
        """Take note that no job is at work: to wait for one is no hang."""
        self._busy = False

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_BEAT):
            busy = self._busy and not self._paused()
            self._watch_interpreter(busy)
            if busy and self._stands_still():
                self._end()
            with suppress(OSError, ValueError):  # nobody listens any more: others see to it
                self._beat(busy)
        self._watch_interpreter(False)

    def _watch_interpreter(self, busy: bool) -> None:
        if sys.platform != "linux":
            return
        if busy:
            faulthandler.dump_traceback_later(HELD_S, exit=True)
        else:
            faulthandler.cancel_dump_traceback_later()

    def _stands_still(self) -> bool:
        now, cpu, seen = time.monotonic(), time.process_time(), _places()
        idle = cpu - self._cpu < _IDLE * _BEAT and seen == self._seen
        self._cpu, self._seen = cpu, seen
        if not idle:
            self._moved = now
        if now - self._moved < STILL_S:
            return False
        if _waits_for_disk() or _children_work():
            self._moved = now
            return False
        return True

    def _end(self) -> None:
        faulthandler.dump_traceback()
        with suppress(OSError):
            self._hung()
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
        os._exit(HUNG)


def _places() -> dict[int, tuple[int, int]]:
    """Return where each other thread is."""
    own = threading.get_ident()
    frames = sys._current_frames()
    return {ident: (id(frame), frame.f_lasti) for ident, frame in frames.items() if ident != own}


def _waits_for_disk() -> bool:
    """Whether a thread waits for a disk or network drive in a way that the system cannot interrupt."""
    try:
        states = [(task / "stat").read_text().rpartition(") ")[2][:1] for task in Path("/proc/self/task").iterdir()]
    except OSError:  # not Linux, or a thread that just ended
        return False
    return "D" in states


def _children_work() -> bool:
    def seconds() -> float:
        total = 0.0
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                times = child.cpu_times()
                total += times.user + times.system
        return total

    before = seconds()
    time.sleep(_BEAT / 2)
    return seconds() - before > _IDLE * _BEAT / 2
