"""Listens to the thread of the window: how long it did not come to its event loop, and where it was meanwhile."""

import sys
import threading
import time
import traceback

from PySide6.QtCore import QObject, Qt, QTimer

_BEAT_MS = 5
#: A gap from which on it is worth knowing what was done in it, seconds.
_LONG = 0.05


class Heartbeat:
    """A timer that should fire each 5 ms, and a thread that looks where the window is when it does not.

    Parameters
    ----------
    parent
        An object of the thread that is listened to.
    """

    def __init__(self, parent: QObject) -> None:
        self.gaps: list[float] = []
        self.busy: list[float] = []
        self.stacks: dict[float, str] = {}
        self._gui = threading.get_ident()
        self._last, self._cpu = time.perf_counter(), time.thread_time()
        self._stack = ""
        self._timer = QTimer(parent)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT_MS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End timer and thread."""
        self._timer.stop()
        self._closed.set()
        self._thread.join()

    def take(self) -> tuple[float, float, float, str]:
        """Return what was seen since the last call.

        Returns
        -------
        tuple
            The longest gap, the 99th percentile of all, the most that the thread itself computed in one (what a
            computer without other programs would show), seconds; and where it was in the longest.
        """
        busiest, self.busy = max(self.busy, default=0.0), []
        gaps, self.gaps = sorted(self.gaps), []
        stacks, self.stacks = self.stacks, {}
        worst = gaps[-1] if gaps else 0.0
        where = stacks[max(stacks)] if stacks else ""
        return worst, gaps[len(gaps) * 99 // 100] if gaps else 0.0, busiest, where

    def _beat(self) -> None:
        now = time.perf_counter()
        gap, self._last = now - self._last, now
        cpu = time.thread_time()
        self.busy.append(cpu - self._cpu)
        self._cpu = cpu
        self.gaps.append(gap)
        if gap > _LONG and self._stack:
            self.stacks[gap] = self._stack
        self._stack = ""

    def _look(self) -> None:
        while not self._closed.wait(0.01):
            if time.perf_counter() - self._last > _LONG and not self._stack:
                self._stack = self._place()

    def _place(self) -> str:
        # A frame that is held keeps a painter alive: nothing here may give the interpreter away.
        time.sleep(0)
        walk = traceback.walk_stack(sys._current_frames().get(self._gui))
        codes = [frame.f_code for frame, _ in walk]
        own = [code for code in codes if "/segstudio/" in code.co_filename][:4]
        return " > ".join(f"{code.co_filename.rpartition('/')[2]}:{code.co_name}" for code in own[::-1])
