"""Lines between processes: one JSON message a line, and descriptor 1 kept for messages only."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from segstudio.io.json_file import LIMIT
from segstudio.io.regular_file import open_regular
from segstudio.jobs.messages import LINE_LIMIT, Message, to_line

_BUSY = b'{"kind": "alive", "busy": true}'
_IDLE = b'{"kind": "alive", "busy": false}'
#: So much of a file is taken apart at once.
_PIECE = 1 << 20


class MessageWriter:
    """Writes messages as lines; safe from several threads.

    Parameters
    ----------
    stream
        Binary stream of the receiver, flushed after each message.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> None:
        """Send `message`; raise ``BrokenPipeError`` when nobody reads any more."""
        self._write(to_line(message).encode())

    def beat(self, busy: bool) -> None:
        """Say that this process lives; raise ``BrokenPipeError`` when nobody reads any more."""
        self._write(beat_line(busy=busy))

    def _write(self, line: bytes) -> None:
        with self._lock:
            self._stream.write(line + b"\n")
            self._stream.flush()


def claim_stdout(noise: Path | None = None) -> BinaryIO:
    """Take descriptor 1 for messages; whatever else writes to it or to descriptor 2 lands in the file `noise`.

    Libraries that print, also from C, would otherwise end up between the messages.

    Parameters
    ----------
    noise
        Log file, appended to. ``None`` sends the output of descriptor 1 to descriptor 2, which stays.
    """
    sys.stdout.flush()
    messages = os.fdopen(os.dup(1), "wb")
    if noise is None:
        os.dup2(2, 1)
    else:
        redirect_output(noise)
    return messages


def redirect_output(log: Path) -> None:
    """Append everything that this process prints from now on, from Python or C, to the file `log`."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def read_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield whole lines without their end until the stream ends; lines beyond the limit are dropped."""
    while line := stream.readline(LINE_LIMIT + 1):
        if line.endswith(b"\n"):
            yield line[:-1]
            continue
        while (rest := stream.readline(LINE_LIMIT)) and not rest.endswith(b"\n"):
            pass


def beat_line(*, busy: bool) -> bytes:
    """Return the line that says that a worker lives, and whether a job is at work."""
    return _BUSY if busy else _IDLE


def heartbeat(line: bytes) -> bool | None:
    """Return whether a job is at work, for a line that says that its sender lives; ``None`` for any other line."""
    return {_BUSY: True, _IDLE: False}.get(line)


class LineTail:
    """Reads what another process appends to a file, whole lines only, and so much at once as fits into memory.

    A line that is still being written is left for the next `read`. A file that became shorter, or that does not
    exist yet or any more, gives nothing.

    Parameters
    ----------
    offset
        Where the first `read` begins, and later the next one.
    most
        Bytes that one `read` takes; ``None`` for those of the largest file that is read whole.
    """

    def __init__(self, path: Path, offset: int = 0, most: int | None = None) -> None:
        self._path = path
        self.offset = offset
        self._most = LIMIT if most is None else most

    def read(self) -> list[bytes]:
        """Return the lines that are complete since the last call."""
        try:
            with open_regular(self._path) as file:
                file.seek(self.offset)
                return self._lines(file)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _lines(self, file: BinaryIO) -> list[bytes]:
        # In pieces: one call for a file of 100 MB would keep all other threads, the window's as well, waiting.
        found, begun, size = list[bytes](), list[bytes](), 0
        while size < self._most and (piece := file.read(min(_PIECE, self._most - size))):
            size += len(piece)
            whole, end, rest = piece.rpartition(b"\n")
            if end:
                found += b"".join((*begun, whole, end)).splitlines()
                begun = []
            begun.append(rest)
        left = b"".join(begun)
        if len(left) == self._most:  # no line of ours is so long
            found, left = [left], b""
        self.offset += size - len(left)
        return found


def parsed(lines: Iterator[bytes], parse: Callable[[bytes], Message]) -> Iterator[Message]:
    """Yield the messages among `lines`; a line that is none is skipped, since another process may have died in it."""
    for line in lines:
        try:
            yield parse(line)
        except ValueError:
            continue
