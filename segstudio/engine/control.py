"""How a running job hears that it should pause, go on or stop."""

import json
import threading
import time
from typing import Literal

from segstudio.jobs.channel import LineTail
from segstudio.jobs.run_folder import RunFolder

Wish = Literal["run", "pause", "stop", "abandon"]
"""``stop`` keeps the best result so far; ``abandon`` writes a checkpoint and leaves at once."""

_WISHES: dict[str, Wish] = {"pause": "pause", "resume": "run", "stop": "stop"}
_POLL_S = 0.2


class Control:
    """What is wished of a job now; set from any thread, read by the job between its steps.

    Parameters
    ----------
    run
        Run folder whose command file is read as well, at most five times a second.
    """

    def __init__(self, run: RunFolder | None = None) -> None:
        self._tail = LineTail(run.control_file) if run is not None else None
        self._wish: Wish = "run"
        self._next_poll = 0.0
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self.detached = False

    def request(self, wish: Wish) -> None:
        """Wish something; a stop is final, and only an abandon follows it."""
        with self._lock:
            final = self._wish in ("stop", "abandon") and wish in ("run", "pause", "stop")
            if not final and self._wish != "abandon":
                self._wish = wish

    def wish(self) -> Wish:
        """Return what is wished now."""
        if time.monotonic() >= self._next_poll:
            self.refresh()
        return self._wish

    def refresh(self) -> None:
        """Read the commands that came since the last time, now."""
        with self._reading:
            self._next_poll = time.monotonic() + _POLL_S
            if self._tail is not None:
                self._read(self._tail)

    @property
    def ending(self) -> bool:
        """Whether the job should come to its end."""
        return self.wish() in ("stop", "abandon")

    def _read(self, tail: LineTail) -> None:
        for line in tail.read():
            try:
                command = str(json.loads(line)["command"])
            except (ValueError, KeyError, TypeError):
                continue
            if command == "detach":
                self.detached = True
            elif command in _WISHES:
                self.request(_WISHES[command])
