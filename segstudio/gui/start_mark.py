"""A mark in the state folder while the program starts: the next start sees whether this one came to its end."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from platformdirs import user_state_path

from segstudio.io.disk import DISK, Disk
from segstudio.io.file_lock import open_lock, try_lock

#: Seconds after which a program that started counts as well.
STEADY_S: Final = 10.0
_STANDS: Final = b"stands\n"

Trouble = Literal["", "no-start", "short-lives"]


def starts_folder() -> Path:
    """Return where the marks lie."""
    return user_state_path("SegStudio", appauthor=False) / "starts"


class StartMark:
    """The mark of one process, locked while it lives.

    Parameters
    ----------
    folder
        Where marks lie; made when it is not there.
    """

    def __init__(self, folder: Path, disk: Disk = DISK) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._disk = disk
        self._path = folder / f"start-{os.getpid()}-{uuid4().hex[:6]}"
        self.trouble, self._dead = _trouble(folder)
        self._descriptor: int | None = disk.create(self._path)
        try_lock(self._descriptor)

    @classmethod
    def begin(cls) -> "StartMark | None":
        """Return the mark of this process; ``None`` where none can be written."""
        try:
            return cls(starts_folder())
        except OSError:
            return None  # a full or foreign home folder must not keep anyone from their labels

    def stands(self) -> None:
        """Note that the window, or a question before it, is there."""
        if self._descriptor is not None:
            with suppress(OSError):
                self._disk.write(self._descriptor, _STANDS)

    def steady(self) -> None:
        """Note that this start went well: earlier ones that did not are forgotten."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            self._disk.close(descriptor)
        for path in (self._path, *self._dead):
            with suppress(OSError):
                self._disk.unlink(path)


def _trouble(folder: Path) -> tuple[Trouble, list[Path]]:
    """Return what is wrong with the last starts, and the marks that they left."""
    dead = {path: said for path in folder.glob("start-*") if (said := _left_by_the_dead(path)) is not None}
    if any(not said.startswith(_STANDS) for said in dead.values()):
        return "no-start", list(dead)
    return "short-lives" if len(dead) > 1 else "", list(dead)


def _left_by_the_dead(path: Path) -> bytes | None:
    """Return what a mark says whose process is gone; ``None`` while it lives."""
    try:
        descriptor = open_lock(path)
    except OSError:
        return None
    try:
        return os.read(descriptor, 100) if try_lock(descriptor) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
