"""The process of a training, followed through its run folder; its death becomes a `Failed` message."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from segstudio.jobs.channel import LineTail, parsed
from segstudio.jobs.dead_worker import last_lines, worker_died, worker_hung
from segstudio.jobs.events_file import messages_in
from segstudio.jobs.failures import failure
from segstudio.jobs.messages import Artifact, Facts, Failed, Finished, Message, Metric, Preview, Started, from_line
from segstudio.jobs.processes import Child, Silence, close, end, spawn, worker_command
from segstudio.jobs.run_folder import Command, RunFolder
from segstudio.jobs.run_keeper import folder_gone
from segstudio.jobs.spec import TrainJob

_POLL = 0.1
#: Within this time a process makes its folder again when that was deleted, seconds.
_MADE_AGAIN_S = 5.0
#: A disk with less room holds no checkpoint, bytes.
_FULL = 1 << 20
#: Exit codes of a process that ended with a `UserError`.
_REFUSED = (2, 3, 4)


class RunProcess:
    """A training in its own process, followed through the files of its run folder.

    The window holds the training's standard input: when the window dies the training stops at its checkpoint,
    unless it was told to `detach`.
    """

    def __init__(self, run: RunFolder, child: Child | None = None, before: int = 0, logged: int = 0) -> None:
        self.run = run
        self._child = child
        self._process = child.process if child is not None else None
        self._before = before
        self._logged = logged
        self._closed = threading.Event()
        self._silence = Silence()
        self._beat = 0

    @classmethod
    def start(cls, job: TrainJob, command: list[str] | None = None) -> "RunProcess":
        """Write the run folder and start the training; raise `WrongUsage` when the folder is taken."""
        run = RunFolder.create(job)
        before = sum(1 for _ in messages_in(run.events_file))
        with run.log_file.open("ab") as log:
            logged = log.tell()
            child = spawn(command or worker_command("--run", str(run.path)), stdout=log)
        return cls(run, child, before, logged)

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
        if command == "detach" and self._child is not None:
            self._child.let_go()
            close(self._child.process.stdin)

    def kill(self) -> None:
        """End the process at once; the last checkpoint stays."""
        if self._process is not None:
            end(self._process, patience=0.0)
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
            if alive and self._is_silent():
                self.kill()
                yield worker_hung(job_id, last_lines(self.run.log_file))
                return
            if alive:
                self._closed.wait(_POLL)
            elif isinstance(last, Finished | Failed):
                return
            elif not self._comes_back():
                yield self._refusal() or self._died(job_id)
                return

    def _comes_back(self) -> bool:
        """Wait for the process that another window started to make its deleted folder again: who it is stood there."""
        end = time.monotonic() + _MADE_AGAIN_S
        while self._process is None and not self.run.job_file.exists() and time.monotonic() < end:
            if self._closed.wait(_POLL):
                break
        return self._process is None and self.alive

    def _is_silent(self) -> bool:
        """Whether the training has stood still for too long; one on another computer, or disk, is left alone."""
        beat = self.run.last_beat()
        if beat is None or self.run.elsewhere:
            self._silence.heard(more_to_come=False)
        elif beat != self._beat:
            # The first one is the claim of the folder: from the second on they are known to come.
            self._silence.heard(more_to_come=self._beat != 0)
            self._beat = beat
        return self._silence.too_long()

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
        if not self.run.job_file.exists():
            return failure(folder_gone(self.run), job_id).model_copy(update={"time": time.time()})
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


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False
