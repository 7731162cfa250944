"""Watches the GUI thread: when it stands still for seconds, the log says where each thread was and for how long."""

import faulthandler
import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import IO, Final

from PySide6.QtCore import QObject, QTimer

log = logging.getLogger("segstudio")

#: Seconds that the window may stand still before the log hears of it.
PATIENCE: Final = 2.0
_BEAT: Final = 0.25
#: Seconds after which the watching thread itself cannot run: a call into C keeps the interpreter.
_HELD: Final = 5.0
#: Seconds between two starts of the timer that sees it: each costs a thread.
_ARM: Final = 1.0


class Watchdog(QObject):
    """A timer of the GUI thread beats, a thread listens.

    Parameters
    ----------
    patience
        Seconds without a beat that are a stall.
    stacks
        File that gets the stacks when not even a thread can run, because a call into C holds the interpreter; a file
        of the system, since Python's own writing could not be done then. ``None`` for none.
    """

    def __init__(self, parent: QObject, patience: float = PATIENCE, stacks: IO[bytes] | None = None) -> None:
        super().__init__(parent)
        self._patience = patience
        self._stacks = stacks
        self._gui = threading.get_ident()
        self._beat = time.monotonic()
        self._closed = threading.Event()
        timer = QTimer(self)
        timer.timeout.connect(self._note)
        timer.start(round(_BEAT * 1000))
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join()

    def _note(self) -> None:
        self._beat = time.monotonic()

    def _watch(self) -> None:
        stalled, looked, armed = 0.0, time.monotonic(), 0.0
        while not self._closed.wait(_BEAT):
            now = time.monotonic()
            if now - armed > _ARM:
                self._arm()
                armed = now
            # Late itself: the whole program, or the computer, slept. Nobody can tell then what the window did.
            slept, looked = now - looked > 4 * _BEAT, now
            beat = self._beat
            if stalled and beat > stalled:
                log.warning("The window moved again after %.1f s.", beat - stalled)
                stalled = 0.0
            if not stalled and not slept and now - beat > self._patience + _BEAT:
                stalled = beat
                log.warning("The window has stood still for %.1f s.\n%s", now - beat, "\n".join(_stacks(self._gui)))
        if self._stacks is not None:
            faulthandler.cancel_dump_traceback_later()

    def _arm(self) -> None:
        if self._stacks is not None:
            faulthandler.dump_traceback_later(_HELD, file=self._stacks)


def _stacks(first: int) -> Iterator[str]:
    """Yield what each thread does, that of the window first, and this one left out."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    places = _places()
    for ident in sorted(places, key=lambda ident: ident != first):
        if ident != threading.get_ident():
            yield f"Thread {names.get(ident, ident)}:"
            yield "".join(traceback.format_list([(file, line, name, None) for file, line, name in places[ident]]))


def _places() -> dict[int, list[tuple[str, int, str]]]:
    """Return where each thread is, the outermost call first.

    A frame that is held keeps what its function holds: a painter of a paint event that ends meanwhile would outlive it,
    and die on this thread. So nothing here may give the interpreter away, as reading a source file would, and it is
    over long before another thread may take it.
    """
    time.sleep(0)  # the time that this thread may keep the interpreter begins anew
    places = {}
    for ident, frame in sys._current_frames().items():
        places[ident] = [(f.f_code.co_filename, line, f.f_code.co_name) for f, line in traceback.walk_stack(frame)]
    del frame
    return {ident: lines[::-1] for ident, lines in places.items()}
