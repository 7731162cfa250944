"""A disk that stops doing what it is asked for: wherever that comes, a save is to be whole or not there."""

import errno
import os
from collections.abc import Callable
from typing import Any

from segstudio.io.disk import Disk


class DyingDisk(Disk):
    """Does so many of some primitives, then refuses them.

    Parameters
    ----------
    steps
        So many are done first.
    primitives
        Which are counted, and refused; the others are always done.
    refusals
        So many are refused, once; ``None``: all from then on, as after a kill.
    """

    def __init__(self, steps: int, primitives: tuple[str, ...], refusals: int | None = None) -> None:
        self._left = steps
        self._refusals = refusals
        for name in primitives:
            setattr(self, name, self._counted(getattr(super(), name)))

    def _counted(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: Any) -> object:
            self._left -= 1
            if self._left < 0 and (self._refusals is None or -self._left <= self._refusals):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*args)

        return call
