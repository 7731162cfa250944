"""Opening files that another person may have sent: no pipe is waited for, and none is read that is too large."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class TooLarge(OSError):
    """A file has more bytes than any of its kind."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file to be read.

    Raises
    ------
    OSError
        It cannot be, or is a pipe, a device or a folder: a pipe to which nobody writes would hang the program for good.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device and no file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def limited_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a file.

    Raises
    ------
    OSError
        As `open_regular`; `TooLarge` when it has more than `limit` bytes, of which none is read.
    """
    with open_regular(path) as file:
        # Not the limit itself: so many bytes would be reserved for the smallest file.
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= limit else b""
    if max(size, len(data)) > limit:
        raise TooLarge(errno.EFBIG, f"larger than {limit >> 20} MB", str(path))
    return data
