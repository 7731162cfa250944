"""The coming batches, drawn on threads while the network learns."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from segstudio.engine.data.crops import Batch

#: More threads than this wait for one another's turn at the interpreter.
_MOST_THREADS = 8


def patch_threads(device_type: str, wanted: int = 0) -> int:
    """Return how many threads draw patches: `wanted`, or where that is 0 what suits the platform.

    On a processor one is enough, since the network needs the cores; a graphics card leaves them free.
    """
    if wanted:
        return wanted
    return 1 if device_type == "cpu" else max(1, min(_MOST_THREADS, (os.cpu_count() or 2) - 1))


class Prefetch:
    """Draws the coming batches on threads while the network learns.

    Parameters
    ----------
    draw
        Returns the batch of a step and size.
    threads
        How many batches are drawn at once.
    """

    def __init__(self, draw: Callable[[int, int], Batch], threads: int) -> None:
        self._draw = draw
        self._ahead = threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="patches")
        self._waiting: dict[tuple[int, int], Future[Batch]] = {}

    def batch(self, step: int, size: int) -> Batch:
        """Return the batch of `step`; the following ones are begun."""
        self._waiting = {key: future for key, future in self._waiting.items() if key[0] >= step and key[1] == size}
        for coming in range(step, step + self._ahead):
            if (coming, size) not in self._waiting:
                self._waiting[coming, size] = self._pool.submit(self._draw, coming, size)
        return self._waiting.pop((step, size)).result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()
