"""Which image files were decoded without harm: all programs of a user remember it, in one small file."""

import threading
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import DISK, Disk, DiskError

#: Files that are remembered.
_REMEMBERED: Final = 50_000
#: Seconds after which the other programs know: the worker that learns from an image need not look at it again.
_SAVED_AFTER_S: Final = 2.0
#: Other versions of these may read a file in another way.
_DECODERS: Final = (
    "segstudio",
    "imagecodecs",
    "tifffile",
    "pillow",
    "numpy",
    "h5py",
    "tensorstore",
    "czifile",
    "nd2",
    "liffile",
    "av",
)


def files_read() -> Path:
    """Return the file in which all programs of a user remember what was read without harm."""
    return user_cache_path("SegStudio", appauthor=False) / "files-read.txt"


class FilesRead:
    """Marks of what was read without harm; for any thread.

    Parameters
    ----------
    file
        Where they are kept between sessions; ``None`` for nowhere.
    disk
        The disk that is written.
    """

    def __init__(self, file: Path | None, disk: Disk = DISK) -> None:
        self._file = file
        self._disk = disk
        self._lock = threading.Lock()
        #: Held while the disk writes, for which nobody else waits.
        self._saving = threading.Lock()
        self._marks: dict[str, None] = {}
        self._new: dict[str, None] = {}
        self._timer: threading.Timer | None = None
        self._time = 0
        self._look_up()

    def has(self, mark: str) -> bool:
        """Return whether this program or another one has added a mark."""
        with self._lock:
            if mark not in self._marks:
                self._look_up()
            return mark in self._marks

    def add(self, mark: str) -> None:
        """Take note of a mark; a moment later it is on the disk."""
        with self._lock:
            self._marks[mark] = self._new[mark] = None
            if self._timer is None and self._file is not None:
                self._timer = threading.Timer(_SAVED_AFTER_S, self.save)
                self._timer.daemon = True
                self._timer.start()

    def save(self) -> None:
        """Write down what is new."""
        with self._saving:
            with self._lock:
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                new, self._new = self._new, {}
            if not new or self._file is None:
                return
            marks = {**self._read(), **new}  # another program may have written meanwhile
            with suppress(DiskError):  # they are looked at again
                make_folders(self._file.parent, self._disk)
                write_atomic(self._file, "\n".join([_decoders(), *list(marks)[-_REMEMBERED:]]).encode(), self._disk)

    def _look_up(self) -> None:
        try:
            time = 0 if self._file is None else self._file.stat().st_mtime_ns
        except OSError:
            return
        if time != self._time:
            self._marks.update(self._read())
            self._time = time

    def _read(self) -> dict[str, None]:
        try:
            lines = [] if self._file is None else self._file.read_text("ascii").split("\n")
        except (OSError, ValueError):
            return {}
        return dict.fromkeys(lines[1:]) if lines[:1] == [_decoders()] else {}


def _decoders() -> str:
    return " ".join(f"{name} {_version(name)}" for name in _DECODERS)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # an optional one
        return "none"
