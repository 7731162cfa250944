"""A file that was never read is first decoded in a confined process; only if that survives, in this one."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.core.program import program_command
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.confined import ConfinedDied, ConfinedProcess, ConfinedSlow
from segstudio.io.disk import DISK, Disk, DiskError
from segstudio.io.first_look import MEMORY, SECONDS
from segstudio.io.sources import gate_at_door

#: A slow disk may take so long; computing has a limit of its own (`SECONDS`).
_WAIT_S: Final = 60.0
#: Who waits so long for the process gets a second one: one bad file does not stop the others.
_PATIENCE_S: Final = 0.5
_PROCESSES: Final = 2
_END: Final = 1 << 16
#: Files that are remembered.
_REMEMBERED: Final = 50_000
#: Other versions of these may read a file in another way.
_DECODERS: Final = ("segstudio", "imagecodecs", "tifffile", "pillow", "numpy")

Key = tuple[str, int, int, int]


@contextmanager
def unknown_files_vetted(memory: Path | None) -> Iterator["Vetting"]:
    """Vet every image file that is opened inside, by any thread; `memory` as for `Vetting`."""
    vetting = Vetting(memory)
    vetting.start()
    try:
        with gate_at_door(vetting):
            yield vetting
    finally:
        vetting.close()


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
        self._memory = memory
        self._command = command or program_command("confined", "images")
        self._disk = disk
        self._free = threading.Condition()
        self._idle: list[ConfinedProcess] = []
        self._count = 0
        self._closed = False
        self._seen: dict[Key, bool] = {}
        self._refused: dict[Key, BadInput] = {}
        self._prints = self._remembered()
        self._grown = False

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
        if self._grown and self._memory is not None:
            lines = [_decoders(), *list(self._prints)[-_REMEMBERED:]]
            with suppress(DiskError):  # they are looked at again
                make_folders(self._memory.parent, self._disk)
                write_atomic(self._memory, "\n".join(lines).encode(), self._disk)

    def __call__(self, path: Path, *, indices: bool, pixels: bool) -> None:
        """Return when a file may be opened, or its pixels be read.

        Raises
        ------
        BadInput
            It cannot be read, or it broke the process that tried.
        """
        key = _key(path)
        if key is None or self._seen.get(key, False) or (key in self._seen and not pixels):
            return  # what is not there is told by who opens it
        if key in self._refused:
            raise self._refused[key]
        mark = _fingerprint(path)
        if mark and mark in self._prints:
            self._seen[key] = True
            return
        self._seen[key] = self._look(path, key, indices=indices, pixels=pixels)
        if self._seen[key] and mark:
            self._prints[mark] = None
            self._grown = True

    def _look(self, path: Path, key: Key, *, indices: bool, pixels: bool) -> bool:
        question = json.dumps({"path": str(path), "indices": indices, "pixels": pixels}).encode()
        try:
            with self._process() as process:
                told = json.loads(process.ask(question, _WAIT_S))
        except (ConfinedDied, ConfinedSlow, ValueError) as error:
            self._refused[key] = problem = _harmful(path, isinstance(error, ConfinedSlow))
            raise problem from error
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
        return bool(told["pixels"])

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

    def _remembered(self) -> dict[str, None]:
        try:
            lines = [] if self._memory is None else self._memory.read_text("ascii").split("\n")
        except (OSError, ValueError):
            return {}
        return dict.fromkeys(lines[1:]) if lines[:1] == [_decoders()] else {}


def _harmful(path: Path, slow: bool) -> BadInput:
    words = (
        f"was given up: it was not read within {SECONDS:.0f} s"
        if slow
        else "was not opened: the process that tried to read it crashed"
    )
    return BadInput(
        f"{path.name} {words}.",
        hint="It is damaged, or was made to do harm. Export it anew where it came from, as TIFF or PNG.",
        code="image-harmful",
        path=path,
    )


def _key(path: Path) -> Key | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return str(path), found.st_size, found.st_mtime_ns, found.st_ino


def _fingerprint(path: Path) -> str:
    """Return what tells a file from others; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            found = path.stat()
            digest = blake2b(f"{found.st_size} {found.st_mtime_ns}".encode(), digest_size=16)
            digest.update(file.read(_END))
            file.seek(max(0, found.st_size - _END))
            digest.update(file.read(_END))
    except OSError:
        return ""
    return digest.hexdigest()


def _decoders() -> str:
    return " ".join(f"{name} {version(name)}" for name in _DECODERS)
