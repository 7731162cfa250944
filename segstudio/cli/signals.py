"""A command that a cluster or a closed terminal ends is interrupted as by Ctrl+C: it tidies up and says so."""

import errno
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType

#: The terminal was closed; Windows has no such signal.
HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)


@contextmanager
def interrupted_by_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``KeyboardInterrupt``; one that is ignored, as after ``nohup``, stays ignored.

    So does SIGHUP once it was heard: a shell that ends may repeat it until the process is gone.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may say what a signal does
        yield
        return
    numbers = [number for number in (signal.SIGTERM, HANGUP) if number is not None]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] == signal.SIG_DFL:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, handler)


@contextmanager
def left_to_the_first() -> Iterator[None]:
    """Let no signal end this process, one of several that train together: the first one hears it and ends them all."""
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM, HANGUP) if number is not None]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def outliving_terminal() -> Iterator[None]:
    """Let a line that is written to a terminal after it closed be lost, and not be the end of the job.

    The terminal is gone before its signal comes, and behind ``disown`` none comes at all.
    """
    before = sys.stdout, sys.stderr
    own = [_Terminal.around(stream) for stream in before]
    sys.stdout, sys.stderr = (new or old for new, old in zip(own, before, strict=True))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in own:
            if stream is not None and not stream.closed:
                stream.detach()  # else it would close the file that it shares


def leave_terminal() -> None:
    """Let nothing be written to a terminal that is gone: each line would be an error and end the job."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):  # `isatty` denies it once the terminal is gone
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _interrupt(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the tidying up
    if number == HANGUP:
        leave_terminal()
    raise KeyboardInterrupt


class _Terminal(TextIOWrapper):
    @classmethod
    def around(cls, stream: object) -> "_Terminal | None":
        if not isinstance(stream, TextIOWrapper) or not stream.isatty():
            return None
        return cls(stream.buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True)

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            _leave_if_gone(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            _leave_if_gone(error)


def _leave_if_gone(error: OSError) -> None:
    if error.errno != errno.EIO:
        raise error
    leave_terminal()
