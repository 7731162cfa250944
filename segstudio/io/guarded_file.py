"""A stranger's file as a library for its format gets it: read and never mapped, without XML that defines entities."""

import re
from pathlib import Path
from typing import Final

from segstudio.io.decoding import READ_BUDGET, damaged
from segstudio.io.regular_file import open_regular

#: Bytes of one piece of a description; the table of a million frames is one.
_LONGEST: Final = 64 << 20
#: In any encoding that an XML parser knows by itself.
_DEFINITIONS: Final = re.compile(
    b"|".join(rb"\0{0,3}".join(bytes([sign]) for sign in word) for word in (b"<!DOCTYPE", b"<!ENTITY"))
)


class GuardedFile:
    """An open file.

    A file that is mapped ends the program when somebody shortens it on a server: libraries that map what has a
    descriptor get none here.

    Parameters
    ----------
    path
        Of the file.

    Attributes
    ----------
    described
        Whether the descriptions were read: what comes then are pixels.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_regular(path)
        self._size = self._file.seek(0, 2)
        self._file.seek(0)
        self.described = False

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes; raise `BadInput` when there are fewer, or when they may do harm."""
        left = self._size - self._file.tell()
        wanted = max(left, 0) if size < 0 else size
        if wanted > left:
            raise damaged(self._path, "it ends early")
        if wanted > (READ_BUDGET if self.described else _LONGEST):
            raise damaged(self._path, "a part of it is too long")
        data = self._file.read(wanted)
        if len(data) < wanted:  # it was shortened since
            raise damaged(self._path, "it ends early")
        if not self.described and _DEFINITIONS.search(data):
            raise damaged(self._path, "its description defines entities")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place, as in any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
