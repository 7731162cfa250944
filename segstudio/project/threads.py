"""Waiting for threads to end."""

import threading
import time
from collections.abc import Iterable


def joined(threads: Iterable[threading.Thread | None], timeout: float | None = None) -> bool:
    """Wait until all of `threads` have ended, at most so many seconds; return whether they have."""
    end = None if timeout is None else time.monotonic() + timeout
    for thread in threads:
        if thread is not None:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
            if thread.is_alive():
                return False
    return True
