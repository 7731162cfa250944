"""What a process may do that reads files of strangers: little memory, little time, no network, no other program."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, BinaryIO, Final

import psutil

#: Beginnings of the audit events that are refused. Python raises them before it does the thing.
_REFUSED: Final = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "pty.",
    "ctypes.", "urllib.", "http.", "ftplib.", "smtplib.", "imaplib.", "poplib.", "telnetlib.", "webbrowser.",
    "winreg.", "os.kill", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod",
    "os.chown", "os.truncate", "os.setxattr", "os.utime", "os.putenv", "shutil.", "tempfile.", "syslog.",
)  # fmt: skip
_REST_S: Final = 1.0
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(memory: int, folder: Path | None = None) -> None:
    """Confine this process for good; all that it needs should be imported already.

    Parameters
    ----------
    memory
        Bytes that it may take beyond what it has.
    folder
        The only folder in which it may write; ``None`` for nowhere.

    Notes
    -----
    A fence around decoders and filters that are meant to be safe, not the only wall: code in C is not asked.
    """
    sys.dont_write_bytecode = True
    if sys.platform == "linux":  # elsewhere the parent watches
        import resource

        limit = psutil.Process().memory_info().vms + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    allowed = None if folder is None else folder.resolve()

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if _writes(args) and not _inside(args[0], allowed):
                raise OSError(f"a confined process does not write {args[0]!r}")
        elif event.startswith(_REFUSED):
            raise OSError(f"a confined process does not do {event}")

    sys.addaudithook(refuse)


def _writes(args: tuple[Any, ...]) -> bool:
    return isinstance(args[2], int) and bool(args[2] & _WRITING)


def _inside(path: object, folder: Path | None) -> bool:
    if isinstance(path, int):
        return True  # it was opened before
    if folder is None or not isinstance(path, str | bytes | os.PathLike):
        return False
    return Path(os.path.realpath(os.fsdecode(path))).is_relative_to(folder)


def limit_time(seconds: float) -> None:
    """Let the system end this process when it computes for `seconds` from now; a new call sets a new limit."""
    with suppress(ImportError):  # Windows has none: there the parent watches
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the pipes for questions and answers; what libraries print goes to where errors go."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return questions, answers


def serve(
    questions: BinaryIO,
    answers: BinaryIO,
    answer: Callable[[bytes], bytes],
    rest: Callable[[], None] = lambda: None,
) -> None:
    """Answer each line with a line until nobody asks any more, and end at once when the one who asks is gone.

    Parameters
    ----------
    answer
        Makes the answer to a line.
    rest
        Called when nobody has asked for a second, until the next question.
    """
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(questions, lines), name="questions", daemon=True).start()
    answers.write(b"ready\n")
    answers.flush()
    while True:
        try:
            line = lines.get(timeout=_REST_S)
        except Empty:
            rest()
            line = lines.get()
        answers.write(answer(line) + b"\n")
        answers.flush()


def _listen(questions: BinaryIO, lines: "SimpleQueue[bytes]") -> None:
    while line := questions.readline():
        lines.put(line)
    os._exit(0)  # also while it decodes: nobody waits for that
