"""Starts, follows and ends worker processes; a dead worker becomes a `Failed` message, never an exception."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from segstudio.jobs.channel import LineTail, parsed, read_lines
from segstudio.jobs.messages import Artifact, Facts, Failed, Finished, Message, Metric, Preview, Started, from_line
from segstudio.jobs.run_folder import Command, RunFolder
from segstudio.jobs.spec import JobSpec, TrainJob

#: Seconds that a worker has to obey before it is ended.
PATIENCE = 10.0
_POLL = 0.1
#: A disk with less room holds no checkpoint, bytes.
_FULL = 1 << 20
#: Exit codes of a process that ended with a `UserError`.
_REFUSED = (2, 3, 4)


def worker_command(*arguments: str) -> list[str]:
    """Return the command line of a worker process.

    A frozen program has no interpreter: its worker is the console program beside the window's.
    """
    if getattr(sys, "frozen", False):
        own = Path(sys.executable)
        return [str(own.with_name("segstudio" + own.suffix)), "worker", *arguments]
    return [sys.executable, "-m", "segstudio", "worker", *arguments]


def worker_died(job_id: str, exit_code: int | None, log: Path | None = None) -> Failed:
    """Return the message for a worker that went away without a word."""
    reason = "" if exit_code is None else f" (exit code {exit_code})"
    return Failed(
        time=time.time(),
        job_id=job_id,
        code="worker-died",
        message=f"The process that did this job ended unexpectedly{reason}.",
        hint="Your labels are safe. Start the job again; Go on continues a training from its last checkpoint. "
        "When it happens again, the computer may have run out of memory: reduce the batch or tile size.",
        details=_last_lines(log) if log is not None else "",
    )


class WarmWorker:
    """One process that does predictions and other short jobs, kept warm between them.

    Parameters
    ----------
    log
        File for what libraries print.
    command
        Command line of the worker; the default suits everything but tests.
    """

    def __init__(self, log: Path | None = None, command: list[str] | None = None) -> None:
        self._log = log
        self._command = command
        self._queue: SimpleQueue[Message | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._open: dict[str, JobSpec] = {}
        self._begun: set[str] = set()
        self._cancelled: set[str] = set()
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Process id of the worker; ``None`` when it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process unless it runs; returns at once."""
        with self._lock:
            if self._closing or self.pid is not None:
                return
            command = self._command or worker_command(*(["--log", str(self._log)] if self._log else []))
            self._process = _spawn(command, stdout=subprocess.PIPE)
            threading.Thread(target=self._read, args=(self._process,), name="warm-worker", daemon=True).start()

    def submit(self, spec: JobSpec) -> None:
        """Give the worker a job; it is started when it does not run. After `stop` nothing happens."""
        with self._lock:
            self.start()
            self._open[spec.job_id] = spec
            self._send(spec.model_dump_json())

    def cancel(self, job_id: str) -> None:
        """Stop one job; a worker that does not obey within `PATIENCE` seconds is ended and restarted when needed."""
        with self._lock:
            if job_id not in self._open:
                return
            self._cancelled.add(job_id)
            self._send(f'{{"kind": "cancel", "job_id": "{job_id}"}}')
        timer = threading.Timer(PATIENCE, self._end_stubborn, args=(job_id, self._process))
        timer.daemon = True
        timer.start()

    def stop(self) -> None:
        """End the process; `messages` ends too."""
        with self._lock:
            self._closing = True
            process = self._process
        if process is not None:
            _close(process.stdin)
            _end(process, patience=2.0)
        self._queue.put(None)

    def messages(self) -> Iterator[Message]:
        """Yield messages as they come, until `stop`; for one reader thread."""
        while (message := self._queue.get()) is not None:
            yield message

    def _send(self, line: str) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        except (OSError, ValueError):
            # Gone, or closed by `stop` (a ValueError): the reader thread reports each job that is then lost.
            return

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        for message in parsed(read_lines(process.stdout), from_line):
            with self._lock:
                if isinstance(message, Started):
                    self._begun.add(message.job_id)
                elif isinstance(message, Finished | Failed):
                    self._open.pop(message.job_id, None)
                    self._cancelled.discard(message.job_id)
            self._queue.put(message)
        code = process.wait()
        process.stdout.close()
        with self._lock:
            if self._process is process:
                _close(process.stdin)
            lost, self._open = self._open, {}
            cancelled, self._cancelled = self._cancelled, set()
            begun, self._begun = self._begun, set()
        # A job that had not begun did not end the process: it goes to the next one. A process in which nothing ever
        # began is not tried again.
        innocent = [spec for job_id, spec in lost.items() if begun and job_id not in begun and job_id not in cancelled]
        for job_id in sorted(lost):
            if job_id in cancelled:
                self._queue.put(Finished(time=time.time(), job_id=job_id, outcome="stopped"))
            elif not self._closing and lost[job_id] not in innocent:
                self._queue.put(worker_died(job_id, code, self._log))
        for spec in innocent:
            self.submit(spec)

    def _end_stubborn(self, job_id: str, process: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            stubborn = job_id in self._cancelled and process is self._process
        if stubborn and process is not None:
            _end(process, patience=1.0)


class RunProcess:
    """A training in its own process, followed through the files of its run folder.

    The window holds the training's standard input: when the window dies the training stops at its checkpoint,
    unless it was told to `detach`.
    """

    def __init__(
        self, run: RunFolder, process: "subprocess.Popen[bytes] | None" = None, before: int = 0, logged: int = 0
    ) -> None:
        self.run = run
        self._process = process
        self._before = before
        self._logged = logged
        self._closed = threading.Event()
        if process is not None:
            # Takes note of its end even when nobody asks any more, so that no zombie stays.
            threading.Thread(target=_reap, args=(process,), name="training-end", daemon=True).start()

    @classmethod
    def start(cls, job: TrainJob, command: list[str] | None = None) -> "RunProcess":
        """Write the run folder and start the training; raise `WrongUsage` when the folder is taken."""
        run = RunFolder.create(job)
        before = len(run.events())
        with run.log_file.open("ab") as log:
            logged = log.tell()
            process = _spawn(command or worker_command("--run", str(run.path)), stdout=log)
        return cls(run, process, before, logged)

    @classmethod
    def attach(cls, folder: Path) -> "RunProcess":
        """Follow a run that another window, or another computer, started."""
        run = RunFolder(folder)
        run.job()
        return cls(run)

    @property
    def alive(self) -> bool:
        """Whether the training's process runs."""
        if self._process is not None:
            return self._process.poll() is None
        return self.run.process_alive()

    def send(self, command: Command) -> None:
        """Tell the training to pause, resume, stop with its best result, or go on without this window."""
        self.run.command(command)
        if command == "detach" and self._process is not None:
            _close(self._process.stdin)

    def kill(self) -> None:
        """End the process at once; the last checkpoint stays."""
        if self._process is not None:
            _end(self._process, patience=0.0)
        else:
            self.run.kill()

    def close(self) -> None:
        """Let `messages` end; the training goes on as it was told before."""
        self._closed.set()

    def messages(self) -> Iterator[Message]:
        """Yield all messages of the run from its start, then new ones as they come.

        Ends after the `Finished` or `Failed` of the process that runs now; how earlier ones fared, before a resume,
        is left out. When that process is gone without a word the last message is a `Failed` of code
        ``"worker-died"``.
        """
        job_id = self.run.job().job_id  # the folder may be gone when its process ends
        tail, last, first = LineTail(self.run.events_file), None, True
        while not self._closed.is_set():
            alive = self.alive  # before reading: what it wrote before it ended is then read below
            new = list(parsed(iter(tail.read()), from_line))
            if first:
                new, first = self._of_this_process(new), False
            for message in new:
                last = message
                yield message
            if alive:
                self._closed.wait(_POLL)
            elif isinstance(last, Finished | Failed):
                return
            else:
                yield self._refusal() or self._died(job_id)
                return

    def _died(self, job_id: str) -> Failed:
        if _is_full(self.run.path):  # it could not even write why it ended
            return Failed(
                time=time.time(),
                job_id=job_id,
                code="disk-full",
                message=f"The disk is full; nothing more can be written in {self.run.path}.",
                hint="Free some space; Go on then continues the training from its last checkpoint. "
                "Your labels are safe.",
            )
        code = self._process.returncode if self._process is not None else None
        return worker_died(job_id, code, self.run.log_file)

    def _refusal(self) -> Failed | None:
        """Return why the process did not even begin: the run's files belong to another one, so it told its log."""
        if self._process is None or self._process.returncode not in _REFUSED:
            return None
        told = parsed(iter(LineTail(self.run.log_file, self._logged).read()), from_line)
        return next((message for message in told if isinstance(message, Failed)), None)

    def _of_this_process(self, messages: list[Message]) -> list[Message]:
        """Return what the newest process said, and what earlier ones learned: figures, previews, files."""
        starts = (index for index, message in enumerate(messages) if isinstance(message, Started))
        begin = max(self._before, *starts, 0)
        learned = [message for message in messages[:begin] if isinstance(message, Metric | Facts | Preview | Artifact)]
        return learned + messages[begin:]


def _spawn(command: list[str], stdout: "int | IO[bytes]") -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    errors = subprocess.STDOUT if stdout != subprocess.PIPE else subprocess.DEVNULL
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=errors,
        env=environment,
        # Ctrl+C in a terminal must reach the window only, which then tells its workers.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _reap(process: "subprocess.Popen[bytes]") -> None:
    process.wait()
    _close(process.stdin)


def _end(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """Wait, ask, then kill; returns when the process is gone."""
    for ask, wait in ((None, patience), (process.terminate, min(patience, 1.0)), (process.kill, 5.0)):
        if ask is not None:
            ask()
        try:
            process.wait(wait)
            return
        except subprocess.TimeoutExpired:
            continue


def _close(stream: IO[bytes] | None) -> None:
    if stream is None:
        return
    try:
        stream.close()
    except OSError:
        return


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


def _last_lines(log: Path, count: int = 40) -> str:
    try:
        return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return ""
