"""The process that does predictions and other short jobs; its death becomes a `Failed` message, never an exception."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

from segstudio.jobs.channel import heartbeat, parsed, read_lines
from segstudio.jobs.dead_worker import worker_died, worker_hung
from segstudio.jobs.messages import Failed, Finished, Message, Started, from_line
from segstudio.jobs.processes import Silence, close, end, spawn, worker_command
from segstudio.jobs.spec import JobSpec
from segstudio.jobs.throttle import Throttle

#: Seconds that a worker has to obey before it is ended.
PATIENCE = 10.0


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
        self._silence = Silence()
        self._silent: set[int] = set()

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
            self._silence = Silence()
            self._process = spawn(command, subprocess.PIPE, self._is_silent).process
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
            process, begun = self._process, bool(self._begun)
        if process is not None:
            close(process.stdin)
            # It listens when it has imported everything; a window closed before that need not wait for it.
            end(process, patience=2.0 if begun else 0.0)
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
        throttle = Throttle()
        for message in parsed(throttle.lines(self._without_beats(read_lines(process.stdout))), from_line):
            self._note(message)
            if throttle.passes(message):
                self._queue.put(message)
        code = process.wait()
        process.stdout.close()
        with self._lock:
            if self._process is process:
                close(process.stdin)
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
                hung = process.pid in self._silent
                self._queue.put(worker_hung(job_id) if hung else worker_died(job_id, code, self._log))
        for spec in innocent:
            self.submit(spec)

    def _note(self, message: Message) -> None:
        with self._lock:
            if isinstance(message, Started):
                self._begun.add(message.job_id)
            elif isinstance(message, Finished | Failed):
                self._open.pop(message.job_id, None)
                self._cancelled.discard(message.job_id)

    def _without_beats(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            if (busy := heartbeat(line)) is None:
                self._silence.said_something()
                yield line
            else:
                self._silence.heard(more_to_come=busy)

    def _is_silent(self) -> bool:
        process = self._process
        if process is None or not self._silence.too_long():
            return False
        self._silent.add(process.pid)
        return True

    def _end_stubborn(self, job_id: str, process: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            stubborn = job_id in self._cancelled and process is self._process
        if stubborn and process is not None:
            end(process, patience=1.0)
