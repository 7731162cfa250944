"""Planes of formats that cannot be read in parts: decoded whole, the newest is kept."""

import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray


class CachedPlanes:
    """Decodes whole planes, keeping the newest, for formats that cannot be read in parts.

    Parameters
    ----------
    decode
        Takes a plane number and returns its pixels. Called by one thread at a time.
    first
        The first plane, where it is known already.
    """

    def __init__(self, decode: Callable[[int], NDArray[Any]], first: NDArray[Any] | None = None) -> None:
        self._decode = decode
        self._lock = threading.Lock()
        self._plane = 0 if first is not None else -1
        self._pixels = first

    def get(self, plane: int) -> NDArray[Any]:
        """Return the pixels of a plane. Do not change them."""
        with self._lock:
            if self._pixels is None or self._plane != plane:
                self._pixels = None
                self._pixels = self._decode(plane)
                self._plane = plane
            return self._pixels

    def clear(self) -> None:
        """Forget the kept plane."""
        with self._lock:
            self._pixels = None
