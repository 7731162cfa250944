"""A file that was never read is first decoded in a confined process; only if that survives, in this one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from segstudio.core.errors import BadInput
from segstudio.core.program import program_command
from segstudio.core.tiles import Window
from segstudio.io.confined import ConfinedDied, ConfinedProcess, ConfinedSlow
from segstudio.io.disk import DISK, Disk
from segstudio.io.files_read import FilesRead
from segstudio.io.first_look import MEMORY, SECONDS
from segstudio.io.image_place import fingerprint_of, stat_of
from segstudio.io.sources import PixelGate, gate_at_door

#: A slow disk may take so long; computing has a limit of its own (`SECONDS`).
_WAIT_S: Final = 60.0
#: Who waits so long for the process gets a second one: one bad file does not stop the others.
_PATIENCE_S: Final = 0.5
_PROCESSES: Final = 2
#: Side of the blocks in which is counted what was decoded, pixels: one tile of the screen.
_BLOCK: Final = 512

#: Path, whether as indices, size, times, inode.
Key = tuple[str, bool, int, int, int, int]


@contextmanager
def unknown_files_vetted(memory: Path | None, *, at_once: bool = True) -> Iterator["Vetting"]:
    """Vet every image file that is opened inside, by any thread.

    Parameters
    ----------
    memory
        As for `Vetting`.
    at_once
        Start the process now, so that the first file need not wait for it.
    """
    vetting = Vetting(memory)
    if at_once:
        vetting.start()
    try:
        with gate_at_door(vetting):
            yield vetting
    finally:
        vetting.close()


@dataclass
class _Known:
    """What is known of one file: the blocks of each `_Copy` that were decoded without harm, ``None`` for all.

    Attributes
    ----------
    mark
        What tells it from other files; ``None`` for what is not known again in the next session.
    """

    mark: str | None
    copies: "dict[_Copy, set[tuple[int, int]] | None]"

    def mark_of(self, copy: "_Copy") -> str | None:
        """Return what is remembered when all of one was decoded."""
        return self.mark and f"{self.mark}:{copy.plane}" + (f"/{copy.level}" if copy.level else "")


class _Copy(NamedTuple):
    """A plane, or a smaller copy of it that the file holds."""

    plane: int
    level: int


_FIRST: Final = _Copy(0, 0)


class Vetting:
    """Lets no image file into this program that crashes, hangs or fills a process of its own; for any thread.

    Parameters
    ----------
    memory
        File that remembers, between sessions, what was read without harm; ``None`` for none.
    command
        Command line of the process; the default suits everything but tests.
    """

    def __init__(self, memory: Path | None = None, command: list[str] | None = None, disk: Disk = DISK) -> None:
        self._command = command or program_command("confined", "images")
        self._free = threading.Condition()
        self._idle: list[ConfinedProcess] = []
        self._count = 0
        self._closed = False
        self._known: dict[Key, _Known] = {}
        self._refused: dict[Key, bool] = {}
        self._read = FilesRead(memory, disk)

    def start(self) -> None:
        """Start the process, so that the first file need not wait for it."""
        with suppress(OSError), self._process():  # told with the first file
            pass

    def close(self) -> None:
        """End the processes, and keep in mind what was read."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()
        self._read.save()

    def __call__(self, path: Path, *, indices: bool) -> PixelGate | None:
        """Return what is to be asked before pixels are decoded, when a file may be opened.

        Raises
        ------
        BadInput
            It cannot be read, or it broke the process that tried.
        """
        key = _key(path, indices)
        if key is None:
            return None  # what is not there is told by who opens it
        known = self._known.get(key)
        if known is None:
            self._refuse_again(path, key)
            known = _Known(_fingerprint(path, key), {})
            if not self._was_read(known.mark):
                if self._look(path, key):
                    self._keep(known, _FIRST)
                self._remember(known.mark)
            self._known[key] = known
        return partial(self._vet, path, key, known)

    def _vet(  # noqa: PLR0913 - what the gate is asked, after what is known of the file
        self, path: Path, key: Key, known: _Known, window: Window, plane: int, size: tuple[int, int], level: int = 0
    ) -> None:
        copy = _Copy(plane, level)
        if copy not in known.copies:
            known.copies[copy] = None if self._was_read(known.mark_of(copy)) else set()
        done = known.copies[copy]
        if done is None:
            return
        for row in range(window.y0 // _BLOCK, -(-window.y1 // _BLOCK)):
            columns = range(window.x0 // _BLOCK, -(-window.x1 // _BLOCK))
            missing = [column for column in columns if (row, column) not in done]
            if not missing:
                continue
            self._refuse_again(path, key)
            part = Window(row, missing[0], row + 1, missing[-1] + 1)
            corners = (number * _BLOCK for number in (part.y0, part.x0, part.y1, part.x1))
            if self._look(path, key, Window(*corners).clip(size), copy):
                self._keep(known, copy)
                return
            done.update((row, column) for column in range(part.x0, part.x1))
        if len(done) == -(-size[0] // _BLOCK) * -(-size[1] // _BLOCK):
            self._keep(known, copy)

    def _refuse_again(self, path: Path, key: Key) -> None:
        """Raise when the file broke a process before: it is not tried again."""
        if key in self._refused:
            raise _harmful(path, self._refused[key])

    def _keep(self, known: _Known, copy: _Copy) -> None:
        """Keep in mind that a whole plane was decoded."""
        known.copies[copy] = None
        self._remember(known.mark_of(copy))

    def _was_read(self, mark: str | None) -> bool:
        return mark is not None and self._read.has(mark)

    def _remember(self, mark: str | None) -> None:
        if mark is not None:
            self._read.add(mark)

    def _look(self, path: Path, key: Key, window: Window | None = None, copy: _Copy = _FIRST) -> bool:
        """Let the process open the file, or decode a window; return whether it has decoded the whole plane."""
        part = None if window is None else (window.y0, window.x0, window.y1, window.x1)
        question = {"path": str(path), "indices": key[1], "state": key[2:], "window": part, **copy._asdict()}
        try:
            with self._process() as process:
                told = json.loads(process.ask(json.dumps(question).encode(), _WAIT_S))
        except (ConfinedDied, ConfinedSlow, ValueError) as error:
            self._refused[key] = isinstance(error, ConfinedSlow)
            raise _harmful(path, self._refused[key]) from error
        except OSError as error:
            raise BadInput(
                f"{path.name} was not opened: the process that reads unknown files could not be started "
                f"({error.strerror or error}).",
                hint="Close other programs and try again.",
                code="image-reader",
                path=path,
            ) from error
        if "message" in told:
            raise BadInput(str(told["message"]), hint=str(told["hint"]), code=str(told["code"]), path=path)
        return bool(told["whole"])

    @contextmanager
    def _process(self) -> Iterator[ConfinedProcess]:
        process = self._take() or self._start()
        try:
            yield process
        finally:
            with self._free:
                if process.alive and not self._closed:
                    self._idle.append(process)
                else:
                    process.close()
                    self._count -= 1
                self._free.notify()

    def _take(self) -> ConfinedProcess | None:
        """Return a process that is free, or ``None`` when another one is to be started."""
        with self._free:
            if self._count and not self._idle:
                self._free.wait_for(lambda: self._idle or self._count == 0, _PATIENCE_S)
            if not self._idle and self._count >= _PROCESSES:
                self._free.wait_for(lambda: self._idle or self._count < _PROCESSES)
            if self._idle:
                return self._idle.pop()
            self._count += 1
            return None

    def _start(self) -> ConfinedProcess:
        try:
            return ConfinedProcess(self._command, MEMORY)
        except BaseException:
            with self._free:
                self._count -= 1
                self._free.notify()
            raise


def _harmful(path: Path, slow: bool) -> BadInput:
    words = (
        f"was given up: it was not read within {SECONDS:.0f} s"
        if slow
        else "is not shown: the process that tried to read it crashed"
    )
    return BadInput(
        f"{path.name} {words}.",
        hint="It is damaged, or was made to do harm. Export it anew where it came from, as TIFF or PNG.",
        code="image-harmful",
        path=path,
    )


def _key(path: Path, indices: bool) -> Key | None:
    try:
        found = stat_of(path)
    except (OSError, ValueError):
        return None
    return str(path), indices, found.size, found.modified_ns, found.changed_ns, found.inode


def _fingerprint(path: Path, key: Key) -> str | None:
    """Return what tells a file from others; ``None`` when nothing does."""
    if path.is_dir():
        return None  # the pixels lie in files of their own, which may be exchanged
    try:
        # The last change of its entry on the disk cannot be made to look like that of another file.
        words = " ".join(map(str, (*key[1:5], fingerprint_of(path))))
    except (OSError, ValueError):
        return None  # told by who opens it
    return blake2b(words.encode(), digest_size=16).hexdigest()
