"""How many cases an experiment has, and when the night ends before them."""

import time
from collections.abc import Callable, Iterator


class Cases:
    """Counts the cases of one test: as many as its tier has, fewer when the night is over before.

    Attributes
    ----------
    judged, wanted
        Cases that were gone through to their end, and those there would be without an end of the night.
    """

    def __init__(self, pick: Callable[..., int], end: float) -> None:
        self.judged = self.wanted = 0
        self._pick, self._end = pick, end

    def __call__(self, *, merge: int, nightly: int, release: int, each: int = 1) -> Iterator[int]:
        """Yield 0, 1, … for each round of `each` cases, one at least."""
        rounds = self._pick(merge=merge, nightly=nightly, release=release)
        self.wanted += each * rounds
        for number in range(rounds):
            if number and time.monotonic() >= self._end:
                return
            yield number
            self.judged += each
