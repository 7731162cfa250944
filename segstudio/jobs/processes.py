"""Child processes that never outlive this one unless they were let go, and whose own children never outlive them."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Final

from segstudio.core.program import program_command
from segstudio.jobs.windows_job import JobObject

#: Exit code of a worker that found out itself that it stands still.
HUNG: Final = 75
#: Seconds without a sign of life after which a process that works counts as hung.
SILENCE_S: Final = 14.0
_LOOK: Final = 0.25
_PR_SET_PDEATHSIG: Final = 1
#: What a pipe holds: each read gives the interpreter away, and a busy window is slow to give it back.
_BUFFER: Final = 1 << 16


class Child:
    """One child process, kept by a thread that lives as long as it does.

    Attributes
    ----------
    process
        As `subprocess` gives it.

    Notes
    -----
    On Linux the system tells a child when the *thread* ends that started it, not the process: that thread has to be
    one which stays. When the child is gone the rest of its process group is ended.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", job: JobObject | None) -> None:
        self.process = process
        self._job = job

    def let_go(self) -> None:
        """Let the child outlive this process."""
        if self._job is not None:
            self._job.let_go()


def spawn(command: list[str], stdout: "int | IO[bytes]", look: Callable[[], bool] = lambda: False) -> Child:
    """Start a process whose standard input is a pipe that this process holds.

    Parameters
    ----------
    stdout
        A file gets what the process writes to standard error too.
    look
        Called some times a second; the process is ended when it returns whether it hangs.

    Raises
    ------
    OSError
        It could not be started.
    """
    started: Future[Child] = Future()
    threading.Thread(target=_keep, args=(command, stdout, look, started), name="process-keeper", daemon=True).start()
    return started.result()


def _keep(command: list[str], stdout: "int | IO[bytes]", look: Callable[[], bool], started: "Future[Child]") -> None:
    try:
        process = _start(command, stdout)
    except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
        started.set_exception(error)
        return
    job = JobObject.around(process)
    started.set_result(Child(process, job))
    while process.poll() is None:
        time.sleep(_LOOK)
        if look():
            end_group(process.pid)
            process.kill()
    end_group(process.pid)
    close(process.stdin)
    if job is not None:
        job.close()


def _start(command: list[str], stdout: "int | IO[bytes]") -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "PYTHONFAULTHANDLER": "1"}
    errors = subprocess.STDOUT if stdout != subprocess.PIPE else subprocess.DEVNULL
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=errors,
        env=environment,
        bufsize=_BUFFER,
        # Ctrl+C in a terminal must reach the window only, which then tells its workers.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def end_group(leader: int) -> None:
    """End what is left of the process group that `leader` was started as."""
    if sys.platform != "win32":  # there the job object does it
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def end_own_group() -> None:
    """End this process and its children, at once; a process that leads no group of its own ends alone."""
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def hear_of_parents_end(tell: Callable[[], None]) -> None:
    """Call `tell`, on a thread, when the process that started this one is gone, where the system can say so.

    Also when this one was stopped (``SIGSTOP``): it goes on then. To be called on the main thread.
    """
    if sys.platform != "linux":
        return  # the end of standard input says it
    parent, set_up = os.getppid(), threading.Event()
    heard, told = os.pipe()
    os.set_blocking(told, False)
    # Whatever thread the system gives the signal to writes a byte; a handler would wait for the main thread.
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCONT, lambda *_: None)
    threading.Thread(target=_watch_parent, args=(parent, heard, set_up, tell), name="parent-watch", daemon=True).start()
    set_up.wait()


def _watch_parent(parent: int, heard: int, set_up: threading.Event, tell: Callable[[], None]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)  # for as long as this thread lives
    set_up.set()
    while os.getppid() == parent:
        os.read(heard, _BUFFER)
    tell()


def end(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """Wait, ask, then kill; returns when the process is gone."""
    for ask, wait in ((None, patience), (process.terminate, min(patience, 1.0)), (process.kill, 5.0)):
        if ask is not None:
            ask()
        try:
            process.wait(wait)
            return
        except subprocess.TimeoutExpired:
            continue


def close(stream: IO[bytes] | None) -> None:
    """Close a pipe whose other end may be gone."""
    if stream is not None:
        with suppress(OSError):
            stream.close()


class Silence:
    """How long a process that works has given no sign of life, in time that this process itself was awake.

    Parameters
    ----------
    limit
        Seconds that are a hang.
    """

    def __init__(self, limit: float = SILENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._looked = clock()
        self._seconds = 0.0
        self._expected = False

    def heard(self, *, more_to_come: bool = True) -> None:
        """Take note of a sign of life, and whether the next one is expected soon."""
        self._seconds, self._expected = 0.0, more_to_come

    def said_something(self) -> None:
        """Take note of anything else that it said."""
        self._seconds = 0.0

    def too_long(self) -> bool:
        """Return whether it lasts too long; to be asked about once a second at least."""
        now = self._clock()
        # A computer that slept, or was too busy for this process, says nothing about the other one.
        self._seconds += min(now - self._looked, 1.0)
        self._looked = now
        return self._expected and self._seconds > self._limit


def worker_command(*arguments: str) -> list[str]:
    """Return the command line of a worker process."""
    return program_command("worker", *arguments)
