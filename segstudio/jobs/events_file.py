"""Reading what a training has said so far, which may be a hundred thousand things, or a stranger's file."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.jobs.channel import LineTail, parsed
from segstudio.jobs.messages import Message, from_line

#: Bytes that are read of one file: ten days of training.
_MOST: Final = 256 << 20
#: Bytes that are in memory at once, more than the longest line.
_PIECE: Final = 1 << 20


def messages_in(file: Path) -> Iterator[Message]:
    """Yield the messages in `file` so far, in order, a piece of it in memory at once.

    A damaged line is left out, and of a file of more than 256 MB what lies in the middle: how a training began and how
    it ended is at its ends.
    """
    beyond = 0
    with suppress(FileNotFoundError, NotADirectoryError):
        beyond = max(0, file.stat().st_size - _MOST)
    tail = LineTail(file, most=_PIECE)
    while lines := tail.read():
        yield from parsed(iter(lines), from_line)
        if beyond and tail.offset >= _MOST // 2:
            tail, beyond = LineTail(file, tail.offset + beyond, _PIECE), 0
