"""The other end of a confined process: starts it, asks it, waits so long and no longer, and takes its death calmly."""

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from os import environ, name
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Final

import psutil

#: Longest answer, bytes.
_LINE: Final = 1 << 20
#: Where the system does not limit memory itself, it is looked at so often.
_LOOK_S: Final = 0.1
#: A slow disk may take so long to give the program's own files.
_START_S: Final = 60.0


class ConfinedDied(Exception):
    """The process ended without an answer: it crashed, or the system ended it."""


class ConfinedSlow(Exception):
    """The process used up its time and was ended."""


class ConfinedProcess:
    """A process that reads what a stranger sent; see `segstudio.io.confinement` for what it may not do.

    Parameters
    ----------
    command
        Its command line; it answers each line with a line, and says ``ready`` first.
    memory
        Bytes that it may take where it cannot limit itself.
    """

    def __init__(self, command: list[str], memory: int) -> None:
        self._memory = memory
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        stream = self._process.stdout
        assert stream is not None
        self._thread = threading.Thread(target=self._read, args=(stream,), name="confined", daemon=True)
        self._thread.start()
        self._is_ready = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, question: bytes, seconds: float) -> bytes:
        """Return the answer to one line; one thread at a time.

        Raises
        ------
        ConfinedDied, ConfinedSlow
            The process is gone then.
        """
        if not self._is_ready:
            self._wait(_START_S)
            self._is_ready = True
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(question + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._ended() from error
        return self._wait(seconds)

    def close(self) -> None:
        """End it; may be called twice."""
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _wait(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=_LOOK_S)
            except Empty:
                if time.monotonic() > end:
                    self.close()
                    raise ConfinedSlow from None
                if sys.platform != "linux" and self._too_large():
                    raise self._ended() from None
                continue
            if not line:
                raise self._ended()
            return line[:-1]

    def _ended(self) -> Exception:
        self.close()
        # The system's own limit of computing time.
        return ConfinedSlow() if self._process.returncode == -24 else ConfinedDied(self._process.returncode)

    def _too_large(self) -> bool:
        try:
            return bool(psutil.Process(self.pid).memory_info().rss > self._memory)
        except psutil.Error:
            return False

    def _read(self, stream: IO[bytes]) -> None:
        while (line := stream.readline(_LINE)).endswith(b"\n"):
            self._lines.put(line)
        self._lines.put(b"")  # the end, or half a line, or more than any answer has


def ask_once(command: list[str], memory: int, path: Path, seconds: float) -> dict[str, str] | None:
    """Return what a process of its own tells of one file; ``None`` when reading that broke the process off."""
    process = ConfinedProcess(command, memory)
    try:
        told: dict[str, str] = json.loads(process.ask(json.dumps({"path": str(path.absolute())}).encode(), seconds))
    except (ConfinedDied, ConfinedSlow, ValueError):
        return None
    finally:
        process.close()
    return told
