"""Many tiles at once: numpy and zstandard let go of the interpreter while they work."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

#: Fewer items than these are done sooner than threads are started.
_FEW: Final = 16
_MOST_THREADS: Final = 4


def over_threads(call: Callable[[A], B], items: Sequence[A]) -> list[B]:
    """Return ``call(item)`` for each item, in their order; many are shared out among threads.

    Parameters
    ----------
    call
        Works on one tile without changing anything that another call looks at.
    """
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    if len(items) < _FEW or threads == 1:
        return [call(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="tiles") as pool:
        return list(pool.map(call, items))
