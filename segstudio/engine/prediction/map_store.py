"""Planes of an image of any size: in memory while they are small, else in a file read and written by windows."""

import math
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from segstudio.core.tiles import Window
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import DISK, disk_errors

#: Planes of images of more pixels than this go into a file: as many as one block of the decoder has.
MOST_PIXELS = 2560 * 2560


class MapStore(ABC):
    """Planes ``(channels, H, W)`` of one image.

    Attributes
    ----------
    shape, dtype
        Of all planes.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    @abstractmethod
    def read(self, window: Window) -> NDArray[Any]:
        """Return ``(channels, h, w)`` of a window inside the image. Do not change it."""

    @abstractmethod
    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Put ``(channels, h, w)`` into a window inside the image."""

    def close(self) -> None:  # noqa: B027 - memory has nothing to close
        """Let go of the file, and remove it unless it is another's."""


class MemoryStore(MapStore):
    """Planes in memory."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self.shape = (array.shape[0], array.shape[1], array.shape[2])
        self.dtype = array.dtype

    def read(self, window: Window) -> NDArray[Any]:
        """Return a view."""
        return self.array[:, *window.slices]

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Put values in."""
        self.array[:, *window.slices] = values


class FileStore(MapStore):
    """Planes in a NumPy file.

    Notes
    -----
    Rows are read and written, not mapped into memory: pages of a map count as memory of the program, and a window of
    a wide image would bring in whole rows.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: DTypeLike, offset: int | None = None) -> None:
        self.path = path
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._own = offset is None
        with disk_errors(path, "written" if self._own else "read"):
            self._file = path.open("x+b" if self._own else "rb", buffering=0)
            try:
                self._offset = self._begin() if offset is None else offset
            except BaseException:
                self.close()
                raise

    def _begin(self) -> int:
        """Write the header and take the room; return where the values begin."""
        header = {"descr": npy.dtype_to_descr(self.dtype), "fortran_order": False, "shape": self.shape}
        npy.write_array_header_1_0(self._file, header)
        offset = self._file.tell()
        size = offset + math.prod(self.shape) * self.dtype.itemsize
        DISK.truncate(self._file.fileno(), size)  # what is not written is 0
        return offset

    def read(self, window: Window) -> NDArray[Any]:
        """Return a copy."""
        values = np.empty((self.shape[0], *window.shape), self.dtype)
        with disk_errors(self.path, "read"):
            for channel, plane in enumerate(values):
                for row, pixels in enumerate(plane, start=window.y0):
                    self._seek(channel, row, window.x0)
                    view = memoryview(pixels).cast("B")
                    while view and (got := self._file.readinto(view)):
                        view = view[got:]
                    if view:
                        raise OSError(f"{self.path.name} ends early")
        return values

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Put values in."""
        stored = np.ascontiguousarray(values, self.dtype)
        with disk_errors(self.path, "written"):
            for channel, plane in enumerate(stored):
                for row, pixels in enumerate(plane, start=window.y0):
                    self._seek(channel, row, window.x0)
                    DISK.write(self._file.fileno(), memoryview(pixels).cast("B"))

    def publish(self, path: Path) -> None:
        """Let the file appear whole at `path`; it stays readable here, and stays there after `close`."""
        with disk_errors(path, "saved"):
            DISK.sync(self._file.fileno())
            self._file.close()
            DISK.replace(self.path, path)
            DISK.sync_folder(path.parent)
            self.path, self._own = path, False
            self._file = path.open("rb", buffering=0)

    def close(self) -> None:
        """Close the file, and remove it unless it was published or is another's."""
        self._file.close()
        if self._own:
            with suppress(OSError):
                DISK.unlink(self.path)

    def _seek(self, channel: int, row: int, column: int) -> None:
        at = (channel * self.shape[1] + row) * self.shape[2] + column
        self._file.seek(self._offset + at * self.dtype.itemsize)


def new_store(folder: Path, shape: tuple[int, int, int], dtype: DTypeLike, *, lasting: bool = False) -> MapStore:
    """Return a store for planes of `shape`: in memory, or in a temporary file in `folder`, which must exist.

    Parameters
    ----------
    lasting
        The file will be published. Any other loses its name at once where the system allows it, so that nothing is
        left when the program is killed.

    Raises
    ------
    DiskError
        The disk refused.
    """
    if shape[1] * shape[2] <= MOST_PIXELS:
        return MemoryStore(np.zeros(shape, dtype))
    store = FileStore(folder / f"{TEMP_MARK}-{uuid4().hex[:12]}", shape, dtype)
    if not lasting:
        with suppress(OSError):  # Windows keeps an open file
            DISK.unlink(store.path)
    return store
